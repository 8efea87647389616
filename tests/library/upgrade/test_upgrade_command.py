"""`lstluigi upgrade-config` as typed."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from lstluigi.cli import main

TEXT = """workflow_kind: lstchain
prod_id: p
stages_to_run: [merge_dl1]
stages:
  merge_dl1:
  - input: /dl1/x
    ouput: /dl1/dl1_m.h5
"""


def test_says_what_it_did(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yml", tmp_path / "new.yml"
    old.write_text(TEXT)
    done = CliRunner().invoke(main, ["upgrade-config", str(old), str(new)])
    assert done.exit_code == 0
    assert "line 7, stage merge_dl1, step 1, key 'ouput': it is written 'output' now" in done.output
    assert f"{new} is written." in done.output


def test_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yml", tmp_path / "new.yml"
    for text in (TEXT.replace("/dl1/x", ""), "- a\n", "a: [", ""):
        old.write_text(text)
        done = CliRunner().invoke(main, ["upgrade-config", str(old), str(new)])
        assert done.exit_code == 2, text
        assert isinstance(done.exception, SystemExit)
        assert str(old) in done.output
        assert not new.exists()
    done = CliRunner().invoke(main, ["upgrade-config", str(tmp_path / "absent.yml"), str(new)])
    assert done.exit_code == 2
    assert "cannot be read" in done.output


def test_what_is_left_is_told_of_the_old_file_without_lines_of_the_new(tmp_path: Path) -> None:
    """Its name may look like the place of a problem."""
    directory = tmp_path / "it's, line 3, here"
    directory.mkdir()
    old, new = directory / "a, line 4, b.yml", directory / "new.yml"
    old.write_text(TEXT.replace("/dl1/x", "~/x"))
    done = CliRunner().invoke(main, ["upgrade-config", str(old), str(new)])
    assert done.exit_code == 2
    assert f"{old}, stage merge_dl1, step 1, key 'input': it starts with" in done.output
    assert ".lstluigi-" not in done.output
    assert [path.name for path in directory.iterdir()] == [old.name]
