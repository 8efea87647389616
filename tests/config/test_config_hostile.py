"""A config is data: whatever stands in it works as it stands or is refused in one sentence."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstluigi.config import Shape, Step, load_config
from lstluigi.errors import ConfigError, Problem

SHAPES = {"lstchain": {"r0_to_dl1": Shape(), "merge_dl1": Shape()}}

HARMLESS = [
    "with space",
    " leading and trailing ",
    "qu'ote",
    'dou"ble',
    "$(touch owned)",
    "`id`",
    "$5",
    "*",
    "?[a-z]{x,y}",
    "a;b&c|d>e<f",
    "back\\slash",
    "#hash",
    "-rf",
    "--help",
    "%s%n",
    "{0}",
    "été",
    "日本",
    "..dots..",
    "...",
    "null",
]
CONTROL = ["a\nb", "a\rb", "a\tb", "a\0b", "a\x1b[31mb", "a\x7fb", "a\x85b", "a\u2028b", "a\u202eb"]


def load(tmp_path: Path, **changes: Any) -> Any:
    content = {
        "workflow_kind": "lstchain",
        "prod_id": "p",
        "stages_to_run": ["r0_to_dl1"],
        "stages": {"r0_to_dl1": [{"input": "/dl0", "output": "/dl1"}]},
        **changes,
    }
    (tmp_path / "config.yml").write_text(json.dumps(content))
    return load_config(tmp_path / "config.yml", SHAPES)


def with_step(tmp_path: Path, **keys: Any) -> Any:
    step = {"input": "/dl0", "output": "/dl1", **keys}
    return load(tmp_path, stages={"r0_to_dl1": [step]}).steps[0]


def refusal(error: ConfigError) -> str:
    (problem,) = error.problems
    assert str(problem).isprintable()
    return str(problem)


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_text_stays_as_it_is(tmp_path: Path, name: str) -> None:
    assert with_step(tmp_path, input=f"/dl0/{name}").input == f"/dl0/{name}"
    assert with_step(tmp_path, output=f"/dl1/{name}/x").output == f"/dl1/{name}/x"
    assert with_step(tmp_path, output=name).output == str(tmp_path / name)
    assert with_step(tmp_path, options=["--name", name]).arguments == ("--name", name)
    assert with_step(tmp_path, extra_slurm_options={"gres": name}).slurm == {"gres": name}
    assert load(tmp_path, prod_id=name).prod_id == name


@pytest.mark.parametrize("name", CONTROL)
def test_control_characters_are_refused_everywhere(tmp_path: Path, name: str) -> None:
    for keys in (
        {"input": f"/{name}"},
        {"output": f"/{name}"},
        {"options": [name]},
        {"extra_slurm_options": {"gres": name}},
        {"extra_slurm_options": {name: "x"}},
        {name: "x"},
    ):
        with pytest.raises(ConfigError) as caught:
            with_step(tmp_path, **keys)
        refusal(caught.value)
    for changes in ({"prod_id": name}, {name: "x"}, {"slurm_config": {"user_account": name}}):
        with pytest.raises(ConfigError) as caught:
            load(tmp_path, **changes)
        refusal(caught.value)


@pytest.mark.parametrize(
    "prod_id", ["", ".", "..", "/", "a/b", "../a", "/etc/passwd", "x" * 300, ["a"]]
)
def test_prod_id_is_part_of_a_file_name(tmp_path: Path, prod_id: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, prod_id=prod_id)
    assert "key 'prod_id'" in refusal(caught.value)


@pytest.mark.parametrize(
    "output",
    [
        "/a/../b",
        "..",
        "../x",
        "/..",
        "/",
        "//",
        ".",
        "./",
        "~/x",
        "~root",
        "$HOME/x",
        "/a/${USER}_b",
    ],
)
def test_no_place_to_make_something(tmp_path: Path, output: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_step(tmp_path, output=output)
    assert "key 'output'" in refusal(caught.value)


@pytest.mark.parametrize("path", ["/" + "x" * 256, "/" + "é" * 128, "/" + "/x" * 2100])
def test_longer_than_a_file_system_takes(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_step(tmp_path, output=path)
    assert "shorten" in refusal(caught.value)


def test_a_directory_with_a_newline_makes_no_paths(tmp_path: Path) -> None:
    odd = tmp_path / "new\nline"
    odd.mkdir()
    assert with_step(odd).output == "/dl1"
    with pytest.raises(ConfigError) as caught:
        with_step(odd, output="relative")
    refusal(caught.value)


def test_a_directory_that_is_not_utf8(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    odd.mkdir()
    assert with_step(odd).output == "/dl1"
    with pytest.raises(ConfigError) as caught:
        with_step(odd, output="relative")
    refusal(caught.value)


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12))
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["input", "output", "options", "mem", "-p", "$(id)", "a\nb", ""]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.dictionaries(
        st.sampled_from(
            ["prod_id", "source_environment", "slurm_config", "stages_to_run", "stages", "backend"]
        ),
        VALUES,
        max_size=2,
    ),
    st.dictionaries(
        st.sampled_from(
            ["input", "output", "options", "extra_slurm_options", "slurm_options", "x"]
        ),
        VALUES,
        max_size=3,
    ),
)
def test_any_value_anywhere(tmp_path: Path, changes: dict[str, Any], keys: dict[str, Any]) -> None:
    steps = [{"input": "/dl0", "output": "/dl1", **keys}]
    problems: tuple[Problem, ...] = ()
    made: tuple[Step, ...] = ()
    try:
        made = load(tmp_path, **{"stages": {"r0_to_dl1": steps}, **changes}).steps
    except ConfigError as error:
        problems = error.problems
    assert problems or made
    assert all(str(problem).isprintable() for problem in problems)
    for step in made:
        assert os.path.normpath(step.output) == step.output != "/"
        assert step.output.startswith("/")
        assert all(isinstance(argument, str) for argument in step.arguments)
        assert all("\n" not in name + value for name, value in step.slurm.items())
