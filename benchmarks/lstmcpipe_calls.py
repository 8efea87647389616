"""What lstmcpipe submits for NSB-0.07, with an sbatch that counts and answers at once.

lstmcpipe is not among lstluigi's dependencies: install it into an environment of its own
(``pip install lstmcpipe==0.11.5``) and name its command.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import large
from cluster import Report, arguments, workplace

SBATCH = """#!/bin/bash
echo >> {calls}
echo $((1000 + RANDOM))
"""


def main() -> int:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("lstmcpipe", type=Path, help="path of its command")
    parser.add_argument("--files", type=int, default=large.FILES_PER_NODE, help="files a node")
    given = parser.parse_args()
    with workplace(given) as root:
        config = large.write_config(root / "data")
        files = large.write_dl0(config, given.files)
        (root / "bin").mkdir()
        calls = root / "calls.log"
        sbatch = root / "bin" / "sbatch"
        sbatch.write_text(SBATCH.format(calls=calls))
        sbatch.chmod(0o755)
        path = f"{root / 'bin'}{os.pathsep}{given.lstmcpipe.parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "LSTMCPIPE_PROD_LOGS": str(root / "logs")}
        environment.pop("PYTHONPATH", None)
        lstchain = root / "data" / "lstchain_config.json"
        argv = [str(given.lstmcpipe), "-c", str(config), "-conf_lst", str(lstchain)]
        started = time.perf_counter()
        done = subprocess.run(
            argv, env=environment, input="y\n" * 10, cwd=root, capture_output=True, text=True
        )
        took = time.perf_counter() - started
        count = len(calls.read_text().splitlines()) if calls.exists() else 0
        report = Report(f"lstmcpipe, {files} files, an sbatch that answers at once")
        report.add("calls of sbatch", count, sbatch=count)
        report.add("start to last submission", f"{took:.1f} s", took_s=took)
        report.add("exit code", done.returncode)
        report.tell(given.json)
        if done.returncode != 0:
            print(done.stdout[-2000:], done.stderr[-2000:])
    return done.returncode or int(count == 0)


if __name__ == "__main__":
    sys.exit(main())
