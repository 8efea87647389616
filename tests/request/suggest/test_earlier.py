"""Productions that serve a line already."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstluigi.errors import LstluigiError
from lstluigi.library import index
from lstluigi.request.suggest.earlier import earlier

CORPUS = Path(__file__).parents[4] / "shared" / "data" / "production_corpus"


@pytest.fixture(autouse=True)
def own_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(index.LIBRARY, raising=False)


def add(library: Path, name: str, line: str) -> str:
    (library / name).mkdir(parents=True)
    (library / name / "config.yml").write_text(f"""
workflow_kind: lstchain
prod_id: {name}
stages_to_run: [train_pipe]
stages:
  train_pipe:
  - input: {{gamma: /x/TrainingDataset/GammaDiffuse/{line}/g.h5,
            proton: /x/TrainingDataset/Protons/{line}/p.h5}}
    output: /x/models/{name}/{line}
""")
    return str(library)


def test_the_latest_first_each_once(tmp_path: Path) -> None:
    library = add(tmp_path / "lib", "20230101_v0.9.6_a", "dec_2276")
    for name, line in (("20240101_v0.10.4_b", "dec_2276"), ("20250101_v0.10.4_c", "dec_931")):
        add(tmp_path / "lib", name, line)
    found = [one.name for one in earlier("dec_2276", [library, library]).productions]
    assert found == ["20240101_v0.10.4_b", "20230101_v0.9.6_a"]
    assert earlier("dec_3476", [library]) == ((), None)


def test_examples_are_no_productions(tmp_path: Path) -> None:
    library = add(tmp_path / "lib", "20230101_a", "dec_2276")
    add(tmp_path / "lib", "20260101_example", "dec_2276")
    (tmp_path / "lib" / "EXAMPLES").write_text("20260101_example")
    found = earlier("dec_2276", [library])
    assert [one.name for one in found.productions] == ["20230101_a"]
    assert found.unnamed is None
    (tmp_path / "lib" / "EXAMPLES").write_text("20*")
    found = earlier("dec_2276", [library])
    assert found.productions == ()
    assert "no library of real productions is named" in (found.unnamed or "")


def test_no_library_is_no_error_unless_it_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "__file__", str(tmp_path / "a" / "b" / "index.py"))
    found = earlier("dec_2276")
    assert found.productions == ()
    assert "--dir or in $LSTLUIGI_LIBRARY" in (found.unnamed or "")
    with pytest.raises(LstluigiError, match="absent' does not exist"):
        earlier("dec_2276", [str(tmp_path / "absent")])


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus")
def test_the_corpus() -> None:
    assert len(earlier("dec_2276", [str(CORPUS)]).productions) > 5
