"""The lstchain of an environment is asked for its config."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lstluigi.errors import LstluigiError
from lstluigi.request.environments import is_private, standard


def program(path: Path, *lines: str) -> Path:
    """An executable of a few lines of sh."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """An environment with an lstchain of two files in it."""
    site = tmp_path / "env" / "site"
    (site / "lstchain" / "scripts").mkdir(parents=True)
    (site / "lstchain" / "__init__.py").write_text("")
    (site / "lstchain" / "scripts" / "__init__.py").write_text("")
    (site / "lstchain-9.8.7.dist-info").mkdir()
    (site / "lstchain-9.8.7.dist-info" / "METADATA").write_text("Name: lstchain\nVersion: 9.8.7\n")
    (site / "lstchain" / "scripts" / "lstchain_dump_config.py").write_text(
        "import sys\nassert sys.argv[1:3] == ['--mc', '-o']\n"
        "open(sys.argv[3], 'w').write('{\"a\": [0, Infinity]}')\n"
    )
    line = f'PYTHONPATH={site} exec {sys.executable} "$@"'
    return program(tmp_path / "env" / "bin" / "python", line).parent.parent


def test_the_standard_config_is_lstchains_own() -> None:
    pytest.importorskip("lstchain")
    from lstchain.io.config import get_mc_config

    found = standard()
    assert found.content == get_mc_config()
    assert found.version.count(".") >= 2


def test_an_environment_is_a_directory_or_a_python(elsewhere: Path) -> None:
    for environment in (elsewhere, elsewhere / "bin" / "python"):
        found = standard(str(environment))
        assert found.version == "9.8.7"
        assert found.content == {"a": [0, float("inf")]}


def test_an_environment_is_a_name_that_conda_knows(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 'test "$1 $2 $3 $4" = "run -n lstchain-v9 python" && shift 4'
    program(tmp_path / "bin" / "conda", f'{asked} && exec {elsewhere}/bin/python "$@"')
    monkeypatch.delenv("CONDA_EXE", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert standard("lstchain-v9").version == "9.8.7"


def test_what_is_not_there_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONDA_EXE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    for environment, told in {
        "lstchain-v9": "there is no conda here",
        f"{tmp_path}/env": "there is no Python at",
        str(program(tmp_path / "bare", "echo 'No module named lstchain' >&2", "exit 1")): (
            "No module named lstchain"
        ),
        str(program(tmp_path / "mute", "exit 3")): "exit code 3",
    }.items():
        with pytest.raises(LstluigiError, match=told) as error:
            standard(environment)
        assert "--lstchain_base FILE" in str(error.value)


def test_a_path_says_something_about_a_person() -> None:
    assert is_private("/home/someone/env")
    assert not is_private("lstchain-v0.12.3")
