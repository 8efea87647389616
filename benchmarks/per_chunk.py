"""The command `lstluigi` with another number of files or steps in a chunk: `per_chunk.py 1 run`.

Configs have no key for it. lstmcpipe has one job for each step, so to compare schedules both have.
"""

from __future__ import annotations

import sys

from lstluigi.cli import main
from lstluigi.stages.base import Stage

if __name__ == "__main__":
    number = int(sys.argv.pop(1))
    Stage.capacity = lambda stage, units: number  # type: ignore[method-assign]
    main()
