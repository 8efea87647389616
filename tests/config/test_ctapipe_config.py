"""Configs of ctapipe that it would pass over in silence, or refuse when its job has begun."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lstluigi.config.ctapipe import ctapipe_problems, known_classes
from lstluigi.config.tool_config import ToolConfig
from lstluigi.errors import ConfigError

ROOT = Path(__file__).parents[2]
STANDARD = ROOT / "configs" / "ctapipe_lst.yml"


def told(content: dict[Any, Any]) -> list[str]:
    return [str(problem) for problem in ctapipe_problems("ctapipe config c.yml", content)]


def test_nothing_is_wrong_with_the_standard_config() -> None:
    config = ToolConfig.read("ctapipe", STANDARD)
    assert list(config.problems()) == []
    # the sections that each tool of the workflow needs
    trainers = ("EnergyRegressor", "DispReconstructor", "ParticleClassifier")
    assert {"EventSource", "TableLoader", "EventPreprocessor", *trainers} <= config.content.keys()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {"EventSorce": {}},
            "key 'EventSorce': ctapipe has no class 'EventSorce'; write 'EventSource'.",
        ),
        (
            {"DataWriter": {"Contct": {"name": "x"}}},
            "key 'DataWriter.Contct': ctapipe has no class 'Contct'; write 'Contact'.",
        ),
        (
            {"EventSource": {"max_event": 5}},
            "key 'EventSource.max_event': EventSource has no such setting; write 'max_events'.",
        ),
        ({"EventSource": {"xyz": 5}}, "`--help-all` of its tools tells what EventSource has"),
        ({"EventSource": {5: 5}}, "EventSource has no such setting"),
        ({"EventSource": None}, "the section holds no names and values"),
        ({"EventSource": [1]}, "the section holds no names and values"),
        ({"a\x1b[31m": 1}, r"'a\x1b[31m': no section of a ctapipe config is called so"),
    ],
)
def test_what_ctapipe_does_not_know_is_told(content: dict[Any, Any], said: str) -> None:
    (problem,) = told(content)
    assert problem.startswith("ctapipe config c.yml")
    assert said in problem


def test_a_config_of_lstchain_is_one_mistake() -> None:
    path = ROOT / "production_configs" / "toy_demo" / "lstchain_config.json"
    mistakes = told(json.loads(path.read_text()))
    assert "'source_config' and" in mistakes[0]
    assert "start from configs/ctapipe_lst.yml" in mistakes[0]
    assert len(mistakes) == 1


@pytest.mark.parametrize(
    "content",
    [
        {"EventSource": {"back_seekable": True}},  # of a kind of event source: it reads the section
        {"QualityQuery": {"quality_criteria": []}},
        {"MyOwnReconstructor": {"anything": 1}},  # of a plug-in
        {"EnergyRegressor": {"model_config": {"n_estimators": 5, "nested": {"x": 1}}}},
        {"TrainEnergyRegressor": {"EnergyRegressor": {"n_jobs": 1}}},
        {"version": 1, "EventSource": {}},  # as traitlets writes JSON
    ],
)
def test_what_ctapipe_may_know_is_left_to_it(content: dict[Any, Any]) -> None:
    assert told(content) == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c.yml", "EventSource: {allowed_tels: [1", "start from configs/ctapipe_lst.yml"),
        ("c.yml", "- 1\n", "does not hold a JSON object"),
        ("c.yml", "1: {a: 1}\nEventSource: {}\n", "it has a key that is no text"),
        ("c.yml", "EventSource: !!python/object:os.system {}\n", "ctapipe config"),
        ("c.json", "{", "not JSON"),
        ("c.toml", "[", "ctapipe config"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError) as error:
        ToolConfig.read("ctapipe", tmp_path / name)
    (problem,) = error.value.problems
    assert said in str(problem)
    assert "\n" not in str(problem)


def test_a_date_in_a_config_is_content_as_any_other(tmp_path: Path) -> None:
    digests = []
    for day in ("2024-01-01", "2024-01-02"):
        (tmp_path / "c.yml").write_text(f"DataWriter: {{context_metadata: {{day: {day}}}}}\n")
        digests.append(ToolConfig.read("ctapipe", tmp_path / "c.yml").digest)
    assert digests[0] != digests[1]


def test_formats_say_the_same(tmp_path: Path) -> None:
    content = yaml.safe_load(STANDARD.read_text())
    (tmp_path / "c.json").write_text(json.dumps(content))
    digests = {ToolConfig.read("ctapipe", path).digest for path in (STANDARD, tmp_path / "c.json")}
    assert len(digests) == 1


@pytest.mark.chain
def test_known_classes_are_those_of_ctapipe() -> None:
    pytest.importorskip("ctapipe_io_lst")
    tool = ROOT / "tools" / "ctapipe_classes.py"
    done = subprocess.run([sys.executable, tool], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == known_classes()


@pytest.mark.parametrize(
    ("content", "noted"),
    [
        ({"DataWriter": {"write_dl2": True}}, True),
        ({"ProcessorTool": {"DataWriter": {"write_dl2": True}}}, True),
        ({"DataWriter": {"write_dl2": False}}, False),
        ({"DataWriter": {"write_images": True}, "write_dl2": True}, False),
    ],
)
def test_tables_of_several_telescopes_are_noted(
    tmp_path: Path, content: dict[str, Any], noted: bool
) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(content))
    remarks = list(ToolConfig.read("ctapipe", path).remarks())
    assert ["write_dl2" in said and str(path) in said for said in remarks] == [True] * noted
