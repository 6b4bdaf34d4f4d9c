"""One command of ours in a process of its own; as its last words, its peak of memory in kB.

`python -m tests.bench.whole review scan ...`. That of getrusage would begin with the process that
started it.
"""

import sys
from pathlib import Path

from bot.cli import main

try:
    main()
finally:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            sys.stderr.write(f"{line.split()[1]}\n")
