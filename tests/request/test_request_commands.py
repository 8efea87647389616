"""The commands as a user types them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from lstluigi.cli import main
from lstluigi.layouts import registry
from lstluigi.layouts.base import PathConfig
from lstluigi.request import draft as draft_module
from lstluigi.request.environments import Standard

LINE = ("--dec_list", "dec_931", "--nodes", "catalogue")
FEATURES = ("energy_regression", "disp_regression", "disp_classification")


@pytest.fixture(autouse=True)
def lstchain(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The parts that matter of lstchain's config, without the seconds that asking it takes."""
    content = {
        "image_extractor": "LocalPeakWindowSum",
        "LocalPeakWindowSum": {"apply_integration_correction": True},
        "source_config": {"EventSource": {"max_events": None}},
        "random_forest_zd_interpolation": {"interpolate_energy": True},
        "waveform_nsb_tuning": {"nsb_tuning": False, "nsb_tuning_rate_GHz": 0.15},
        "events_filters": {"intensity": [0, float("inf")]},
        **{f"{name}_features": ["width", "alt_tel"] for name in FEATURES},
        "particle_classification_features": ["width", "sin_az_tel"],
    }
    monkeypatch.setattr(draft_module, "standard", lambda _: Standard(content, "0.12.3"))
    return content


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(*words: str, code: int = 0) -> str:
    """Type a command; return what it prints."""
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done.output


def generate(*words: str, code: int = 0) -> str:
    return typed("generate-config", *words, code=code)


def files(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


def content(path: str) -> dict[str, Any]:
    text = Path(path).read_text()
    found = json.loads(text) if path.endswith(".json") else yaml.safe_load(text)
    assert isinstance(found, dict)
    return found


# ---- what is written


def test_a_request_is_a_directory_of_three_files(here: Path, lstchain: dict[str, Any]) -> None:
    printed = generate("PathConfigAllSkyFull", "--prod_id", "p1", *LINE)
    assert files(here) == ["p1/lstchain_config.json", "p1/lstluigi_config.yml", "p1/readme.md"]
    config = content("p1/lstluigi_config.yml")
    assert config["prod_id"] == "p1"
    assert config["lstchain_config"] == "lstchain_config.json"
    assert config["source_environment"]["conda_env"] == "lstchain-v0.12.3"
    assert content("p1/lstchain_config.json") == lstchain
    for stage, steps in config["stages"].items():
        assert f"{len(steps)} {stage}" in printed
    for name in files(here):
        assert name in printed
    readme = Path("p1/readme.md").read_text()
    assert (
        "$ lstluigi generate-config PathConfigAllSkyFull --prod_id p1 --dec_list dec_931" in readme
    )
    assert len(re.findall(r"\?", readme)) >= 5


def test_files_go_where_they_are_asked_for(here: Path) -> None:
    generate("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "-o", "a.yml")
    generate("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "-o", "sub/")
    generate(
        *("PathConfigAllSkyFull", "--prod_id", "p", *LINE),
        *("-o", "other/b.yml", "--lstchain_conf", "other/json/c.json"),
    )
    assert files(here) == [
        *("a.yml", "lstchain_config.json", "other/b.yml", "other/json/c.json", "other/readme.md"),
        *("readme.md", "sub/lstchain_config.json", "sub/lstluigi_config.yml", "sub/readme.md"),
    ]
    assert content("other/b.yml")["lstchain_config"] == "json/c.json"


def test_a_single_pointing_has_other_features(lstchain: dict[str, Any]) -> None:
    printed = generate("PathConfigProd5Trans80", "--prod_id", "p5")
    assert "DL0 was not looked at (/fefs/aswg/data/mc/DL0/20200629_prod5_trans_80 does" in printed
    made = content("p5/lstchain_config.json")
    assert made["energy_regression_features"] == ["width"]
    assert made["random_forest_zd_interpolation"] == {"interpolate_energy": False}
    assert made["source_config"]["EventSource"]["focal_length_choice"] == "EQUIVALENT"
    assert "energy_regression_features: without alt_tel" in printed
    assert "energy_regression_features: without alt_tel" in Path("p5/readme.md").read_text()


@pytest.mark.parametrize("name", registry.names())
def test_every_class_but_prod5s_is_of_many_pointings(name: str) -> None:
    kind = registry.find(name)
    known = {"dec": "dec_931", "dec_list": ["dec_931"], "source_prod_id": "source"}
    given = [f"{k}={v}" for k, v in known.items() if k in registry.arguments(kind) and k == "dec"]
    words = ["--kwargs", *given] if given else []
    if "dec_list" in registry.arguments(kind):
        words += ["--dec_list", "dec_931"]
    if "source_prod_id" in registry.arguments(kind):
        words += ["--source_prod_id", "source"]
    generate(name, "--prod_id", "p", "--nodes", "catalogue", *words)
    features = content("p/lstchain_config.json")["energy_regression_features"]
    assert ("alt_tel" in features) is ("Prod5" not in name)


def test_tuning_is_merged_and_told() -> None:
    Path("nsb.json").write_text('{"increase_nsb": true, "extra_noise_in_dim_pixels": 1.62}')
    printed = generate(
        *("PathConfigAllSkyFullDL1ab", "--prod_id", "t", *LINE, "--source_prod_id", "source"),
        *("--merge", "nsb.json"),
    )
    tuned = {"increase_nsb": True, "extra_noise_in_dim_pixels": 1.62}
    assert content("t/lstchain_config.json")["image_modifier"] == tuned
    assert "image_modifier.extra_noise_in_dim_pixels: 1.62" in printed
    assert "no effect" not in printed


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("PathConfigAllSkyFullDL1ab", ("--nsb", "0.1"), "waveform_nsb_tuning has no effect"),
        ("PathConfigAllSkyFull", ("--merge", "nsb.json"), "image_modifier has no effect"),
    ],
)
def test_a_tuning_without_effect_is_told(name: str, options: tuple[str, ...], told: str) -> None:
    Path("nsb.json").write_text('{"increase_nsb": true}')
    source = ("--source_prod_id", "s") if name.endswith("DL1ab") else ()
    assert told in generate(name, "--prod_id", "t", *LINE, *source, *options)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"tailcut": {"picture_tresh": 6}}', "key 'tailcut.picture_tresh'.*'picture_thresh'"),
        ('{"tailcutt": {"picture_thresh": 6}}', "key 'tailcutt'.*write 'tailcut'"),
        ('{"increase_nbs": true, "increase_psf": true}', "'image_modifier.increase_nbs'.*write"),
        ('{"tailcut": {"picture_thresh": NaN}}', "key 'tailcut.picture_thresh': NaN"),
        ('{"events_filters": {"intensity": [NaN, 5]}}', "key 'events_filters.intensity': NaN"),
        ('{"tailcut": 5}', "key 'tailcut': expected a section, got 5"),
        ('{"tailcut": {"picture_thresh": "6"}}', "key 'tailcut.picture_thresh': '6' is not"),
        ('{"tailcut": ', "it is not JSON"),
        ("[1]", "does not hold a JSON object"),
    ],
)
def test_a_partial_config_is_looked_at(here: Path, text: str, told: str) -> None:
    Path("part.json").write_text(text)
    printed = generate(
        "PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--merge", "part.json", code=2
    )
    assert re.search(f"part.json.*{told}", printed)
    assert files(here) == ["part.json"]


def test_what_the_base_has_itself_may_be_merged(lstchain: dict[str, Any]) -> None:
    """A later lstchain knows keys that the pinned one does not."""
    lstchain["of_tomorrow"] = {"a": 1}
    Path("part.json").write_text('{"of_tomorrow": {"a": 2}}')
    generate("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--merge", "part.json")
    assert content("p/lstchain_config.json")["of_tomorrow"] == {"a": 2}


def test_a_whole_config_instead_of_a_part_is_told(lstchain: dict[str, Any]) -> None:
    whole = {**lstchain, "waveform_nsb_tuning": {"nsb_tuning_rate_GHz": 0.2}}
    Path("whole.json").write_text(json.dumps(whole))
    printed = generate("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--merge", "whole.json")
    assert "whole.json is a whole lstchain config" in printed
    made = content("p/lstchain_config.json")["waveform_nsb_tuning"]
    assert made == {"nsb_tuning": False, "nsb_tuning_rate_GHz": 0.2}


def test_a_config_to_start_from_needs_no_lstchain(
    lstchain: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(draft_module, "standard")
    Path("mine.json").write_text(json.dumps({**lstchain, "tailcut": {"picture_thresh": 6}}))
    generate("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--lstchain_base", "mine.json")
    assert content("p/lstchain_config.json")["tailcut"] == {"picture_thresh": 6}
    assert "that of mine.json" in Path("p/readme.md").read_text()


def test_what_is_private_is_not_in_the_readme(here: Path) -> None:
    (here / "home").mkdir()
    Path("home/nsb.json").write_text("{}")
    generate(
        *("PathConfigAllSkyFull", "--prod-id", "p", *LINE, "--output", "public/p/c.yml"),
        *("--merge", f"{here}/home/nsb.json", "--environment", f"{here}/home/env"),
    )
    readme = Path("public/p/readme.md").read_text()
    assert str(here) not in readme
    (line,) = re.findall(r"^\$ (.*)$", readme, re.MULTILINE)
    assert shlex.split(line) == [
        *("lstluigi", "generate-config", "PathConfigAllSkyFull", "--prod_id", "p"),
        *("--dec_list", "dec_931", "--merge", "nsb.json", "--nodes", "catalogue"),
    ]


def test_a_home_is_not_in_the_readme(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = here / "home/somebody"
    (home / "classes").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    (home / "classes/mine.py").write_text(
        "from lstluigi.layouts import PathConfigAllSkyFull\n\n\n"
        "class Mine(PathConfigAllSkyFull):\n    pass\n"
    )
    shutil.copytree(home, f"{home}_else")
    for place, written in ((home, "~"), (Path(f"{home}_else"), f"{home}_else")):
        generate(
            *(f"{place}/classes/mine.py:Mine", "--prod_id", "p", "--dec_list", "dec_931"),
            *("--root", f"{place}/data", "--overwrite"),
        )
        readme = Path("p/readme.md").read_text()
        assert f"generate-config {written}/classes/mine.py:Mine" in readme
        assert f"--root {written}/data" in readme
        assert f"({written}/data/mc/DL0/LSTProd2 does not exist here)" in readme
        assert f"{home}/" not in readme


def test_jobs_may_use_no_conda_environment(lstchain: dict[str, Any]) -> None:
    Path("base.json").write_text(json.dumps(lstchain))
    for base in ((), ("--lstchain_base", "base.json")):
        words = ("PathConfigAllSkyFull", "--prod_id", "p", *LINE, *base, "--overwrite")
        generate(*words)
        assert "source_environment" in content("p/lstluigi_config.yml")
        generate(*words, "--environment", "none")
        assert "source_environment" not in content("p/lstluigi_config.yml")
        assert "--environment none" in Path("p/readme.md").read_text()


def slurm_of(config: Path) -> Any:
    return yaml.safe_load(config.read_text()).get("slurm_config")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), {"user_account": "dpps"}),
        (("--account", "aswg"), {"user_account": "aswg"}),
        (("--environment", "none"), None),
        (("--environment", "none", "--account", "me"), {"user_account": "me"}),
        (("--site", "own/site.yml"), {"site": "../own/site.yml"}),
        (
            ("--site", "own/site.yml", "--account", "me"),
            {"user_account": "me", "site": "../own/site.yml"},
        ),
    ],
)
def test_who_pays_and_where_jobs_run(
    here: Path, words: tuple[str, ...], expected: dict[str, str] | None
) -> None:
    (here / "own").mkdir()
    (here / "own/site.yml").write_text("over_limits: lower\n")
    generate("PathConfigAllSkyFull", "--prod_id", "p", *LINE, *words)
    assert slurm_of(here / "p/lstluigi_config.yml") == expected
    again = {} if expected is None else dict(expected)
    if "site" in again:
        again["site"] = f"../{again['site']}"
    grid = ("--nsb", "0.07", "--prod_id_prefix", "g", *LINE, *words)
    typed("generate-nsb-grid", *grid)
    assert slurm_of(next(here.glob("g_*/*/*.yml"))) == (again or None)


def test_an_account_that_is_no_name_is_refused(here: Path) -> None:
    told = generate("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--account", "a b", code=2)
    assert "--account" in told
    assert not (here / "p").exists()


def test_what_the_readme_says_makes_the_same_again(here: Path) -> None:
    (here / "it's").mkdir()
    Path("it's/nsb.json").write_text('{"increase_nsb": true}')
    generate(
        *("PathConfigAllSkyFullDL1ab", "--prod_id", "t", "--merge", "it's/nsb.json"),
        *("--kwargs", "run_checker=no", "source_prod_id=s", *LINE, "--nsb", "0.0"),
    )
    made = ("t/lstluigi_config.yml", "t/lstchain_config.json")
    before = [content(name) for name in made]
    (line,) = re.findall(r"^\$ (.*)$", Path("t/readme.md").read_text(), re.MULTILINE)
    typed(*shlex.split(line)[1:], "--overwrite")
    assert [content(name) for name in made] == before


def test_a_class_of_one_line_takes_it_as_others_do() -> None:
    words = ("PathConfigAllSkyTraining", "--prod_id", "p", "--nodes", "catalogue")
    generate(*words, "--dec_list", "dec_931")
    made = content("p/lstluigi_config.yml")["stages"]
    generate(*words, "--kwargs", "dec=dec_931", "--overwrite")
    assert content("p/lstluigi_config.yml")["stages"] == made


@pytest.mark.parametrize(
    ("source", "options", "first", "told"),
    [
        ("20240131_base", (), "dec_931", "until-2024-08, since its name says 2024-01-31"),
        ("20240831_base", (), "dec_931", "until-2024-08"),
        ("20240901_base", (), "GammaDiffuse", "current, since its name says 2024-09-01"),
        ("20240131_base", ("--kwargs", "source_layout=current"), "GammaDiffuse", ""),
        ("base", ("--layout", "until-2024-08"), "dec_931", ""),
    ],
)
def test_the_layout_of_a_source_is_found_out(
    source: str, options: tuple[str, ...], first: str, told: str
) -> None:
    printed = generate(
        *("PathConfigAllSkyTrainingDL1ab", "--prod_id", "t", "--source_prod_id", source),
        *(*LINE, *options),
    )
    (step, *_) = content("t/lstluigi_config.yml")["stages"]["dl1ab"]
    assert f"/{source}/TrainingDataset/{first}/" in step["input"]
    assert told in printed
    assert ("is taken to lie in the layout" in printed) is bool(told)
    # a readme says what is not as ever
    assert (told in Path("t/readme.md").read_text()) is ("current" not in told)


def test_models_that_nothing_makes_are_told(here: Path) -> None:
    words = ("--prod_id", "p", *LINE, "--root", str(here / "data"), "--overwrite")
    model = here / "data/models/AllSky/p/dec_931"
    told = f"No step of this production makes the models {model}, which dl1_to_dl2 reads"
    assert told in generate("PathConfigAllSkyTesting", *words)
    assert "No step" not in generate("PathConfigAllSkyFull", *words)
    model.mkdir(parents=True)
    assert "No step" not in generate("PathConfigAllSkyTesting", *words)


# ---- overwriting


def test_nothing_is_overwritten_unasked(here: Path) -> None:
    Path("p").mkdir()
    Path("p/lstchain_config.json").write_text("mine")
    told = generate("PathConfigAllSkyFull", "--prod_id", "p", *LINE, code=2)
    assert "exists already" in told
    assert "--overwrite" in told
    assert files(here) == ["p/lstchain_config.json"]
    assert Path("p/lstchain_config.json").read_text() == "mine"


def test_overwriting_keeps_the_answers_of_the_readme() -> None:
    generate("PathConfigAllSkyFull", "--prod_id", "p", *LINE)
    readme = Path("p/readme.md")
    answered = readme.read_text().replace("## When it is needed", "## When it is needed\n\nSoon.")
    readme.write_text(f"{answered}\n## Later\n\nMore.\n")
    generate("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--nsb", "0.07", "--overwrite")
    text = readme.read_text()
    assert "Soon." in text
    assert text.endswith("\n## Later\n\nMore.\n")
    assert text.count("## How the configs were made") == 1
    assert "--nsb 0.07" in text
    assert content("p/lstchain_config.json")["waveform_nsb_tuning"]["nsb_tuning"] is True


def test_a_readme_that_is_there_is_left_as_it_is() -> None:
    Path("p").mkdir()
    Path("p/README.md").write_text("mine")
    printed = generate("PathConfigAllSkyFull", "--prod_id", "p", *LINE)
    assert "README.md was there and is left as it is" in printed
    assert Path("p/README.md").read_text() == "mine"
    assert not Path("p/readme.md").exists()


# ---- bad input


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("PathConfigAllSkyFul", "--prod_id", "p"), r"write 'PathConfigAllSkyFull'.*Prod5Trans80"),
        (("PathConfigAllSkyFull", "--prod_id", "p"), "needs dec_list"),
        (("PathConfigAllSkyTraining", "--prod_id", "p"), r"needs dec \(--dec_list\)"),
        (("PathConfigAllSkyFull", *LINE), "Missing option '--prod_id'"),
        (("PathConfigAllSkyFull", "--prod_id", "../p", *LINE), "prod_id does not fit"),
        (("PathConfigAllSkyFull", "--prod_id", "-p", *LINE), "starts like an option"),
        (("PathConfigAllSkyFull", "--prod_id", "p", "--dec_list", "dec_9"), "'dec_9' has no"),
        (
            ("PathConfigAllSkyFull", "--prod_id", "p", "--dec_list", "dec_2"),
            "known here: .*dec_2276",
        ),
        (
            ("PathConfigAllSkyFull", "--prod_id", "p", "--dec_list", "2276"),
            "write 'dec_2276'",
        ),
        (("PathConfigAllSkyFull", "--prod_id", "p", "--dec_list", "dec_5573"), "GammaDiffuse only"),
        (("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--kwargs", "dek=1"), "argument 'dek'"),
        (("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--kwargs", "dek"), "form KEY=VALUE"),
        (
            ("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--kwargs", "nodes=scan"),
            "nodes is given twice, with --nodes and with --kwargs nodes=",
        ),
        (
            ("PathConfigAllSkyTraining", "--prod_id", "p", *LINE, "--kwargs", "dec=dec_931"),
            "given twice, as dec and in dec_list",
        ),
        (
            ("PathConfigAllSkyTraining", "--prod_id", "p", "--dec_list", "dec_931", "dec_2276"),
            "is of one declination and 2 are given",
        ),
        (
            ("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--source_prod_id", "s"),
            r"'source_prod_id' \(PathConfigAllSkyFullDL1ab has it\)",
        ),
        (
            ("PathConfigAllSkyFullDL1ab", "--prod_id", "p", *LINE, "--source_prod_id", "p"),
            "prod_id and source_prod_id are both 'p'",
        ),
        (
            ("PathConfigProd5Trans80DL1ab", "--prod_id", "p", "--source_prod_id", "p"),
            "prod_id and source_prod_id are both 'p'",
        ),
        (
            ("PathConfigProd5Trans80", "--prod_id", "p", "--layout", "until-2024-08"),
            r"layout \(--layout\) is no choice of PathConfigProd5Trans80: prod5 has had one tree",
        ),
        (
            ("PathConfigProd5Trans80", "--prod_id", "p", "--kwargs", "zenith=20"),
            "there is no zenith '20'; there are zenith_20deg and zenith_40deg",
        ),
        (
            ("PathConfigProd5Trans80", "--prod_id", "p", "--kwargs", "zenith=zenith_30deg"),
            "there is no zenith 'zenith_30deg'; there are zenith_20deg and zenith_40deg to choose",
        ),
        (("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--nsb", "-1"), "-1.0 GHz is negative"),
        (("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--nsb", "inf"), "not a number of GHz"),
        (("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--merge", "no.json"), "no.json"),
        (("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--layout", "old"), "until-2024-08"),
        (
            ("PathConfigAllSkyFull", "--prod_id", "p", "--dec_list", "dec_931", "--nodes", "scan"),
            "no DL0 to scan",
        ),
        (
            ("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--lstchain_conf", "p/readme.md"),
            "names of their own",
        ),
        (
            ("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "-o", "out.txt"),
            "end in .yml or .yaml",
        ),
    ],
)
def test_bad_input_is_told_and_nothing_is_written(
    here: Path, words: tuple[str, ...], told: str
) -> None:
    assert re.search(told, generate(*words, code=2), re.DOTALL)
    assert files(here) == []


def test_a_class_of_ones_own(here: Path) -> None:
    Path("mine.py").write_text(
        "from lstluigi.layouts import PathConfig\n\n\n"
        "class Mine(PathConfig):\n"
        "    def __init__(self, prod_id, twice=False):\n"
        "        super().__init__(prod_id)\n"
        "        self.stages = ['merge_dl1']\n"
        "        self.twice = twice\n\n"
        "    def merge_dl1(self):\n"
        "        return [{'input': '/dl1', 'output': '/m.h5'}] * (2 if self.twice else 1)\n"
    )
    generate("mine.py:Mine", "--prod_id", "p")
    assert content("p/lstluigi_config.yml")["stages"] == {
        "merge_dl1": [{"input": "/dl1", "output": "/m.h5"}]
    }
    told = generate("mine.py:Mine", "--prod_id", "q", "--kwargs", "twice=yes", code=2)
    assert "what Mine generates is no config that can run; mend the class" in told
    assert "/m.h5 is made by merge_dl1 step 2, too" in told
    assert not Path("q").exists()


@pytest.mark.parametrize(
    "body",
    [
        "def __init__(self, prod_id):\n        {}['x']",
        "stages = ['merge_dl1']\n    def generate(self):\n        {}['x']",
        "generate = dict\n\n    def content(self):\n        return {'prod_id': object()}",
        "def __init__(self, prod_id):\n        raise SystemExit",
    ],
)
def test_what_a_class_of_ones_own_raises_is_told(here: Path, body: str) -> None:
    head = "from lstluigi.layouts import PathConfig\n\n\nclass Mine(PathConfig):\n"
    Path("mine.py").write_text(f"{head}    {body}\n")
    told = generate("mine.py:Mine", "--prod_id", "p", code=2)
    assert "Mine cannot make its config" in told
    assert not Path("p").exists()


def test_a_readme_that_is_no_text_is_told(here: Path) -> None:
    Path("p").mkdir()
    Path("p/readme.md").write_bytes(b"\xff\xfe")
    told = generate("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--overwrite", code=2)
    assert "cannot be read" in told
    assert files(here) == ["p/readme.md"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"tailcut": {"picture_thresh": NaN}}', "odd.json, key 'tailcut.picture_thresh'.*NaN"),
        ("{}", "odd.json: there is no section in it that every lstchain config has"),
    ],
)
def test_an_odd_config_to_start_from_is_refused(here: Path, text: str, told: str) -> None:
    Path("odd.json").write_text(text)
    words = ("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--lstchain_base", "odd.json")
    assert re.search(told, generate(*words, code=2))
    assert files(here) == ["odd.json"]


def test_what_the_pinned_lstchain_does_not_know_of_a_config_to_start_from_is_told() -> None:
    """Every config of an older lstchain has such keys: validate says the mend of each."""
    Path("old.json").write_text('{"tailcut": {"picture_tresh": 6}}')
    words = ("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--lstchain_base", "old.json")
    assert re.search("not know these keys of old.json.*: tailcut.picture_tresh", generate(*words))


def test_a_part_to_start_from_is_told() -> None:
    Path("part.json").write_text('{"tailcut": {"picture_thresh": 6}}')
    words = ("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--lstchain_base", "part.json")
    assert re.search("part.json is not exhaustive: .* more are missing", generate(*words))


def test_what_a_tool_has_printed_is_read_with_its_log() -> None:
    """As lstchain_tune_nsb_waveform prints it, with a path of whoever ran it."""
    tuning = {"nsb_tuning": True, "nsb_tuning_rate_GHz": 0.1, "spe_location": "/home/me/spe.dat"}
    log = "\ndata_ped_stdev: 3.1 p.e.\nmc_ped_stdev: 2.2 p.e.\n\n"
    Path("nsb.json").write_text(f"{log}{json.dumps(tuning, indent=2)}\n\n\n")
    words = ("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--merge", "nsb.json")
    printed = generate(*words)
    assert content("p/lstchain_config.json")["waveform_nsb_tuning"] == tuning
    assert "Of nsb.json only the JSON is taken" in printed
    assert "waveform_nsb_tuning.spe_location of nsb.json is an absolute path" in printed


@pytest.mark.parametrize("text", ["data_ped_stdev: 3.1", "[1]", '{"a": 1,}', "{" * 9, "x\n{]}"])
def test_a_part_that_is_no_json_is_told_with_what_it_may_be(here: Path, text: str) -> None:
    Path("nsb.json").write_text(text)
    words = ("PathConfigAllSkyFull", "--prod_id", "p", *LINE, "--merge", "nsb.json")
    told = generate(*words, code=2)
    assert re.search(r"nsb.json: it (is not JSON|does not hold).*lstchain_tune_nsb", told)
    assert "lstchain_dump_config" not in told
    assert files(here) == ["nsb.json"]


def test_what_a_class_generates_is_read_back(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = PathConfig.content
    monkeypatch.setattr(PathConfig, "content", lambda self: {**made(self), "stagez": []})
    told = generate("PathConfigAllSkyFull", "--prod_id", "p", *LINE, code=2)
    assert "'stagez'" in told
    assert "/tmp" not in told
    assert files(here) == []


# ---- grids


def grid(*words: str, code: int = 0) -> str:
    return typed("generate-nsb-grid", "--prod_id_prefix", "20261101", *words, code=code)


def test_a_grid_is_a_directory_for_each_level(here: Path) -> None:
    grid("--nsb", "0.00", "0.07", "0.125", *LINE)
    home = "20261101_allsky_nsb_grid"
    levels = ("0.00", "0.07", "0.125")
    assert files(here) == sorted(
        [
            f"{home}/readme.md",
            *(f"{home}/NSB-{v}/lstchain_config_nsb{v}.json" for v in levels),
            *(f"{home}/NSB-{v}/lstluigi_config_nsb{v}.yml" for v in levels),
        ]
    )
    for level in levels:
        config = content(f"{home}/NSB-{level}/lstluigi_config_nsb{level}.yml")
        assert config["prod_id"] == f"20261101_allsky_nsb_tuning_{level}"
        assert config["prod_type"] == "PathConfigAllSkyFullSplitDiffuse"
        lstchain = content(f"{home}/NSB-{level}/{config['lstchain_config']}")
        assert lstchain["waveform_nsb_tuning"] == {
            "nsb_tuning": float(level) > 0,
            "nsb_tuning_rate_GHz": float(level),
        }


def test_a_grid_has_all_lines_by_default() -> None:
    grid("--nsb", "0.07", "--nodes", "catalogue", "-o", "g", "-c", "PathConfigAllSkyFull")
    stages = content("g/NSB-0.07/lstluigi_config_nsb0.07.yml")["stages"]
    lines = [Path(step["output"]).name for step in stages["train_pipe"]]
    # of the catalogue's ten with protons, not the one of high density
    assert len(lines) == 9
    assert "dec_6166" in lines


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--nsb", "0.07", "0.070", *LINE), "0.07' is there twice"),
        (("--nsb", "0.07", "-0.1", *LINE), "-0.1 GHz is negative"),
        (("--nsb", "-0.07", *LINE), "-0.07 GHz is negative"),
        (("--nsb", "-.07", *LINE), "-0.07 GHz is negative"),
        (("--nsb", "-inf", *LINE), "not a number"),
        (("--nsb", "0.07", "nan", *LINE), "not a number"),
        ((*LINE,), "Missing option '--nsb'"),
        (("--nsb", "0.07", *LINE, "-c", "PathConfigProd5Trans80"), "no argument 'dec_list'"),
        (("--nsb", "0.07", *LINE, "-c", "PathConfigAllSkyFullDL1ab"), "needs source_prod_id;"),
    ],
)
def test_a_bad_grid_is_told_and_nothing_is_written(
    here: Path, words: tuple[str, ...], told: str
) -> None:
    assert re.search(told, grid(*words, code=2))
    assert files(here) == []
