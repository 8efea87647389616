"""Directories of configs, whole and damaged, as productions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from library_lab import CORPUS, LINE, SETTINGS, TEST_NODE, add, config, steps

from lstluigi.config import load_config
from lstluigi.errors import ConfigError
from lstluigi.library.index import productions
from lstluigi.library.model import Production
from lstluigi.library.read import contents
from lstluigi.stages import SHAPES, STAGES


def only(library: Path) -> Production:
    (found,) = productions(str(library))
    return found


def test_what_is_known_of_a_production(library: Path) -> None:
    prod_id = "20240101_v0.10.4_crab"
    tuned = {**SETTINGS, "waveform_nsb_tuning": {"nsb_tuning": True, "nsb_tuning_rate_GHz": 0.14}}
    directory = add(library, prod_id, settings=tuned, readme="# For the Crab\n\nHello.")
    found = only(library)
    assert found.problems == []
    assert (found.name, found.prod_id, found.date) == (prod_id, prod_id, "2024-01-01")
    # what the jobs run in counts more than the name
    assert found.lstchain == "0.10.12"
    assert found.lstchain_config == str(directory / "lstchain_config.json")
    assert found.lines == [LINE]
    assert {group: len(names) for group, names in found.nodes.items()} == {LINE: 2, "test": 1}
    assert found.levels == [0.14]
    counts = {stage: len(listed) for stage, listed in steps(prod_id).items()}
    assert found.stages == counts
    models = f"/data/models/AllSky/{prod_id}/{LINE}"
    assert found.models == {models: True}
    dl2 = f"/data/mc/DL2/AllSky/{prod_id}/TestingDataset/Gamma/{LINE}"
    assert found.products["dl2"] == {dl2: 1}
    assert contents(found).files["dl2"] == [
        f"{dl2}/{TEST_NODE}/dl2_{prod_id}_{TEST_NODE}_merged.h5"
    ]
    assert found.title == "For the Crab"


def test_a_ratio_that_is_switched_off_is_no_level(library: Path) -> None:
    add(library, "plain")
    assert only(library).levels == []


def test_pointings_that_particles_name_differently_count_once(library: Path) -> None:
    stages = steps("x")
    first = stages["r0_to_dl1"][0]
    renamed = {key: path.replace("node_corsika_", "node_") for key, path in first.items()}
    stages["r0_to_dl1"].append(renamed)
    add(library, "x", config("x", stages=stages))
    assert len(only(library).nodes[LINE]) == 2


def test_a_restart_beside_its_production_adds_only_what_is_new(library: Path) -> None:
    directory = add(library, "x")
    again = config("x", stages={"dl1_to_dl2": steps("x")["dl1_to_dl2"]})
    (directory / "restart.yaml").write_text(yaml.safe_dump(again))
    found = only(library)
    assert found.configs == ["lstmcpipe_config.yml", "restart.yaml"]
    assert found.stages["dl1_to_dl2"] == 1


def test_two_productions_in_one_directory(library: Path) -> None:
    directory = add(library, "x")
    (directory / "other.yml").write_text(yaml.safe_dump(config("y")))
    assert [found.prod_id for found in productions(str(library))] == ["x", "y"]


def test_grids_lie_deeper(library: Path) -> None:
    for level in ("0.07", "0.14"):
        add(library, f"grid/NSB-{level}", config(f"2024_nsb_tuning_{level}"))
    found = productions(str(library))
    assert [(one.name, one.levels) for one in found] == [
        ("grid/NSB-0.07", [0.07]),
        ("grid/NSB-0.14", [0.14]),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prod_id: [", "this is not YAML"),
        ("prod_id: x\nstages_to_be_run: [r0_to_dl1]\n", "2021-22"),
        ("prod_id: x\nprod_id: y\n", "first defined on line 1"),
        ("", "is empty"),
        ("just words", "the config is a string"),
        ("prod_id: 'a\x07'\n", "control character"),
        ("a: &a [*a]\nprod_id: x\n", ""),
        ("prod_id: x\nstages: 5\nstages_to_run: [r0_to_dl1]", "expected a mapping"),
        ("prod_id: x\nstages: {r0_to_dl1: [1, [2], {input: {a: [b]}}]}\nstages_to_run: 3", ""),
    ],
)
def test_a_damaged_config_is_listed_with_its_reason(text: str, words: str, library: Path) -> None:
    add(library, "20240101_v0.10.4_x").joinpath("lstmcpipe_config.yml").write_text(text)
    found = only(library)
    assert (found.date, found.lstchain) == ("2024-01-01", "0.10.4")
    assert any(words in problem for problem in found.problems)
    assert contents(found).files.keys() <= {"dl2"}


@pytest.mark.parametrize("damage", ["dangling", "pipe", "latin"])
def test_files_that_cannot_be_read(damage: str, library: Path) -> None:
    file = add(library, "x") / "lstmcpipe_config.yml"
    file.unlink()
    if damage == "dangling":
        file.symlink_to(library / "nowhere")
    elif damage == "pipe":
        os.mkfifo(file)
    else:
        file.write_bytes(b"prod_id: \xe9\n")
    assert only(library).problems


def test_pipes_are_not_waited_for(library: Path) -> None:
    directory = add(library, "x", config("x", lstchain_config="pipe"), settings=None)
    for name in ("pipe", "readme.md", "a.json"):
        os.mkfifo(directory / name)
    assert any("it is not a file" in problem for problem in only(library).problems)


@pytest.mark.parametrize("name", ["readme.md", "lstchain_config.json", "more.yml"])
def test_nothing_outside_its_directory_is_read(library: Path, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"tailcut": {}, "prod_id": "hush", "image_modifier": {"a": "hush"}}')
    directory = add(library, "x", settings=None)
    (directory / name).symlink_to(secret)
    assert "hush" not in str(only(library).to_json())
    assert any(problem.startswith(f"{name}: it is a link") for problem in only(library).problems)


@pytest.mark.parametrize("name", ["readme.md", "lstchain_config.json", "more.yml"])
@pytest.mark.parametrize("target", ["nothing", "{name}"])
def test_links_to_nothing_are_told(library: Path, name: str, target: str) -> None:
    directory = add(library, "x", settings=None)
    (directory / name).symlink_to(target.replace("{name}", name))
    assert any(problem.startswith(f"{name}: it is a link") for problem in only(library).problems)


def test_a_link_within_its_directory_is_read(library: Path) -> None:
    directory = add(library, "x")
    (directory / "texts").mkdir()
    (directory / "texts" / "about.txt").write_text("# About")
    (directory / "readme.md").symlink_to("texts/about.txt")
    assert (only(library).title, only(library).problems) == ("About", [])


def test_a_link_in_place_of_the_only_config_is_told(library: Path, tmp_path: Path) -> None:
    directory = add(library, "x", settings=None)
    (directory / "lstmcpipe_config.yml").rename(tmp_path / "elsewhere.yml")
    (directory / "lstmcpipe_config.yml").symlink_to(tmp_path / "elsewhere.yml")
    found = only(library)
    assert (found.name, found.configs) == ("x", [])
    assert "put a copy here" in found.problems[0]


def test_links_to_directories_are_followed_within_the_library_only(
    library: Path, tmp_path: Path
) -> None:
    add(library, "b_real")
    (library / "a_link").symlink_to("b_real")
    add(library, ".store/hidden", config("hidden"))
    (library / "shown").symlink_to(".store/hidden")
    add(tmp_path, "elsewhere/secret")
    (library / "away").symlink_to(tmp_path / "elsewhere")
    (library / "up").symlink_to(tmp_path)
    for loop in ("itself", "itself.yml", "itself.json", "readme"):
        (library / loop).symlink_to(loop)
    (library / "b_real" / "again").symlink_to("../b_real")
    found = {one.name: one.problems for one in productions(str(library))}
    assert "is a link" in found.pop("library")[0]  # itself.yml might be a config
    assert set(found) == {"b_real", "shown", "away", "up"}
    assert (found["b_real"], found["shown"]) == ([], [])
    for name in ("away", "up"):
        assert found[name] == [
            f"{name}: it is a link out of the library and is not followed; "
            "name what it leads to with --dir."
        ]


def test_a_config_names_no_lstchain_config_elsewhere(library: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"tailcut": {}, "image_modifier": {"a": "hush"}}')
    add(library, "x", config("x", lstchain_config=str(secret)), settings=None)
    found = only(library)
    assert "hush" not in str(found.to_json())
    assert "lies elsewhere" in found.problems[0]


@pytest.mark.parametrize("way", ["absolute", "relative", "link"])
def test_a_config_has_no_site_profile_elsewhere_read(
    library: Path, tmp_path: Path, way: str
) -> None:
    secret = tmp_path / "secret.yml"
    secret.write_text("password: hush\n")
    site = {"absolute": str(secret), "relative": "../../secret.yml", "link": "site.yml"}[way]
    directory = add(library, "x", config("x", slurm_config={"site": site}))
    if way == "link":
        (directory / "site.yml").symlink_to(secret)
    found = only(library)
    assert not any(word in str(found.to_json()) for word in ("password", "hush"))
    assert any("the site profile" in problem for problem in found.problems)
    # it is whole but for that
    assert contents(found).logs


@pytest.mark.parametrize("key", ["lstchain_config", "ctapipe_config", "slurm_config"])
def test_nobody_learns_what_files_there_are_elsewhere(
    library: Path, tmp_path: Path, key: str
) -> None:
    there, absent = tmp_path / "a", tmp_path / "b"
    there.touch()
    for path in (there, absent):
        value = {"site": str(path)} if key == "slurm_config" else str(path)
        add(library, path.name, config("x", **{key: value}))
    one, other = (found.problems for found in productions(str(library)))
    assert [text.replace(str(there), str(absent)) for text in one] == other


def test_a_site_profile_of_its_own_is_read(library: Path) -> None:
    directory = add(library, "x", config("x", slurm_config={"site": "site.yml"}))
    (directory / "site.yml").write_text("partitons: {}\n")
    assert any("write 'partitions'" in problem for problem in only(library).problems)


def test_a_circle_of_links_ends(library: Path) -> None:
    (add(library, "x") / "again").symlink_to(library)
    assert only(library).name == "x"


def test_missing_and_several_lstchain_configs(library: Path) -> None:
    directory = add(library, "x", settings=None)
    assert "the lstchain config is not known" in only(library).problems[0]
    for name in ("a.json", "b.json"):
        (directory / name).write_text("{}")
    assert "a.json" in only(library).problems[0]
    (directory / "b.json").unlink()
    (directory / "a.json").write_text("[]")
    assert "does not hold a JSON object" in only(library).problems[0]
    (directory / "a.json").write_text('{"a":' * 500 + "1" + "}" * 500)
    assert "nested" in only(library).problems[0]
    (directory / "a.json").write_text("[" * 100_000)
    assert "nested" in only(library).problems[0]


def test_an_lstchain_config_alone_is_named(library: Path) -> None:
    directory = add(library, "x")
    (directory / "lstmcpipe_config.yml").unlink()
    assert "no production config" in only(library).problems[0]


def test_other_files_are_no_productions(library: Path) -> None:
    (library / "environment.yml").write_text("name: x\ndependencies: [python]\n")
    (library / "package.json").write_text("{}")
    (library / "readme.md").write_text("# Productions")
    assert productions(str(library)) == []


def names(library: Path) -> dict[str, bool]:
    return {found.name: found.example for found in productions(str(library))}


def test_examples_are_named_beside_them_and_not_in_them(library: Path) -> None:
    add(library, "template_prod")
    add(library, "sub/toy")
    add(library, "sub/deep/toy")
    # as in lstmcpipe's library, which names none
    assert names(library) == {"template_prod": True, "sub/toy": False, "sub/deep/toy": False}
    (library / "sub" / "EXAMPLES").write_text("t?y\n")
    assert names(library) == {"template_prod": True, "sub/toy": True, "sub/deep/toy": False}
    (library / "sub" / "toy").rename(library / "sub" / "20261101_mine")  # copied, and begun from
    assert not names(library)["sub/20261101_mine"]
    (library / "EXAMPLES").write_bytes(b"# \xff\n\nsub")
    assert names(library) == {
        "template_prod": False,
        "sub/20261101_mine": True,
        "sub/deep/toy": True,
    }
    assert productions(str(library / "sub/deep"))[0].example is False
    (library / "EXAMPLES").unlink()
    os.mkfifo(library / "EXAMPLES")
    assert names(library)["template_prod"]


def test_an_example_that_is_a_library_of_its_own(library: Path) -> None:
    (library / "EXAMPLES").write_text("toy")
    assert productions(str(add(library, "toy")))[0].example


def test_all_of_our_own_are_examples_and_all_names_are_there() -> None:
    own = Path(__file__).parents[2] / "production_configs"
    named = [line for line in (own / "EXAMPLES").read_text().splitlines() if line[0] != "#"]
    assert all(list(own.glob(name)) for name in named)
    readmes = {one.name: one.text for one in productions(str(own)) if not one.example}
    assert not [name for name, text in readmes.items() if "It is an example" in text]
    assert len([one for one in productions(str(own)) if one.example]) >= len(named)


# ---- the productions of 2021-2025

corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"{CORPUS} is absent")


@corpus
def test_the_corpus_is_listed_whole() -> None:
    found = {production.name: production for production in productions(str(CORPUS))}
    assert len(found) == 36
    with_problems = {name for name, production in found.items() if production.problems}
    configs = [path for path in CORPUS.rglob("*") if path.suffix in (".yml", ".yaml")]
    refused = set()
    for path in configs:
        try:
            load_config(path, SHAPES)
        except ConfigError:
            refused.add(str(path.parent.relative_to(CORPUS)))
    assert with_problems == refused
    assert found["20240131_allsky_v0.10.5_all_dec_base"].configs == [
        "lstmcpipe_config_2024-01-31_PathConfigAllSkyFull.yaml",
        "lstmcpipe_config_2024-01-31_PathConfigAllSkyFull_fix_dl1_dl2.yaml",
    ]


@corpus
def test_the_corpus_has_the_steps_that_a_run_would_do() -> None:
    """As counted by the reader of `lstluigi run`, for each config that it accepts."""
    for production in productions(str(CORPUS)):
        if production.problems or len(production.configs) > 1:
            continue
        config = load_config(Path(production.directory, production.configs[0]), SHAPES)
        counts: dict[str, int] = {}
        for step in config.steps:
            counts[step.stage] = counts.get(step.stage, 0) + 1
        run = {stage: production.stages[stage] for stage in production.stages_to_run}
        assert run == counts, production.name
        for kind, stage in (("dl2", "dl1_to_dl2"), ("irf", "dl2_to_irfs")):
            made = {
                made.path
                for step in config.steps
                if step.stage == stage
                for made in STAGES[stage].makes(step)
                if made.path.endswith((".h5", ".gz"))
            }
            assert made <= set(contents(production).files.get(kind, ())), production.name
