"""Every C++ file is as clang-format leaves it."""

import shutil
import subprocess
import sys

import source_files

SKIPPED = 77  # what ctest takes as "not run"


def main():
    if shutil.which("clang-format") is None:
        print("SKIPPED: clang-format is not installed, so formatting was not checked (Debian: apt-get install clang-format)")
        sys.exit(SKIPPED)
    broken = []
    for path in source_files.files(".h", ".cpp"):
        formatted = subprocess.run(["clang-format", "--style=file", str(path)], capture_output=True, text=True,
                                   check=True, cwd=source_files.root()).stdout
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, (found, expected) in enumerate(zip(lines, formatted.splitlines()), start=1):
            if found != expected:
                broken.append(f"{source_files.name(path)}:{number}: run clang-format -i on it")
                break
        else:
            if path.read_text(encoding="utf-8") != formatted:
                broken.append(f"{source_files.name(path)}: run clang-format -i on it")
    source_files.end("formatting", broken)


main()
