"""The command `lstluigi` with another number of steps in a chunk: ``python per_chunk.py 1 run ...``

Configs have no key for it. lstmcpipe has one job for each step, so to compare schedules both have.
"""

from __future__ import annotations

import sys

from lstluigi.cli import main
from lstluigi.stages import STAGES

if __name__ == "__main__":
    number = int(sys.argv.pop(1))
    for stage in STAGES.values():
        type(stage).per_chunk = number
    main()
