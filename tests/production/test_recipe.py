"""Recipes: what makes two of them equal, and in which words they differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lstluigi.config.tool_config import ToolConfig, ToolConfigs, differences
from lstluigi.errors import LstluigiError
from lstluigi.production.recipe import Recipe, moved, own_changes, record, recorded


def config(tmp_path: Path, text: str, name: str = "c.json") -> ToolConfig:
    (tmp_path / name).write_text(text)
    return ToolConfig.read("lstchain", tmp_path / name)


def test_the_order_of_keys_does_not_count(tmp_path: Path) -> None:
    one = config(tmp_path, '{"a": 1, "b": {"c": [1, 2], "d": Infinity}}')
    two = config(tmp_path, '{"b": {"d": Infinity,\n "c": [1, 2]}, "a": 1}', "other.json")
    assert one.digest == two.digest
    assert config(tmp_path, '{"a": 1, "b": {"c": [2, 1]}}').digest != one.digest


@pytest.mark.parametrize("text", ["{", "[1]", "", "\xff"])
def test_what_is_no_lstchain_config(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(LstluigiError, match=r"c\.json"):
        ToolConfig.read("lstchain", tmp_path / "c.json")


def test_no_lstchain_config(tmp_path: Path) -> None:
    with pytest.raises(LstluigiError, match="No such file"):
        ToolConfig.read("lstchain", tmp_path / "c.json")


def test_differences_name_the_key() -> None:
    old = {"a": {"b": 1, "c": 2}, "d": [1], "gone": 0}
    new = {"a": {"b": 1, "c": 3}, "d": [1], "new": None}
    assert list(differences(old, new)) == [
        "a.c: 2 -> 3",
        "gone: 0 -> 'absent'",
        "new: 'absent' -> None",
    ]
    assert list(differences(old, json.loads(json.dumps(old)))) == []


def recipe(upstream: str = "u", **content: Any) -> Recipe:
    return Recipe({"stage": "s", **content}, {"/in": upstream})


def told(old: Mapping[str, Any], new: Recipe, configs: ToolConfigs) -> list[str]:
    return [change() for change in own_changes(old, new, configs)]


def test_a_digest_covers_the_content() -> None:
    """What is upstream is compared product by product, by the plan."""
    assert recipe().digest == recipe(upstream="v").digest
    assert recipe().digest != recipe(settings={"seed": 1}).digest


def test_a_record_tells_what_has_changed(tmp_path: Path) -> None:
    path = str(tmp_path / "r.json")
    before = config(tmp_path, '{"cleaning": {"threshold": 6}}')
    record(
        path,
        recipe(commands=[["x"]], lstchain_config=before.digest),
        {"lstchain": before},
        note="kept",
    )
    old = recorded(path)
    assert old is not None
    assert old["note"] == "kept"
    assert old["lstchain_config"] == {"cleaning": {"threshold": 6}}
    after = config(tmp_path, '{"cleaning": {"threshold": 8}}')
    new = recipe(commands=[["y"]], lstchain_config=after.digest)
    assert told(old, new, {"lstchain": after}) == [
        "lstchain config cleaning.threshold: 6 -> 8",
        "commands [1][1]: 'x' -> 'y'",
    ]
    same = recipe(commands=[["x"]], lstchain_config=before.digest, upstream="other")
    assert told(old, same, {"lstchain": before}) == []


def test_many_changes_are_counted(tmp_path: Path) -> None:
    path = str(tmp_path / "r.json")
    before = config(tmp_path, json.dumps({f"k{i}": 0 for i in range(9)}))
    record(path, recipe(lstchain_config=before.digest), {"lstchain": before})
    after = config(tmp_path, json.dumps({f"k{i}": 1 for i in range(9)}))
    old = recorded(path)
    assert old is not None
    (change,) = told(old, recipe(lstchain_config=after.digest), {"lstchain": after})
    assert change.endswith("; and 6 more")


def lying(root: str, **content: Any) -> Recipe:
    paths = {"makes": {f"{root}/dl1/node": "directory"}, "reads": [[f"{root}/dl0", "*.gz"]]}
    return recipe(commands=[["x", "-f", f"{root}/dl0/<file>"]], **paths, **content)


def test_a_move_is_one_change(tmp_path: Path) -> None:
    path = str(tmp_path / "r.json")
    record(path, lying("/a/prod", settings={"seed": 1}), {})
    old = recorded(path)
    assert old is not None
    said = "it was made below /a and lies below /b now"
    assert moved(old, lying("/b/prod")) == ("/a", "/b")
    assert moved(old, lying("/a/prod")) is None
    assert told(old, lying("/b/prod", settings={"seed": 1}), {}) == [said]
    both = told(old, lying("/b/prod", settings={"seed": 2}), {})
    assert both == [said, "settings seed: 1 -> 2"]


def test_a_move_between_depths(tmp_path: Path) -> None:
    path = str(tmp_path / "r.json")
    record(path, lying("/a/prod"), {})
    old = recorded(path)
    assert old is not None
    for place in ("/a/prod/older", "/prod", ""):
        assert len(told(old, lying(place), {})) == 1


def test_no_record(tmp_path: Path) -> None:
    assert recorded(str(tmp_path / "r.json")) is None


@pytest.mark.parametrize("content", ["{}", "[]", '{"digest": "x"}', "{"])
def test_a_damaged_record_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(LstluigiError, match="damaged, so how its product was made is not known"):
        recorded(str(tmp_path / "r.json"))
