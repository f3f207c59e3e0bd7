"""What scaling.py and forecast.py leave behind: rows as CSV and as a table, and lines over the workers as SVG."""
import csv
import subprocess
import sys


def write_csv(path, rows):
    """Rows are dictionaries with the same keys, which become the header."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(rows, columns):
    """Markdown; `columns` maps a heading to the text of a row's cell. Numbers stand on the right."""
    cells = [[text(row) for text in columns.values()] for row in rows]
    right = [all(row[c][:1].isdigit() or not row[c] for row in cells) for c in range(len(columns))]
    lines = [list(columns), ["---:" if number else "---" for number in right], *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def efficiency(rate, workers, base_rate, base_workers):
    """Samples/s beside what the base's workers, multiplied, would do."""
    return rate / base_rate * base_workers / workers


def points(rows, x, series, panels):
    """The rows of plot.cpp's points.csv. `panels` maps a panel's name to its scale and a row's value."""
    lines = ["panel,scale,series,x,y"]
    for name, (scale, value) in panels.items():
        lines += [f"{name},{scale},{series(row)},{x(row)},{value(row)}" for row in rows]
    return "\n".join(lines) + "\n"


def draw(program, path, title, x_label, text):
    """An SVG of points(), by the program that plot.cpp becomes; without it the file is not written, and that is said."""
    try:
        drawn = subprocess.run([program, title, x_label], input=text, capture_output=True, text=True)
    except FileNotFoundError:
        print(f"{path} is not drawn: there is no {program}; `cmake -S . -B build/bench -DLOCKSTEP_BENCH=ON -DLOCKSTEP_TESTS=OFF && "
              "cmake --build build/bench --target scaling_plot` builds it", file=sys.stderr)
        return
    if drawn.returncode != 0:
        sys.exit(f"{program}: {drawn.stderr.strip()}")
    path.write_text(drawn.stdout, encoding="utf-8")
