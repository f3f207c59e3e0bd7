"""Every C++ file is as clang-format leaves it."""

import re
import shutil
import subprocess
import sys

import source_files

SKIPPED = 77  # what ctest takes as "not run"


def main():
    if shutil.which("clang-format") is None:
        print("SKIPPED: clang-format is not installed, so formatting was not checked (Debian: apt-get install clang-format)")
        sys.exit(SKIPPED)
    names = [source_files.name(path) for path in source_files.files(".h", ".cpp")]
    # All at once: starting it takes longer than it is at work for a file.
    checked = subprocess.run(["clang-format", "--style=file", "--dry-run", "-Werror", *names], capture_output=True, text=True,
                             cwd=source_files.root())
    first_lines = dict(reversed(re.findall(r"^([^:\n]+):(\d+):\d+: error: code should be clang-formatted", checked.stderr, re.M)))
    if checked.returncode != 0 and not first_lines:
        sys.exit(f"clang-format failed: {checked.stderr}")
    source_files.end("formatting", [f"{name}:{line}: run clang-format -i on it" for name, line in sorted(first_lines.items())])


main()
