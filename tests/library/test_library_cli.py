"""`lstluigi productions` as it is typed, each time in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from library_lab import CORPUS, LINE, SETTINGS, TEST_NODE, add, config, steps

PACKAGE = Path(__file__).parents[2]


def productions(*words: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lstluigi.cli", "productions", *map(str, words)]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_list_as_table_and_as_json(library: Path) -> None:
    add(library, "20240101_v0.10.12_a", readme="# For the Crab")
    add(library, "b").joinpath("lstmcpipe_config.yml").write_text("prod_id: [")
    table = productions("list", "--dir", library).stdout
    assert "20240101_v0.10.12_a  2024-01-01  0.10.12   2276" in table
    assert "b: lstmcpipe_config.yml, line 2: this is not YAML" in table
    data = json.loads(productions("list", "--dir", library, "--json").stdout)
    assert [item["name"] for item in data] == ["20240101_v0.10.12_a", "b"]
    assert data[0]["models"] == [
        {
            "path": f"/data/models/AllSky/20240101_v0.10.12_a/{LINE}",
            "trained_here": True,
            "there": False,
        }
    ]


def test_libraries_are_searched_together(library: Path, tmp_path: Path) -> None:
    add(library, "crab_a", readme="crab")
    add(tmp_path / "second", "crab_b")
    add(tmp_path / "second", "other")
    places = ("--dir", library, "--dir", tmp_path / "second", "--dir", library)
    data = json.loads(productions("search", "crab", *places, "--json").stdout)
    assert [item["name"] for item in data] == ["crab_a", "crab_b"]


def test_a_search_in_vain(library: Path) -> None:
    add(library, "a")
    done = productions("search", "--dec", "dec_931", "--dir", library)
    assert done.stdout == ""
    assert "none of 1 productions is like this; declinations there: dec_2276" in done.stderr
    done = productions("search", "crab", "--dec", "2276", "--nsb", "0.07", "--dir", library)
    assert "left by each alone: dec '2276' 1, nsb '0.07' 0, text 'crab' 0; " in done.stderr
    assert json.loads(productions("search", "x", "--dir", library, "--json").stdout) == []


def test_paths_are_shown_with_whether_they_are_there(library: Path, tmp_path: Path) -> None:
    text = yaml.safe_dump(config("x")).replace("/data/", f"{tmp_path}/data/")
    add(library, "x", text)
    models = tmp_path / "data/models/AllSky/x" / LINE
    dl2 = tmp_path / f"data/mc/DL2/AllSky/x/TestingDataset/Gamma/{LINE}"
    shown = productions("show", "x", "--dir", library).stdout
    assert f"{models} (not there)" in shown
    assert f"{dl2}/ (0 of 1 there)" in shown
    (dl2 / TEST_NODE).mkdir(parents=True)
    (dl2 / TEST_NODE / f"dl2_x_{TEST_NODE}_merged.h5").touch()
    models.mkdir(parents=True)
    assert f"{models} (not there)" in productions("show", "x", "--dir", library).stdout
    (models / "reg_energy.sav").touch()
    shown = productions("show", "x", "--dir", library).stdout
    assert f"{models} (there)" in shown
    assert f"{dl2}/ (1 of 1 there)" in shown
    done = productions("show", "x", "--dir", library, "--paths", "dl2")
    assert done.stdout == f"{dl2}/{TEST_NODE}/dl2_x_{TEST_NODE}_merged.h5\n"
    assert done.stderr == ""
    done = productions("show", "x", "--dir", library, "--paths", "irf")
    assert "1 of these 1 are not there" in done.stderr
    data = json.loads(productions("show", "x", "--dir", library, "--json").stdout)
    assert [item["there"] for item in data["files"]["dl2"]] == [True]


def test_models_of_another_production_are_told_so(library: Path) -> None:
    stages = {"dl1_to_dl2": steps("base")["dl1_to_dl2"]}
    add(library, "x", config("x", stages=stages))
    assert "trained by another production" in productions("show", "x", "--dir", library).stdout


def test_near_config(library: Path, tmp_path: Path) -> None:
    add(library, "theirs")
    add(library, "far", config("far"), {"tailcut": {}, "other": list(range(9))})
    mine = add(tmp_path, "mine") / "lstmcpipe_config.yml"
    done = productions("list", "--near-config", mine, "--dir", library)
    assert done.stdout.splitlines() == [
        "theirs: equal in lines, stages, settings and nodes; use it instead of asking for another"
    ]
    (data,) = json.loads(
        productions("list", "--near-config", mine, "--dir", library, "--json").stdout
    )
    assert (data["name"], data["equal"]) == ("theirs", True)
    tuned = {**SETTINGS, "image_extractor": "GlobalPeakWindowSum"}
    mine.with_name("lstchain_config.json").write_text(json.dumps(tuned))
    done = productions("show", "theirs", "--near-config", mine, "--dir", library)
    assert "image_extractor: 'LocalPeakWindowSum' -> 'GlobalPeakWindowSum'" in done.stdout


def test_an_example_is_said_and_not_offered(library: Path, tmp_path: Path) -> None:
    (library / "EXAMPLES").write_text("# nobody makes these\nworked_*\ngrid/\n")
    add(library, "worked_a")
    add(library, "grid/NSB-0.07")
    models = tmp_path / "models"
    stages = steps("worked_toy")
    stages["train_pipe"][0]["output"] = str(models)
    add(library, "worked_toy", config("worked_toy", stages=stages))
    models.mkdir()
    (models / "reg_energy.sav").touch()
    table = productions("list", "--dir", library).stdout
    assert "grid/NSB-0.07 (example, not made)" in table
    assert "worked_a (example, not made)" in table
    (told,) = productions("search", "worked", "--dir", library).stderr.splitlines()
    assert "no library of real productions is named: name one with --dir or in $LST" in told
    assert "worked_toy (example)" in table  # as a toy that has been run on this machine
    assert "(example, not made)" in productions("show", "worked_a", "--dir", library).stdout
    mine = add(tmp_path, "mine") / "lstmcpipe_config.yml"
    done = productions("search", "--near-config", mine, "--dir", library)
    assert done.stdout == ""
    assert "not compared, as they are examples that nobody made: 3" in done.stderr
    add(library, "made")
    assert productions("search", "worked", "--dir", library).stderr == ""
    done = productions("search", "--near-config", mine, "--dir", library)
    assert done.stdout.startswith("made: equal")
    done = productions("show", "worked_a", "--near-config", mine, "--dir", library)
    assert "use it instead" not in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "--dir", "{library}/absent"), "does not exist"),
        (("list", "--dir", "{library}/x/readme.md"), "is no directory"),
        (("list", "--dir", "{library}/empty"), "there is no production in"),
        (
            ("show", "nothing", "--dir", "{library}"),
            "no production 'nothing'; lstluigi productions list",
        ),
        (("search", "--dir", "{library}"), "say what to search for"),
        (("list", "--nsb", "much", "--dir", "{library}"), "not a valid float"),
        (("list", "--near-config", "{library}/x/readme.md", "--dir", "{library}"), "not JSON"),
        (("list", "--near-config", "{library}/no.yml", "--dir", "{library}"), "cannot be read"),
        (("html", "-o", "{library}/x/readme.md", "--dir", "{library}"), "is no directory"),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], said: str, library: Path) -> None:
    add(library, "x", readme="hello")
    (library / "empty").mkdir()
    given = [word.replace("{library}", str(library)) for word in words]
    done = productions(*given, code=2)
    assert said in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("lstluigi: ")]) < 2


def test_names_cannot_break_the_terminal(library: Path) -> None:
    add(library, "x\x1b[31m", config("y\u202e"), readme="# \x1b]0;title\x07")
    for words in (("list",), ("show", "y")):
        out = productions(*words, "--dir", library).stdout
        assert not {"\x1b", "\x07", "\u202e"} & set(out)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"{CORPUS} is absent")
def test_looking_up_loads_neither_luigi_nor_readers() -> None:
    """Once there is an index: what is imported is what makes a look-up slow."""
    productions("list", "--dir", CORPUS)
    code = (
        "import sys; sys.argv = ['lstluigi', 'productions', 'list', '--dir', sys.argv[1]]\n"
        "from lstluigi.cli import main\n"
        "try: main()\n"
        "finally: print([m for m in ('luigi', 'yaml', 'rich', 'jinja2', 'numpy',"
        " 'lstluigi.production.plan', 'lstluigi.stages') if m in sys.modules], file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, str(CORPUS)]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True)
    assert done.stderr.strip().endswith("[]"), done.stderr
    assert len(done.stdout.splitlines()) > 36
