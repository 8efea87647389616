"""Importing luigi without jsonschema and requests, in fresh processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from harness import Luigid

ROOT = Path(__file__).parents[2]


def python(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_they_are_kept_out_and_can_be_imported_afterwards() -> None:
    assert (
        python(
            "import sys\n"
            "import lstluigi.scheduler\n"
            "print([m for m in ('jsonschema', 'rfc3987_syntax', 'requests', 'numpy', 'astropy')"
            " if m in sys.modules])\n"
            "assert not [f for f in sys.meta_path if type(f).__module__.startswith('lstluigi')]\n"
            "import requests, jsonschema; requests.Session; jsonschema.validate(1, {})"
        )
        == "[]"
    )


def test_a_schema_is_still_checked() -> None:
    script = (
        "from lstluigi.scheduler.luigi_import import import_luigi\n"
        "luigi = import_luigi()\n"
        "class T(luigi.Task):\n"
        "    tags = luigi.DictParameter(schema={'type': 'object', 'maxProperties': 1})\n"
        "print(T(tags={'a': 1}).tags['a'])\n"
        "try: T(tags={'a': 1, 'b': 2})\n"
        "except Exception as error: print(type(error).__module__)"
    )
    assert python(script).splitlines() == ["1", "jsonschema.exceptions"]


@pytest.mark.parametrize("module", ["jsonschema", "requests"])
def test_what_was_imported_before_is_used(module: str) -> None:
    script = (
        f"import {module}, lstluigi.scheduler, luigi.parameter, luigi.rpc\n"
        "print(luigi.parameter.jsonschema.__class__.__name__, luigi.rpc.HAS_REQUESTS)"
    )
    expected = {"jsonschema": "module False", "requests": "_OnFirstUse True"}
    assert python(script) == expected[module]


def test_a_luigi_imported_before_is_left_alone() -> None:
    assert python("import luigi.rpc, lstluigi.scheduler; print(luigi.rpc.HAS_REQUESTS)") == "True"


@pytest.mark.slow
def test_luigid_is_reached_with_urllib(luigid: Luigid) -> None:
    script = (
        "import lstluigi.scheduler, luigi, sys\n"
        f"reply = luigi.rpc.RemoteScheduler({luigid.url!r}).is_pause_enabled()\n"
        "print(reply, 'requests' in sys.modules)"
    )
    assert python(script) == "{'enabled': True} False"
