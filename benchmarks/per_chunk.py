"""The commands `lstluigi` and `luigi`, with other settings of Slurm than a site's.

Called as ``python with_settings.py SETTINGS.json lstluigi run ...`` or with ``luigi --module ...``.
SETTINGS holds keys of `lstluigi.jobs.settings.SlurmSettings`, and ``per_chunk`` for all stages
whose steps share chunks.
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path

from lstluigi import cli
from lstluigi import session as session_module
from lstluigi._luigi_import import import_luigi
from lstluigi.jobs.settings import SlurmSettings
from lstluigi.stages import STAGES


def main() -> None:
    """Set what is to be set, then be the command."""
    path, command, *arguments = sys.argv[1:]
    settings = json.loads(Path(path).read_text(encoding="utf-8"))
    per_chunk = settings.pop("per_chunk", None)
    if per_chunk is not None:
        for stage in STAGES.values():
            type(stage).per_chunk = per_chunk
    session_module.SlurmSettings = functools.partial(SlurmSettings, **settings)
    sys.argv = [command, *arguments]
    if command == "luigi":
        import_luigi()
        from luigi.cmdline import luigi_run

        luigi_run(arguments)
    else:
        cli.main()


if __name__ == "__main__":
    main()
