"""The catalogue against the installed lstchain."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import math
import os
from importlib.metadata import entry_points, version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from lab import Lab, full

from lstluigi.production.step import NO_FILES, general_commands
from lstluigi.stages import STAGES
from lstluigi.validation.lstchain_catalogue import FILE, amiss, catalogue
from lstluigi.validation.options import _of_command

TOOL = Path(__file__).parents[2] / "tools" / "lstchain_catalogue.py"

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lstchain_catalogue", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_what_the_installed_lstchain_says(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["catalogue"])
    now = json.loads(json.dumps(tool.catalogue()))
    then = json.loads(FILE.read_text())
    assert now["lstchain"] == then["lstchain"] == version("lstchain")
    for part in ("commands", "config", "columns", "standard"):
        assert now[part] == then[part], f"make it anew with {TOOL}"


def test_the_pinned_version_is_that_of_the_package() -> None:
    setup = (TOOL.parents[1] / "setup.cfg").read_text()
    assert f"    lstchain=={catalogue().lstchain}" in setup.splitlines()


def test_what_stages_say_themselves_is_accepted(lab: Lab) -> None:
    full(lab)
    content = yaml.safe_load(lab.config.read_text())
    nodes = list(lab.plan().steps)
    steps = {
        stage: [{"input": lab.path("merged"), "output": lab.path(stage)}]
        for stage in ("dl1ab", "irf_index")
    }
    lab.write(steps, **{"prod_id": content["prod_id"]})
    nodes += lab.plan().steps
    tune = {
        "input": dict.fromkeys(("data", "mc"), lab.path("merged")),
        "output": lab.path("t.json"),
    }
    lab.write({"tune_nsb": [tune]}, **{"prod_id": content["prod_id"]})
    nodes += lab.plan().steps
    assert {node.stage.name for node in nodes} == set(STAGES)
    seen = set()
    for node in nodes:
        for command in general_commands(node, NO_FILES):
            name = os.path.basename(command[0])
            if node.stage.name in ("irf_index", "tune_nsb"):  # their options are not the command's
                continue
            seen.add(name)
            assert not list(_of_command("here", name, command[1:], ()))
    assert seen == set(catalogue().commands)


#: Options as a user may write them; whether a command accepts them is asked of the command.
CALLS = {
    "lstchain_create_irf_files": (
        "--point-like --energy-dependent-gh --gh-efficiency 0.7",
        "--gh-efficiency=0.7 --theta-containment 0.7",
        "--gh-eff 0.7",
        "--global-gh-cut abc",
        "--gh-efficiency",
        "--log-level debug",
        "--log-level DEBUG",
        "--energy-dependent",
        "--point-like=True",
        "--overwrite False",
        "--overwrite maybe",
        "--allowed-tels 1",
        "--allowed-tels x",
        "--DL3Cuts.global_gh_cut 0.3",
        "--DL3Cuts.global_gh_cut x",
        "--DL3Cuts.nonsense 3",
        "--DataBinning.true_energy_n_bins 2.5",
        "--IRFFITSWriter.point_like yes",
        "-q",
    ),
    "lstchain_merge_hdf5_files": (
        "--no-image --pattern */*.h5",
        "-p*.h5",
        "--no-imag",
        "--no-images",
        "--run-number 3",
        "--run-number x",
        "--run-number",
        "--keys-to-copy a b",
        "no-image",
        "--no",
    ),
    "lstchain_dl1ab": ("--no-image", "--max-unusable-pixels -3", "--max-unusable-pixels a", "-x"),
}


def accepted(tool: ModuleType, name: str, words: list[str]) -> bool:
    """What the command itself does with options, before it does any work."""
    (script,) = entry_points(group="console_scripts", name=name)
    module = importlib.import_module(script.module)
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            if name == "lstchain_create_irf_files":
                writer = module.IRFFITSWriter()
                writer.parse_command_line(words)
                for part in (module.EventSelector, module.DL3Cuts, module.DataBinning):
                    part(parent=writer)
            else:
                tool._parser_of(script.load()).parse_args(words)
        except (SystemExit, Exception):
            return False
    return True


@pytest.mark.parametrize(
    ("name", "line"), [(name, line) for name, lines in CALLS.items() for line in lines]
)
def test_verdicts_are_those_of_the_commands(
    tool: ModuleType, name: str, line: str, tmp_path: Path
) -> None:
    for file in ("in.h5", "config.json"):
        (tmp_path / file).write_text("{}")
    source, config = str(tmp_path / "in.h5"), str(tmp_path / "config.json")
    own = {
        "lstchain_create_irf_files": ["-g", source, "-o", "irf.fits", "--config", config],
        "lstchain_merge_hdf5_files": ["-d", "inputs", "-o", "out.h5"],
        "lstchain_dl1ab": ["-f", source, "-o", "out.h5", "-c", config],
    }[name]
    words = line.split()
    errors = [f for f in _of_command("here", name, [*words, *own], words) if f.error]
    assert (not errors) is accepted(tool, name, [*words, *own]), errors


@pytest.mark.parametrize(
    ("leaf", "fits", "unfit"),
    [
        ({"kind": "flag"}, [True, False], [1, "true", None, []]),
        ({"kind": "integer"}, [1, -3], [1.0, True, "1"]),
        ({"kind": "number"}, [1, 1.5, math.inf], [True, "1.5", [1]]),
        ({"kind": "number", "min": 0, "max": 1}, [0, 0.5, 1], [-0.1, 1.1, math.nan]),
        ({"kind": "text", "choices": ["A", "b"]}, ["A", "b"], ["a", "B", 3]),
        ({"kind": "any", "choices": ["A"], "caseless": True}, ["A", "a", 3], ["b"]),
        ({"kind": "number", "above": 0, "below": 1}, [0.5], [0, 1, math.nan]),
        ({"kind": "finite", "min": 0}, [0, 1e308, 10**400], [-1, math.inf, math.nan, True, "1"]),
        ({"kind": "decimal", "max": 1}, [0.5, 1.0], [1, 0, 1.5, -math.inf, math.nan]),
        ({"kind": "integer", "not": [0]}, [-1, 1], [0, 1.0]),
        ({"kind": "list", "of": {"kind": "integer"}}, [[], [1, 2]], [[1, "2"], 1, [[1]]]),
        ({"kind": "list", "least": 1}, [[1]], [[], 1]),
        (
            {"kind": "range"},
            [[0, 1], [1, 1], [-math.inf, math.inf]],
            [[1, 0], [0], [0, 1, 2], 1, ["0", "1"], [0, math.nan], [0, None], [True, 2]],
        ),
        (
            {"one_of": [{"kind": "integer", "min": 1}, {"kind": "text", "choices": ["a"]}]},
            [1, "a"],
            [0, "b", 1.0, None],
        ),
        ({"kind": "any"}, [1, "x", [], None], []),
    ],
)
def test_a_leaf(leaf: dict[str, Any], fits: list[Any], unfit: list[Any]) -> None:
    assert [value for value in fits if amiss(leaf, value)] == []
    assert [value for value in unfit if not amiss(leaf, value)] == []


#: Values as JSON may have them; a flag is a number to scikit-learn, and was not meant as one.
VALUES = (-1, 0, 1, 2, 30, 0.0, 0.5, 1.0, 1.5, -0.5, "sqrt", "auto", "gini", "balanced", [])


@pytest.mark.parametrize("kind", ["Regressor", "Classifier"])
def test_verdicts_on_forests_are_those_of_scikit_learn(kind: str) -> None:
    forest = getattr(importlib.import_module("sklearn.ensemble"), f"RandomForest{kind}")
    name = "energy_regressor" if kind == "Regressor" else "particle_classifier"
    leaves = catalogue().config["keys"][f"random_forest_{name}_args"]["keys"]
    assert len(leaves) > 15
    for key, leaf in leaves.items():
        for value in VALUES:
            taken = key != "n_jobs" or value != 0  # which joblib refuses
            try:
                forest(**{key: value})._validate_params()
            except ValueError:
                taken = False
            if leaf.get("kind") != "any" or isinstance(value, str):
                assert taken is not bool(amiss(leaf, value)), (key, value)
