"""What a config asks for, and what a real cluster and its site profile make of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_production import ClusterProduction
from lab import BIN, HERE, Run
from slurm_lab import SlurmLab

pytestmark = pytest.mark.slurm
FULL_SIZE = {"mem": "160G", "cpus-per-task": 16}


@pytest.fixture
def production(
    slurm: SlurmLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ClusterProduction]:
    """One on the shared cluster; a run that a failing test leaves behind is ended."""
    production = ClusterProduction(tmp_path / "production", slurm, monkeypatch)
    yield production
    production.kill()


def typed(production: ClusterProduction, *words: str) -> Run:
    """Type a command for the config."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE.parent),
        "LSTLUIGI_PROD_LOGS": str(production.prod_logs),
    }
    line = [str(BIN / "lstluigi"), words[0], str(production.config), *words[1:]]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return Run(done.returncode, done.stdout + done.stderr)


@pytest.mark.parametrize(
    ("settings", "step", "named"),
    [
        ({"user_account": "dpps"}, {}, "account dpps"),
        ({}, {"account": "dpps"}, "account dpps"),
        ({}, {"qos": "gold"}, "qos gold"),
        ({}, FULL_SIZE, "memory 163840 MB"),
    ],
)
def test_what_slurm_would_refuse_is_refused_beforehand(
    production: ClusterProduction, settings: dict[str, str], step: dict[str, object], named: str
) -> None:
    """By validate as by a run, also by one that was to go on without this terminal."""
    production.settings |= settings
    production.nodes({"a": "1"}, **({"extra_slurm_options": step} if step else {}))
    for command in ("validate --check-paths", "run", "run --dry-run", "run --detach"):
        ended = typed(production, *command.split())
        assert ended.code == 2, (command, ended.text)
        assert named in ended.text, (command, ended.text)
    assert production.jobs() == []


def test_a_profile_maps_the_account_and_lowers_the_rest(
    production: ClusterProduction, tmp_path: Path
) -> None:
    site = tmp_path / "site.yml"
    site.write_text("site_accounts: {dpps: lab}\nover_limits: lower\n")
    production.settings |= {"user_account": "dpps"}
    production.nodes({"a": "1"}, extra_slurm_options=FULL_SIZE)
    looked = typed(production, "validate", "--check-paths", "--site", str(site))
    errors = [line for line in looked.text.splitlines() if line.startswith("error: ")]
    assert all("lstchain.json" in error for error in errors)  # of the stand-in
    ended = typed(production, "run", "--site", str(site))
    assert ended.code == 0, ended.text
    for text in (looked.text, ended.text):
        assert "r0_to_dl1, 1 step(s): memory 163840 MB" in text
    assert production.files() == {"dl1/0/dl1_a.h5"}
