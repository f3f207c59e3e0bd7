"""What the rules of the source share: its files, and how a broken rule is reported."""

import pathlib
import sys

SOURCE_FOLDERS = ("include", "src", "tests", "bench")


def root():
    return pathlib.Path(sys.argv[1]).resolve()


def files(*suffixes):
    """Every source file with one of these endings, in order."""
    for folder in SOURCE_FOLDERS:
        for path in sorted((root() / folder).rglob("*")):
            if path.is_file() and path.suffix in suffixes:
                yield path


def name(path):
    return path.relative_to(root()).as_posix()


def code_lines(path):
    """Numbers and texts of a C++ file's lines, without comments that run to the end of a line."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        yield number, line.split("//")[0]


def end(rule, broken):
    """Ends the process: every break of the rule on a line of its own."""
    for line in broken:
        print(line)
    if broken:
        sys.exit(f"{rule}: broken in {len(broken)} place(s)")
    print(f"{rule}: holds")
