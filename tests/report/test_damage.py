"""What was written down of a product and cannot be read any more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from lab import Lab, full, small

from lstluigi.cli import main
from lstluigi.errors import ConfigError
from lstluigi.production.load import Choices
from lstluigi.production.states import State
from lstluigi.run.session import Session
from lstluigi.validation.examine import production_state
from lstluigi.validation.preflight import DECIDE

WRONG = ["{", "[]", "", "{}", "null", "[" * 100_000, '{"digest": "x"}']
RECIPE = {"digest": "x", "content": {"makes": {"/a": "file"}}, "upstream": {}}
MANIFEST = {"inputs": {}, "dropped": {}, "left": []}
WRONG_RECIPES: list[dict[str, object]] = [
    *({**RECIPE, key: wrong} for key in RECIPE for wrong in ([], 3, None)),
    {**RECIPE, "upstream": {"name": []}},
    *({**RECIPE, "content": {"makes": wrong}} for wrong in (3, [], "x")),
    *({**RECIPE, "content": {"commands": wrong}} for wrong in (3, ["x"], [[3]])),
    *({**RECIPE, key: wrong} for key in ("by_hand", "accepted") for wrong in ({}, 3)),
]
WRONG_MANIFESTS: list[dict[str, object]] = [
    *({**MANIFEST, key: wrong} for key in MANIFEST for wrong in ("x", 3, None)),
    *({**MANIFEST, "inputs": {"/a": wrong}} for wrong in ([], {"b": "1"})),
    {**MANIFEST, "dropped": {"/a": 1}},
    {**MANIFEST, "left": [1]},
]


def type_(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def damaged(lab: Lab, kind: str, step: int, content: str = "{") -> str:
    path = Path(getattr(lab.plan().steps[step].places, kind))
    assert path.exists()
    path.write_text(content)
    return str(path)


@pytest.mark.parametrize(("kind", "step"), [("recipe", 0), ("recipe", 1), ("manifest", 0)])
def test_everything_else_is_shown_with_one_note(
    lab: Lab, tmp_path: Path, kind: str, step: int
) -> None:
    small(lab)
    lab.ok()
    path = damaged(lab, kind, step)
    out = tmp_path / "report"
    for command in (
        ["status", lab.config],
        ["status", lab.config, "--json"],
        ["report", lab.config, "-o", out],
        ["graph", lab.config],
        ["logs", lab.config, "merge_dl1"],
        ["clean", lab.config],
    ):
        result = type_(*command)
        assert result.exit_code == 0, (command, result.output)
        said = (out / "index.html").read_text() if command[0] == "report" else result.output
        said = " ".join(said.replace("&#39;", "'").split())
        assert f"{path} is damaged" in said, command
        assert DECIDE in said, command
    assert "nobody knows how" in (out / "index.html").read_text()
    provenance = json.loads((out / "provenance.json").read_text())
    recipes = [step["lstluigi:recipe"] for step in provenance["activity"].values()]
    assert sum("is damaged" in recipe for recipe in recipes) == (kind == "recipe")


@pytest.mark.parametrize("content", WRONG)
@pytest.mark.parametrize("kind", ["recipe", "manifest"])
def test_it_is_not_taken_as_done(lab: Lab, kind: str, content: str) -> None:
    small(lab)
    lab.ok()
    path = damaged(lab, kind, 0, content)
    before = lab.files("dl1")
    ended = lab.run()
    assert ended.code != 0
    assert path in str(ended)
    assert lab.files("dl1") == before
    assert Path(path).read_text() == content


@pytest.mark.parametrize(
    ("kind", "wrong"), [("recipe", WRONG_RECIPES), ("manifest", WRONG_MANIFESTS)]
)
def test_what_is_no_recipe_or_manifest_by_its_types(
    lab: Lab, kind: str, wrong: list[dict[str, object]]
) -> None:
    small(lab)
    lab.ok()
    for content in wrong:
        path = damaged(lab, kind, 0, json.dumps(content))
        state = production_state(str(lab.config))
        assert state.steps[0].planned is State.OUTDATED, content
        assert sum(f"{path} is damaged" in warning for warning in state.warnings) == 1, content


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("kind", ["recipe", "manifest"])
def test_kept_as_it_is(lab: Lab, kind: str, step: int) -> None:
    small(lab)
    lab.ok()
    if kind == "manifest" and step == 1:
        return  # a merge of what the config makes needs none
    damaged(lab, kind, step)
    assert lab.ok(accept_changed=True) == []
    assert set(lab.plan().states) <= {State.COMPLETE, State.NOT_NEEDED}
    assert not list(lab.plan().damage(lab.plan().steps[step]))


@pytest.mark.parametrize("kind", ["recipe", "manifest"])
def test_made_again(lab: Lab, kind: str) -> None:
    small(lab)
    lab.ok()
    damaged(lab, kind, 0)
    made = lab.ok(remake=("r0_to_dl1",))
    assert [Path(path).name for path in made] == ["node", "node.h5"]
    assert set(lab.plan().states) <= {State.COMPLETE, State.NOT_NEEDED}


def test_what_no_job_has_made_is_not_deleted(lab: Lab) -> None:
    """Only the recipe would say that a file was made by hand."""
    small(lab)
    lab.ok()
    damaged(lab, "recipe", 0)
    ledger = Path(lab.plan().steps[0].places.ledger)
    lines = ledger.read_text().splitlines()
    ledger.write_text("".join(f"{line}\n" for line in lines if "a.simtel.gz" not in line))
    ended = lab.run(remake=("r0_to_dl1",))
    assert ended.code != 0
    assert "was not made by lstluigi" in str(ended)
    assert Path(lab.path("dl1/node/dl1_a.h5")).exists()


def test_a_product_that_is_gone_needs_no_recipe(lab: Lab) -> None:
    small(lab)
    lab.ok()
    path = damaged(lab, "recipe", 0)
    for name in "ab":
        Path(lab.path(f"dl1/node/dl1_{name}.h5")).unlink()
    assert lab.plan().states == [State.NOT_NEEDED, State.COMPLETE]
    result = type_("status", lab.config)
    assert result.exit_code == 0, result.output
    assert path not in "".join(result.output.split())


def test_products_of_another_production_keep_their_consumers_whole(lab: Lab) -> None:
    full(lab)
    lab.ok()
    path = damaged(lab, "recipe", 1)
    stages = yaml.safe_load(lab.config.read_text())["stages"]
    lab.write({name: steps for name, steps in stages.items() if name != "r0_to_dl1"})
    assert State.OUTDATED not in lab.plan().states
    result = type_("status", lab.config)
    assert result.exit_code == 0, result.output
    assert f"{path} is damaged" in " ".join(result.output.split())
    # made anew, it would not be known what of
    for made in ("merged", "models", "dl2", "irf"):
        shutil.rmtree(lab.path(made))
    with pytest.raises(ConfigError, match="is damaged, so how its product was made is not known"):
        Session(Choices(str(lab.config), backend="local")).check()


def test_a_ledger_that_was_cut_is_read_as_far_as_it_goes(lab: Lab) -> None:
    small(lab)
    lab.ok()
    ledger = Path(lab.plan().steps[0].places.ledger)
    ledger.write_bytes(ledger.read_bytes()[:-40])
    for command in (["status"], ["clean"], ["graph"]):
        result = type_(*command, lab.config)
        assert result.exit_code == 0, result.output
    assert str(ledger) in " ".join(type_("status", lab.config).output.split())
    assert lab.ok() == []


def test_a_ledger_that_cannot_be_read_hides_nothing_else(lab: Lab, tmp_path: Path) -> None:
    small(lab)
    lab.ok()
    first, second = lab.plan().steps
    path = Path(first.places.ledger)
    path.unlink()
    path.mkdir()  # root may read everything else
    out = tmp_path / "report"
    for command in (
        ["status", lab.config],
        ["status", lab.config, "--json"],
        ["status", lab.config, "--cost", "--tree"],
        ["report", lab.config, "-o", out],
    ):
        result = type_(*command)
        assert result.exit_code == 0, (command, result.output)
        said = (out / "index.html").read_text() if command[0] == "report" else result.output
        assert f"ledger {path} cannot be read (Is a directory): what was tried of " in said, command
    state = json.loads(type_("status", lab.config, "--json").stdout)
    assert [step["status"] for step in state["steps"]] == ["complete", "complete"]
    assert [step["events"] for step in state["steps"]] == [None, 9]
    for file in (lab.path("dl1/node/dl1_a.h5"), second.output):
        Path(file).unlink()
    state = json.loads(type_("status", lab.config, "--json").stdout)
    assert state["steps"][0]["status"] == "unknown"
    assert (state["steps"][0]["files"]["complete"], state["steps"][0]["files"]["unknown"]) == (1, 1)
    said = type_("logs", lab.config, "r0_to_dl1").output
    assert f"ledger {path} cannot be read" in said


def test_a_lost_ledger_of_a_step_to_be_made_does_not_make_it_new(lab: Lab) -> None:
    small(lab)
    Path(lab.plan().steps[0].places.ledger).mkdir(parents=True)
    said = type_("status", lab.config).output
    assert "never started here" not in said
    assert "unknown" in said
