#!/usr/bin/python3
"""Runs a command, then prints one more line: the megabytes that its largest process held at its peak.

A process of its own, and a small one: what a process held before it became another program counts for that program
too, and compare.py may hold all of torch.
"""

import resource
import subprocess
import sys

code = subprocess.call(sys.argv[1:])
sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6:.1f}\n")
sys.exit(code)
