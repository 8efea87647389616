"""Names of productions, and what their readmes give away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from right_production import PROD_ID, Production

from lstluigi.cli import main
from lstluigi.validation import validate
from lstluigi.validation.lstchain_catalogue import catalogue


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tuned to Mrk 421", "names a source"),
        ("mkn501", "names a source"),
        ("1ES 1959+650", "names a source"),
        ("LHAASO J2226+6057", "names a source"),
        ("GRB 221009A", "names a source"),
        ("BL Lacertae flares", "names a source"),
        ("RA = 83.63, Dec 22.01", "coordinates"),
        ("at 05h34m31s", "coordinates"),
        ("ask someone@example.org", "e-mail"),
        ("ping @someone", "names a user"),
        ("Contact : Some One", "names a person"),
        ("* requested by: X", "names a person"),
    ],
)
def test_what_a_readme_gives_away(production: Production, text: str, told: str) -> None:
    production.readme = f"# A production\n\n{text}\n"
    errors, (warning,) = production.told()
    assert not errors
    assert "readme.md, line 3" in warning
    assert told in warning


@pytest.mark.parametrize(
    "text",
    [
        "NSB of the Crab nebula",
        "src9 at dec_2276, run 11282, 1.9 p.e.",
        "see https://github.com/org/repo/issues/49#issuecomment-1235392024",
        "lstchain v0.10.4, commit ac7d379, 20240101",
        "node_corsika_theta_6.000_az_180.000_ and dl1_LST-1.Run11282.0000.h5",
        "Requested: contact the production managers",
        "see @/fefs/x",
    ],
)
def test_what_gives_nothing_away(production: Production, text: str) -> None:
    production.readme = text
    assert production.told() == ([], [])


def test_a_readme_is_there(production: Production) -> None:
    production.readme = ""
    _, (warning,) = production.told()
    assert "no readme.md" in warning
    (production.directory.parent / "README.md").write_text("of a grid of productions")
    assert production.told() == ([], [])


@pytest.mark.parametrize(
    ("prod_id", "told"),
    [
        ("20260131_v0.12.3_other", ["give both the same name"]),
        ("v0.12.3_test", ["give both the same name", "has no date"]),
        ("20261301_v0.12.3", ["give both the same name", "has no date"]),
        ("20260131_test", ["give both the same name", "does not say the version"]),
    ],
)
def test_a_prod_id_tells(production: Production, prod_id: str, told: list[str]) -> None:
    production.production["prod_id"] = prod_id
    errors, warnings = production.told()
    assert not errors
    assert len(warnings) == len(told)
    assert all(words in warning for words, warning in zip(told, warnings, strict=True))


def test_a_level_of_a_grid_is_named_after_the_grid(production: Production) -> None:
    production.directory = production.directory / "NSB-0.07"
    production.directory.mkdir()
    production.config = production.directory / "config.yml"
    production.production["prod_id"] += "_0.07"
    assert production.told() == ([], [])


def test_prod_id_and_environment_name_the_same_lstchain(production: Production) -> None:
    production.production["source_environment"] = {"conda_env": "lstchain-v0.12.3"}
    assert production.told() == ([], [])
    production.production["source_environment"] = {"conda_env": "lstchain-v0.12.2"}
    _, (warning,) = production.told()
    assert "says lstchain 0.12.3, the environment 0.12.2" in warning


def strange(path: Path, kind: str, elsewhere: Path) -> None:
    """What has the name of a file and is none that a library shows."""
    match kind:
        case "link to nothing":
            path.symlink_to("/nowhere")
        case "pipe":
            os.mkfifo(path)
        case "link out":
            elsewhere.write_text("{}\nContact: A. Person")
            path.symlink_to(elsewhere)


KINDS = {
    "link to nothing": "this is a link to nothing (/nowhere)",
    "pipe": "this is not a file",
    "link out": "this is a link out of its directory",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["readme.md", "other.json"])
def test_what_is_no_file_is_told(
    production: Production, tmp_path: Path, kind: str, name: str
) -> None:
    """And not read: a pipe would wait for ever, a link may lead to any file."""
    if name == "readme.md":
        production.readme = ""
    production.production["lstchain_config"] = "lstchain_config.json"
    production.write()
    strange(production.directory / name, kind, tmp_path / "elsewhere")
    errors, warnings = production.told()
    assert not errors
    (warning,) = warnings
    assert f"{production.directory / name}: {KINDS[kind]}" in warning


@pytest.mark.parametrize("kind", ["link to nothing", "pipe"])
def test_a_config_that_is_no_file_is_told(
    production: Production, tmp_path: Path, kind: str
) -> None:
    production.write()
    strange(production.directory / "other.yml", kind, tmp_path)
    done = CliRunner().invoke(main, ["validate", str(production.directory)])
    assert done.exit_code == 2
    assert f"error: {production.directory / 'other.yml'}: {KINDS[kind]}" in done.output
    assert f"{production.directory.name}: ok" in done.output


def test_a_config_that_is_a_link_out_of_its_directory(production: Production) -> None:
    production.write()
    elsewhere = production.directory.parent / "elsewhere.yml"
    production.config.rename(elsewhere)
    production.config.symlink_to(elsewhere)
    (warning,) = validate(production.config).warnings
    assert f"{production.config}: this is a link out of its directory ({elsewhere})" in str(warning)


def test_a_link_within_the_directory_is_nothing_odd(production: Production) -> None:
    production.write()
    (production.directory / "README").symlink_to("readme.md")
    assert not validate(production.config).warnings


def test_outputs_named_after_the_production_that_was_copied(production: Production) -> None:
    other = f"20261101_v{catalogue().lstchain}_dec_2276"
    for stage in production.stages.values():
        for one in stage:
            one["output"] = f"mc/{other}/{one['output']}"
    _, warnings = production.told()
    (told,) = [warning for warning in warnings if "outputs are named after" in warning]
    assert other in told
    assert PROD_ID in told
    production.stages["train_pipe"][0]["output"] = f"models/{PROD_ID}"
    assert not any("outputs are named after" in warning for warning in production.told()[1])


def renamed(production: Production, prod_id: str, output: str, line: str) -> list[str]:
    """Warnings of a production of another name, of some line, with outputs in a directory."""
    production.directory = production.directory.rename(production.directory.parent / prod_id)
    production.config = production.directory / production.config.name
    production.production["prod_id"] = prod_id
    production.readme = f"# {prod_id}\n\nModels.\n"
    for stage in production.stages.values():
        for one in stage:
            one["output"] = f"/mc/{output}/{line}/{one['output']}"
    return production.told()[1]


@pytest.mark.parametrize("source", ["mrk421", "Mrk_421", "mkn-421"])
def test_a_prod_id_that_names_a_source(production: Production, source: str) -> None:
    """Told once, not of the readme's title again."""
    prod_id = f"20260131_v{catalogue().lstchain}_{source}"
    told = [line for line in renamed(production, prod_id, prod_id, "dec_3476") if "source" in line]
    assert len(told) == 1
    assert f"'{prod_id}' names a source: '{source}'" in told[0]


def test_a_source_that_the_lines_are_not_for(production: Production) -> None:
    prod_id = f"20260131_v{catalogue().lstchain}_crab"
    told = [line for line in renamed(production, prod_id, prod_id, "dec_6676") if "names" in line]
    assert len(told) == 1
    assert "it names crab (declination 22.0 deg), and the nearest line of the production" in told[0]


@pytest.mark.parametrize(
    ("source", "output", "told"),
    [
        ("mrk421", "Mkn_421", 0),
        ("mrk421", "any", 0),
        ("mrk421", "mrk501", 1),
        ("test", "mrk501", 0),
    ],
)
def test_outputs_named_after_another_source(
    production: Production, source: str, output: str, told: int
) -> None:
    prod_id = f"20260131_v{catalogue().lstchain}_{source}"
    warnings = renamed(production, prod_id, f"{prod_id}/{output}", "dec_3476")
    assert sum("outputs are named after the source 'mrk501'" in line for line in warnings) == told


def test_outputs_named_after_a_copy_that_has_a_source_and_no_version(
    production: Production,
) -> None:
    warnings = renamed(production, "20260131_mrk501", "20260131_mrk421", "dec_3476")
    assert sum("outputs are named after '20260131_mrk421'" in line for line in warnings) == 1


def test_a_readme_whose_questions_are_not_answered(production: Production) -> None:
    production.readme = "# A\n\n## What it is for\n\nWhich products\nare needed?\n\n## How\n\nSo.\n"
    errors, (warning,) = production.told()
    assert not errors
    assert "such as that under 'What it is for'" in warning
    production.readme = production.readme.replace("needed?\n", "needed?\n\nModels.\n")
    assert production.told() == ([], [])
