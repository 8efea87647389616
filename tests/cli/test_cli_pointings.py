"""`lstluigi plot-pointings` and `lstluigi suggest` as typed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lstluigi.cli import main

CONFIG = """
prod_id: my
stages:
  r0_to_dl1:
  - input: /mc/DL0/TrainingDataset/Protons/dec_2276/sim_telarray/node_theta_6.0_az_180.0_
  - input: /mc/DL0/TrainingDataset/Protons/dec_931/sim_telarray/node_theta_19.779_az_168.888_
  - input: /mc/DL0/TestDataset/sim_telarray/node_theta_10.0_az_102.199_
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / "cache"))
    (tmp_path / "my.yml").write_text(CONFIG)
    return tmp_path


def type_(*words: str) -> Result:
    return CliRunner().invoke(main, words, catch_exceptions=False)


def files(here: Path) -> set[str]:
    return {path.name for path in here.iterdir()} - {"my.yml"}


def test_of_a_directory_the_config_in_it_is_named(here: Path) -> None:
    done = type_("plot-pointings", str(here))
    assert done.exit_code == 2
    assert f"this is a directory; give the path of the config in it: {here}/my.yml." in done.output
    assert not files(here)


# ---- plot-pointings


def test_an_image_and_a_page_of_a_config(here: Path) -> None:
    run = type_("plot-pointings", "my.yml")
    assert run.exit_code == 0
    assert run.output == "wrote my_pointings.png\nwrote my_pointings.html\n"
    assert files(here) == {"my_pointings.png", "my_pointings.html"}
    page = (here / "my_pointings.html").read_text()
    for name in ("node_theta_6.0_az_180.0_", "node_theta_10.0_az_102.199_"):
        assert name in page


def test_nothing_is_replaced_unless_asked(here: Path) -> None:
    (here / "my_pointings.html").write_text("mine")
    run = type_("plot-pointings", "my.yml")
    assert run.exit_code == 2
    assert "'my_pointings.html' exists" in run.output
    assert files(here) == {"my_pointings.html"}
    assert type_("plot-pointings", "my.yml", "--overwrite").exit_code == 0


def test_lines_as_lstmcpipe_takes_them(here: Path) -> None:
    run = type_("plot-pointings", "my.yml", "--dec_list", "dec_2276", "dec_931", "-o", "a.html")
    assert run.exit_code == 0
    page = (here / "a.html").read_text()
    assert "training dec_2276 (1)" in page
    assert "training dec_931 (1)" in page
    run = type_("plot-pointings", "my.yml", "--dec_list", "dec_931", "-o", "b.html")
    assert "training dec_2276" not in (here / "b.html").read_text()
    assert "test (1)" in (here / "b.html").read_text()


def test_lines_alone_are_those_of_the_catalogue(here: Path) -> None:
    assert type_("plot-pointings", "dec_2276", "-o", "a.html", "-o", "a.svg").exit_code == 0
    page = (here / "a.html").read_text()
    assert "training dec_2276 (19)" in page
    assert "test (105)" in page
    assert "training dec_2276 (19)" in (here / "a.svg").read_text()


def test_a_class(here: Path) -> None:
    run = type_("plot-pointings", "PathConfigAllSkyFull", "--dec_list", "dec_2276", "dec_931")
    assert run.exit_code == 0
    page = (here / "PathConfigAllSkyFull_pointings.html").read_text()
    for label in ("training dec_2276 (19)", "training dec_931 (20)", "test (105)"):
        assert label in page
    run = type_("plot-pointings", "PathConfigAllSkyTrainingDL1ab", "dec_2276", "-o", "a.html")
    assert run.exit_code == 0
    assert "training dec_2276 (19)" in (here / "a.html").read_text()


def test_two_configs(here: Path) -> None:
    (here / "your.yml").write_text(CONFIG)
    assert type_("plot-pointings", "my.yml", "your.yml", "-o", "a.html").exit_code == 0
    for label in ("my training dec_2276", "your training dec_2276", "my test", "your test"):
        assert label in (here / "a.html").read_text()
    assert "<title>my, your</title>" in (here / "a.html").read_text()


def test_a_config_goes_by_its_prod_id(here: Path) -> None:
    """Generated ones are all called lstluigi_config.yml."""
    for prod_id in ("20261101_a", "20261101_b"):
        (here / prod_id).mkdir()
        text = CONFIG.replace("prod_id: my", f"prod_id: {prod_id}")
        (here / prod_id / "lstluigi_config.yml").write_text(text)
    first, second = (f"20261101_{name}/lstluigi_config.yml" for name in "ab")
    run = type_("plot-pointings", first)
    assert run.output.splitlines()[1] == "wrote 20261101_a_pointings.html"
    assert "<title>20261101_a</title>" in (here / "20261101_a_pointings.html").read_text()
    type_("plot-pointings", first, second, "-o", "two.html")
    assert "20261101_b training dec_2276" in (here / "two.html").read_text()
    # a name that is a path is no name of a file
    (here / first).write_text(CONFIG.replace("prod_id: my", "prod_id: ../x"))
    run = type_("plot-pointings", first)
    assert run.output.splitlines()[1] == "wrote lstluigi_config_pointings.html"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "name production configs"),
        (("absent.yml",), "absent.yml: the config cannot be read"),
        (("my.yml", "--dec_list", "dec_3476"), "no training nodes of 'dec_3476'; of these: dec_2"),
        (("dec_999",), "there are no training nodes of 'dec_999'; of these: dec_2276"),
        (("my.yml", "-o", "a.gif"), "'a.gif' has to end in one of .png"),
        (("my.yml", "--projection", "mercator"), "projection 'mercator' is not known"),
        (("PathConfigAllSkyFul",), "write 'PathConfigAllSkyFull'"),
        (("PathConfigProd5Trans80",), "no path of 'PathConfigProd5Trans80' names"),
        (("empty.yml",), "no path of 'empty.yml' names a pointing node"),
        (("tuning.json",), "name a production config, a class of an all-sky"),
        (("broken.yml",), "broken.yml, line 2: this is not YAML"),
    ],
)
def test_bad_plots(here: Path, words: tuple[str, ...], told: str) -> None:
    (here / "empty.yml").write_text("stages: {}")
    (here / "broken.yml").write_text("a: [")
    (here / "tuning.json").write_text('{"increase_nsb": true}')
    run = type_("plot-pointings", *words)
    assert run.exit_code == 2
    assert told in run.output
    assert files(here) == {"empty.yml", "broken.yml", "tuning.json"}


# ---- suggest


def test_the_crab_as_typed() -> None:
    run = type_("suggest", "--coordinates", "05h34m31.9s", "+22d00m52s")
    assert run.exit_code == 0
    assert "nearest training line is dec_2276 (+22.76°), 0.75° away" in run.output
    assert "culminates at zenith distance 6.7°" in run.output
    assert "node_theta_23.630_az_100.758_" in run.output
    assert "--dec_list dec_2276" in run.output


def test_json_is_all_that_is_printed(here: Path) -> None:
    run = type_("suggest", "--coordinates", "83.63", "-22.01", "--json", "--plot", "a.png")
    assert json.loads(run.stdout)["lines"][0]["name"] == "dec_min_1802"
    assert run.stderr == "wrote a.png\n"
    assert files(here) == {"a.png"}


def test_the_plot_has_the_source_its_line_and_its_nodes(here: Path) -> None:
    run = type_(
        *("suggest", "--coordinates", "83.63", "22.01", "--date", "2026-12-10"),
        *("--plot", "a.html"),
    )
    assert run.exit_code == 0
    page = (here / "a.html").read_text()
    for word in ("training dec_2276 (19)", "test, along the path", "night of 2026-12-10"):
        assert word in page


def test_a_terminal_that_knows_no_degrees_is_written_to() -> None:
    words = ("suggest", "--coordinates", "83.63", "22.01")
    run = CliRunner(charset="ascii").invoke(main, words, catch_exceptions=False)
    assert run.exit_code == 0
    assert r"RA 83.630\xb0, Dec +22.010\xb0" in run.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give either --source NAME or --coordinates RA DEC"),
        (("--source", "x", "--coordinates", "1", "2"), "give either"),
        (("--coordinates", "1", "91"), "declination '91' is not between -90 and 90"),
        (("--coordinates", "1", "2", "--date", "soon"), "'soon' is not a date"),
        (("--coordinates", "1", "2", "--max-zenith", "95"), "--max-zenith"),
        (("--coordinates", "1", "2", "--plot", "a.txt"), "'a.txt' has to end in"),
    ],
)
def test_bad_suggestions(here: Path, words: tuple[str, ...], told: str) -> None:
    run = type_("suggest", *words)
    assert run.exit_code == 2
    assert told in run.output
    assert files(here) == set()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*sys.modules]:
        if name.startswith(
            ("lstluigi.request.suggest", "lstluigi.report.plots.irfs", "lstluigi.layouts.sky")
        ):
            monkeypatch.delitem(sys.modules, name)
    hidden: Any = None
    monkeypatch.setitem(sys.modules, "numpy", hidden)
    run = type_("suggest", "--coordinates", "1", "2")
    assert run.exit_code == 2
    assert "numpy is not installed; pip install 'lstluigi[analysis]' brings it" in run.output
