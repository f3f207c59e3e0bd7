"""Who may include whom.

A folder includes only what stands right of it in
    app > train, analysis > nn, optim, data, dist > kernels > parallel, comm, io > core
and siblings do not include each other. One folder each sees TBB, MPI, HDF5 and oneDNN. Only comm and app
decide anything by the number of ranks.
"""

import re
import sys

import source_files

LEVELS = [
    {"app"},
    {"train", "analysis"},
    {"nn", "optim", "data", "dist"},
    {"kernels"},
    {"parallel", "comm", "io"},
    {"core"},
]
LEVEL = {folder: level for level, folders in enumerate(LEVELS) for folder in folders}

# Headers of libraries, and the one folder that may include them.
LIBRARIES = [
    (r"tbb/|oneapi/tbb", "parallel"),
    (r"mpi\.h|mpi", "comm"),
    (r"hdf5|H5|hdf5_hl", "io"),
    (r"dnnl|oneapi/dnnl|omp\.h", "kernels"),
    (r"Eigen/", "kernels"),
    (r"png\.h", "analysis"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# A decision, not arithmetic: a comparison of the number of ranks with a number.
RANK_DECISION = re.compile(
    r"(group_?(?:\.|->)size\(\)|\branks(?:_|\(\))?|world\(\)\.size\(\))\s*(>|<|>=|<=|==|!=)\s*\d")


def folder_of(path):
    """The folder of the library that a file belongs to, or None: a header of include/lockstep, or src."""
    parts = path.relative_to(source_files.root()).parts
    if parts[0] == "src":
        return parts[1]
    if parts[:2] == ("include", "lockstep"):
        return parts[2]
    return None


def included_folder(path, quoted):
    """The folder that an include in quotes leads to, or None for a file beside the one that includes it."""
    if quoted.startswith("lockstep/"):
        return quoted.split("/")[1]
    beside = (path.parent / quoted).resolve()
    if beside.is_file():
        return folder_of(beside)
    return None if "/" not in quoted else quoted.split("/")[0]


def may_include(folder, other):
    return folder == other or LEVEL[folder] < LEVEL[other]


def breaks_of_line(path, folder, line):
    if folder not in ("comm", "app") and RANK_DECISION.search(line):
        yield "decides by the number of ranks, which is for comm and app; a group of one is a group"
    match = INCLUDE.match(line)
    if not match:
        return
    kind, included = match.groups()
    if kind == '"':
        other = included_folder(path, included)
        if other is not None and other not in LEVEL:
            yield f"includes {included}, of the unknown folder {other}"
        elif other is not None and not may_include(folder, other):
            yield f"{folder} includes {included}; it may include only what stands below it"
    for pattern, owner in LIBRARIES:
        if re.match(pattern, included) and folder != owner:
            yield f"{folder} includes {included}; only {owner} may"


def check_the_checks():
    """The rule has to find what breaks it."""
    path = source_files.root() / "src" / "nn" / "network.cpp"
    bad = ['#include "lockstep/train/model.h"', '#include "lockstep/data/dataset.h"', "#include <mpi.h>",
           "#include <tbb/task_arena.h>", "#include <hdf5.h>", "#include <dnnl.h>", "  if (group.size() > 1) {",
           "x = ranks == 1 ? a : b;", "group_->size() < 2"]
    good = ['#include "lockstep/nn/layer.h"', '#include "lockstep/kernels/gemm.h"', "#include <vector>",
            "rank * blocks / group.size()", "partials.size() < 2", '#include "layers/layers.h"']
    for line in bad:
        if not list(breaks_of_line(path, "nn", line)):
            sys.exit(f"the check does not find: {line}")
    for line in good:
        if list(breaks_of_line(path, "nn", line)):
            sys.exit(f"the check is wrong about: {line}")


def main():
    check_the_checks()
    broken = []
    for path in source_files.files(".h", ".cpp"):
        folder = folder_of(path)
        if folder is None:
            continue
        if folder not in LEVEL:
            broken.append(f"{source_files.name(path)}: the folder {folder} is not in the rule")
            continue
        for number, line in source_files.code_lines(path):
            for what in breaks_of_line(path, folder, line):
                broken.append(f"{source_files.name(path)}:{number}: {what}")
    source_files.end("include rule", broken)


main()
