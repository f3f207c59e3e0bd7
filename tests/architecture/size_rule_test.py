"""Files stay short enough to be read in one go."""

import source_files

MOST_LINES = 450


def main():
    broken = []
    for path in source_files.files(".h", ".cpp", ".py", ".sh"):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            broken.append(f"{source_files.name(path)}: {lines} lines; at most {MOST_LINES}, so divide it")
    source_files.end("file sizes", broken)


main()
