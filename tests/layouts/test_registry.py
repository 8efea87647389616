"""Config classes by name, with their arguments."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from small_sky import PROD

from lstluigi import layouts
from lstluigi.errors import LstluigiError
from lstluigi.layouts import registry
from lstluigi.layouts.registry import arguments, create, find, names

#: The classes of lstmcpipe 0.11.5, with the arguments they have there.
CLASSES = {
    "PathConfigProd5Trans80": ("prod_id", "zenith"),
    "PathConfigProd5Trans80DL1ab": ("prod_id", "source_prod_id", "zenith", "run_checker"),
    "PathConfigAllSkyTraining": ("prod_id", "dec"),
    "PathConfigAllSkyTrainingWithSplit": ("prod_id", "dec"),
    "PathConfigAllSkyTesting": ("prod_id", "dec"),
    "PathConfigAllSkyTestingGammaDiffuse": ("prod_id", "dec"),
    "PathConfigAllSkyFull": ("prod_id", "dec_list"),
    "PathConfigAllSkyTrainingDL1ab": ("prod_id", "source_prod_id", "dec", "run_checker"),
    "PathConfigAllSkyTestingDL1ab": ("prod_id", "source_prod_id", "dec", "run_checker"),
    "PathConfigAllSkyFullDL1ab": ("prod_id", "source_prod_id", "dec_list", "run_checker"),
    "PathConfigAllTrainTestDL1b": ("prod_id", "source_prod_id", "dec_list", "run_checker"),
    "PathConfigAllSkyFullSplitDiffuse": ("prod_id", "dec_list"),
}
OWN = """
from lstluigi.layouts import PathConfigAllSkyTraining

class Mine(PathConfigAllSkyTraining):
    def __init__(self, prod_id, dec, factor=2):
        super().__init__(prod_id, dec)
"""


def test_the_twelve_classes() -> None:
    assert set(names()) == set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_arguments(name: str) -> None:
    kind = find(name)
    assert kind is getattr(layouts, name)
    found = [argument for argument in arguments(kind) if argument != "source_layout"]
    assert tuple(found) == (*CLASSES[name], "root", "nodes", "layout")
    needed = [
        name for name, argument in arguments(kind).items() if argument.default is argument.empty
    ]
    assert set(CLASSES[name]) - set(needed) <= {"zenith", "run_checker"}


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "my_config.py").write_text(OWN)
    kind = find(f"{tmp_path}/my_config.py:Mine")
    assert kind.__name__ == "Mine"
    assert issubclass(kind, layouts.PathConfigAllSkyTraining)
    assert list(arguments(kind)) == ["prod_id", "dec", "factor"]


def test_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lstluigi_test_module.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find("lstluigi_test_module:Mine").__module__ == "lstluigi_test_module"


def test_an_installed_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def entry_points(group: str) -> list[EntryPoint]:
        assert group == "lstluigi.path_configs"
        return [EntryPoint("Another", "lstluigi.layouts:PathConfigAllSkyTesting", group)]

    monkeypatch.setattr(registry, "entry_points", entry_points)
    assert find("Another") is layouts.PathConfigAllSkyTesting
    assert "Another" in names()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("PathConfigAllSkyFul", "(write 'PathConfigAllSkyFull'); there are PathConfigAllSkyFull,"),
        ("Quite", "there are PathConfigAllSkyFull,"),
        ("PathConfig", "there are PathConfigAllSkyFull,"),
        ("/absent/c.py:Mine", "there is no file '/absent/c.py'"),
        ("no_such_module:Mine", "'no_such_module' cannot be imported (ModuleNotFoundError"),
        ("FILE:Mien", "has no class 'Mien' (write 'Mine'); it has Mine"),
        ("FILE:Path", "'Path' in "),
        ("BROKEN:Mine", "cannot be loaded (ZeroDivisionError: division by zero)"),
        ("EXITS:Mine", "cannot be loaded (SystemExit: 3)"),
        ("a\x1b[31m", r"no config class 'a\x1b[31m'"),
    ],
)
def test_what_is_not_found(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "c.py").write_text("from pathlib import Path\n" + OWN)
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "exits.py").write_text("import sys; sys.exit(3)")
    place = {
        "FILE": f"{tmp_path}/c.py",
        "BROKEN": f"{tmp_path}/broken.py",
        "EXITS": f"{tmp_path}/exits.py",
    }
    head, colon, tail = name.partition(":")
    with pytest.raises(LstluigiError) as caught:
        find(place.get(head, head) + colon + tail)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_create() -> None:
    given = {"prod_id": PROD, "source_prod_id": "s", "dec_list": ["dec_931"], "nodes": "catalogue"}
    config = create(find("PathConfigAllSkyFullDL1ab"), given | {"run_checker": "False"})
    assert isinstance(config, layouts.PathConfigAllSkyFullDL1ab)
    assert config.run_checker is False
    assert config.nodes == "catalogue"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"prod_id": PROD, "dec_lst": []}, "no argument 'dec_lst' (write 'dec_list')"),
        ({"prod_id": PROD, "colour": 1}, "no argument 'colour'; PathConfigAllSkyFullDL1ab takes p"),
        ({"prod_id": PROD}, "needs source_prod_id and dec_list"),
        (
            {"prod_id": PROD, "source_prod_id": "s", "dec_list": ["d"], "run_checker": "nay"},
            "run_checker is 'nay'; write true or false",
        ),
    ],
)
def test_arguments_that_do_not_fit(given: dict[str, Any], words: str) -> None:
    with pytest.raises(LstluigiError) as caught:
        create(find("PathConfigAllSkyFullDL1ab"), given)
    assert words in str(caught.value)


def test_importing_is_light() -> None:
    heavy = ("numpy", "astropy", "tables", "matplotlib", "lstchain", "ctapipe", "click", "rich")
    code = f"import sys, lstluigi.layouts; print(*[m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == ""
