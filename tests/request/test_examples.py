"""The worked examples: each is what its readme says, a command and what was added by hand."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from lstluigi.cli import main
from lstluigi.request import draft as draft_module
from lstluigi.request.readme import Origin, brought_up_to_date
from lstluigi.request.settings import changes

LIBRARY = Path(__file__).parents[2] / "production_configs"
README = re.compile(r"^\$ (lstluigi generate-.*)$", re.MULTILINE)
BY_HAND = re.compile(r"^## What was added by hand\n\n```yaml\n(.*?)```$", re.MULTILINE | re.DOTALL)
EXAMPLES = [p.parent for p in sorted(LIBRARY.glob("*/readme.md")) if README.search(p.read_text())]


@pytest.fixture(scope="module", autouse=True)
def asked_once() -> Iterator[None]:
    """lstchain is asked once for all examples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draft_module, "standard", cache(draft_module.standard))
        yield


def content(path: Path) -> Any:
    text = path.read_text()
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def test_there_is_an_example_of_each_pipeline() -> None:
    classes = {
        content(path)["prod_type"] for example in EXAMPLES for path in example.rglob("*.yml")
    }
    assert classes == {
        *("PathConfigAllSkyTraining", "PathConfigAllSkyFull", "PathConfigAllSkyFullDL1ab"),
        *("PathConfigAllSkyFullSplitDiffuse", "PathConfigProd5Trans80"),
        "PathConfigProd5Trans80DL1ab",
    }
    assert any("NSB-" in str(path) for example in EXAMPLES for path in example.rglob("*.yml"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_what_its_command_makes(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lstchain = pytest.importorskip("lstchain")
    readme = (example / "readme.md").read_text()
    (line,) = README.findall(readme)
    by_hand = {
        key: value
        for text in BY_HAND.findall(readme)
        for key, value in yaml.safe_load(text).items()
    }
    if f"lstchain {lstchain.__version__} " not in readme:
        pytest.skip(f"made with another lstchain than {lstchain.__version__}")
    again = Path(shutil.copytree(LIBRARY, tmp_path / "library")) / example.name
    monkeypatch.chdir(again.parent)
    done = CliRunner().invoke(main, [*shlex.split(line)[1:], "--overwrite"])
    assert done.exit_code == 0, done.output
    made = [path.relative_to(example) for path in example.rglob("*") if path.is_file()]
    assert len(made) >= 3
    for name in made:
        if name.suffix == ".md":
            assert (again / name).read_text() == (example / name).read_text()
        else:
            added = by_hand if name.suffix == ".yml" else {}
            differ = list(changes(content(example / name), {**content(again / name), **added}))
            assert not differ, f"{example / name}: make it again with the command of its readme"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_says_nothing_private(example: Path) -> None:
    text = (example / "readme.md").read_text()
    assert not re.search(r"/home/|@|crab|mrk|magic", text, re.IGNORECASE)


def test_the_questions_of_the_template_are_open_and_of_the_others_answered() -> None:
    for example in EXAMPLES:
        asks = "?" in (example / "readme.md").read_text()
        assert asks is (example.name == "template_prod"), example


def test_bringing_up_to_date_needs_no_earlier_section() -> None:
    origin = Origin(["lstluigi", "generate-config"], "that of lstchain 0.12.3")
    text = brought_up_to_date("# Mine\n", origin)
    assert text.startswith("# Mine\n\n## How")
    assert brought_up_to_date(text, origin) == text
