"""Who gets Luigi when they import lstluigi: everybody but the command that looks something up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lstluigi.run.setup import is_command

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("argv", "typed", "expected"),
    [
        (["/venv/bin/lstluigi", "list"], ["python", "/venv/bin/lstluigi", "list"], True),
        (["-m"], ["python", "-P", "-m", "lstluigi.cli", "run"], True),
        (["-m"], ["python", "-m", "luigi", "--module", "lstluigi"], False),
        (["-m"], ["python", "-m", "pytest", "-m", "lstluigi.cli"], False),
        (["/venv/bin/luigi"], ["python", "/venv/bin/luigi", "--module", "lstluigi"], False),
        (["-c"], ["python", "-c", "import lstluigi"], False),
        ([""], ["python"], False),
        ([], ["python"], False),
    ],
)
def test_which_process_is_the_command(
    argv: list[str], typed: list[str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", typed)
    assert is_command() is expected


def said(code: str) -> str:
    command = [sys.executable, "-c", f"import sys\n{code}"]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def test_importing_sets_luigi_up() -> None:
    assert said("import lstluigi, luigi; print(luigi.interface.core().workers)") == "10000"


def test_the_command_gets_it_on_demand() -> None:
    code = (
        "sys.argv = ['lstluigi']\n"
        "import lstluigi, lstluigi.errors\n"
        "print('luigi' in sys.modules)\n"
        "print(lstluigi.MergeDL1.__name__, hasattr(lstluigi, 'Nothing'))\n"
        "import luigi; print(luigi.interface.core().workers)"
    )
    assert said(code).split() == ["False", "MergeDL1", "False", "10000"]
