"""The report of a production: what its page says, what its provenance names."""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.metadata
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from lab import Lab, full, small
from prov.model import ProvDocument

from lstluigi.cli import main
from lstluigi.report.provenance import earlier

CHROMIUM = shutil.which("chromium")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "report"


def report(lab: Lab, place: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["report", str(lab.config), "-o", str(place), *more])


def page(place: Path) -> str:
    return (place / "index.html").read_text()


def told(place: Path) -> dict[str, Any]:
    return dict(json.loads((place / "provenance.json").read_text()))


def made_by(place: Path) -> dict[str, str]:
    """The step of every file that a step made."""
    made = told(place).get("wasGeneratedBy", {}).values()
    return {m["prov:entity"].removeprefix("file:"): m["prov:activity"] for m in made}


def checksums(place: Path) -> dict[str, str | None]:
    """Of every file."""
    entities = told(place)["entity"].items()
    return {n: e.get("lstluigi:sha256") for n, e in entities if n.startswith("file:")}


def refused(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    assert not isinstance(result.exception, LookupError | TypeError | ValueError)
    for word in words:
        assert word in result.output


# ---- what is there


def test_a_production_never_started_has_a_report_that_says_so(lab: Lab, place: Path) -> None:
    full(lab)
    result = report(lab, place)
    assert result.exit_code == 0, result.output
    assert "never been started" in result.output
    assert "never been started" in page(place)
    assert "activity" not in told(place)
    assert lab.config.read_text() in [
        entity.get("lstluigi:content") for entity in told(place)["entity"].values()
    ]


def test_every_product_has_what_made_it_its_inputs_and_its_checksum(lab: Lab, place: Path) -> None:
    full(lab)
    lab.ok()
    result = report(lab, place)
    assert result.exit_code == 0, result.output
    plan, found, made = lab.plan(), told(place), made_by(place)
    products = {file: node for node in plan.steps for file in plan.finals(node)}
    assert made.keys() == products.keys()
    used = {(u["prov:activity"], u["prov:entity"]) for u in found["used"].values()}
    for file, node in products.items():
        entity, step = found["entity"][f"file:{file}"], f"step:{node.step.stage}-{node.step.number}"
        assert made[file] == step
        assert entity["lstluigi:sha256"] == hashlib.sha256(Path(file).read_bytes()).hexdigest()
        commands = json.loads(found["activity"][step]["lstluigi:commands"])
        recipe = json.loads(Path(node.places.recipe).read_text())
        assert commands == recipe["content"]["commands"]
        for number in range(len(node.readings)):
            for source in plan.files(node, number):
                assert (step, f"file:{source}") in used


def test_provenance_is_prov(lab: Lab, place: Path) -> None:
    small(lab)
    lab.ok()
    assert report(lab, place).exit_code == 0
    document = ProvDocument.deserialize(place / "provenance.json", format="json")
    kinds = {record.get_type().localpart for record in document.get_records()}
    assert {"Entity", "Activity", "Usage", "Generation", "Derivation", "Association"} <= kinds
    # of what is made file by file, each names its own source
    derived = told(place)["wasDerivedFrom"].values()
    pairs = {(d["prov:generatedEntity"], d["prov:usedEntity"]) for d in derived}
    assert pairs == {
        (f"file:{lab.path(f'dl1/node/dl1_{x}.h5')}", f"file:{lab.path(f'dl0/node/{x}.simtel.gz')}")
        for x in "ab"
    }


def test_provenance_says_what_was_kept_though_made_differently(lab: Lab, place: Path) -> None:
    small(lab)
    lab.ok()
    lab.configure(threshold=2)
    lab.ok(accept_changed=True)
    assert report(lab, place).exit_code == 0
    steps = told(place)["activity"].values()
    kept = [json.loads(step["lstluigi:accepted_changes"]) for step in steps]
    assert any("1 -> 2" in change for changes in kept for change in changes)


@pytest.mark.filterwarnings("error::prov.model.ProvWarning")
def test_a_path_with_blanks_is_percent_encoded(lab: Lab, place: Path) -> None:
    lab.simtel("a b 100%/dl0", **{"é": "4"})
    dl1 = {"input": lab.path("a b 100%/dl0"), "output": lab.path("a b 100%/dl1")}
    lab.write({"r0_to_dl1": [dl1]})
    lab.ok()
    assert report(lab, place).exit_code == 0
    product = lab.path("a b 100%/dl1/dl1_é.h5")
    name = f"file:{lab.path('a%20b%20100%25/dl1/dl1_%C3%A9.h5')}"
    assert told(place)["entity"][name]["lstluigi:sha256"]
    document = ProvDocument.deserialize(place / "provenance.json", format="json")
    assert Path(product).as_uri() in {
        record.identifier.uri for record in document.get_records() if record.identifier
    }
    assert product in earlier(str(place / "provenance.json"))


def test_a_half_made_production_names_what_failed_and_claims_nothing(lab: Lab, place: Path) -> None:
    small(lab)
    lab.simtel("dl0/node", b="truncated")
    assert lab.run().code != 0
    result = report(lab, place)
    assert result.exit_code == 0, result.output
    assert "r0_to_dl1: 1 of 1 steps not complete (1 failed)." in page(place)
    assert "merge_dl1: 1 of 1 steps not complete (1 blocked)." in result.output
    assert "the simtel file ends in the middle of an event" in page(place)
    assert set(made_by(place)) == {lab.path("dl1/node/dl1_a.h5")}


def test_products_made_and_gone_again_are_known_as_such(lab: Lab, place: Path) -> None:
    small(lab)
    lab.ok()
    shutil.rmtree(lab.path("dl1"))
    assert report(lab, place).exit_code == 0
    entity = told(place)["entity"][f"file:{lab.path('merged/node.h5')}"]
    assert "lstluigi:sha256" in entity
    # logs went with the directory: what made the DL1 is not known any more
    gone = {k for k, v in told(place)["entity"].items() if v.get("lstluigi:present") is False}
    assert {lab.path("dl1/node/dl1_a.h5"), lab.path("dl1/node/dl1_b.h5")} == {
        name.removeprefix("file:") for name in gone
    }


def test_a_changed_product_is_told_as_it_was_made(lab: Lab, place: Path) -> None:
    small(lab)
    lab.ok()
    before = json.loads(Path(lab.plan().steps[0].places.recipe).read_text())
    lab.configure(threshold=2)
    result = report(lab, place)
    assert "r0_to_dl1: 1 of 1 steps are outdated." in result.output
    found = told(place)
    used = [u["prov:entity"] for u in found["used"].values()]
    (config,) = {name for name in used if name.startswith("config:")}
    assert config == f"config:lstchain-{before['content']['lstchain_config']}"
    assert json.loads(found["entity"][config]["lstluigi:content"]) == {"threshold": 1}


# ---- the page


def test_the_page_needs_no_other_file_and_allows_no_script(lab: Lab, place: Path) -> None:
    full(lab)
    lab.config.write_text(lab.config.read_text() + "# <script>alert(1)</script>\n")
    lab.ok()
    assert report(lab, place).exit_code == 0
    text = page(place)
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<link" not in text
    assert all(s.startswith("data:image/png;base64,") for s in re.findall(r'src="([^"]*)"', text))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    style = text.split("<style>")[1].split("</style>")[0]
    (allowed,) = re.findall(r"style-src 'sha256-([^']*)'", policy.replace("&#39;", "'"))
    assert base64.b64decode(allowed) == hashlib.sha256(style.encode()).digest()
    assert policy.startswith("default-src 'none'")


def test_configs_differ_from_the_standard_only_where_they_say_so(lab: Lab, place: Path) -> None:
    small(lab)
    lab.configure(tailcut={"picture_thresh": 77})
    assert report(lab, place).exit_code == 0
    differs = page(place).split("Differs from the standard")[1].split("</ul>")[0]
    assert "tailcut.picture_thresh: 8 -&gt; 77" in differs
    # lstchain takes the standard for a section that is not there
    assert "random_forest" not in differs


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium (tools/apt_chromium.sh)")
def test_the_page_fits_a_phone(lab: Lab, place: Path, tmp_path: Path) -> None:
    full(lab)
    lab.simtel("dl0/test", b="truncated")
    lab.run()
    assert report(lab, place).exit_code == 0
    text = re.sub(r"<meta http-equiv[^>]*>", "", page(place))
    # a window of headless chromium is wider than a phone; a frame is not
    (tmp_path / "inner.html").write_text(text)
    (tmp_path / "outer.html").write_text(
        '<iframe id="f" src="inner.html" width="390" height="800"></iframe>'
        "<script>const f = document.getElementById('f'); f.onload = () => {"
        "document.title = f.contentDocument.documentElement.scrollWidth}</script>"
    )
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000")
    options += ("--allow-file-access-from-files", "--host-resolver-rules=MAP * ~NOTFOUND")
    command = [str(CHROMIUM), *options, f"--user-data-dir={tmp_path}/profile", "--dump-dom"]
    done = subprocess.run(
        [*command, f"file://{tmp_path}/outer.html"], capture_output=True, text=True, timeout=120
    )
    (width,) = re.findall(r"<title>(\d+)</title>", done.stdout)
    assert int(width) <= 390


# ---- refusals


def test_all_is_there(lab: Lab, place: Path) -> None:
    small(lab)
    lab.ok()
    assert not report(lab, place).stderr
    assert "Everything that the config asks for is there." in page(place)


def test_results_that_cannot_be_read_are_told_at_once(lab: Lab, place: Path) -> None:
    full(lab)
    lab.ok()
    files = [lab.path(f) for f in sorted(lab.files()) if f.endswith(".fits")]
    assert files
    for file in files:
        Path(file).write_text("")
    result = report(lab, place)
    assert result.exit_code == 0, result.output
    assert "cannot be read: '" in result.stderr
    assert files[0] in result.stderr
    head = page(place).partition('id="progress"')[0]
    assert "cannot be read" in head
    assert "Everything that the config asks for is there" not in head


def test_a_report_is_replaced_only_if_asked_to_be(lab: Lab, place: Path) -> None:
    small(lab)
    assert report(lab, place).exit_code == 0
    (place / "mine.txt").write_text("kept")
    before = page(place)
    lab.ok()
    refused(report(lab, place), "exists", "--overwrite")
    assert page(place) == before
    assert report(lab, place, "--overwrite").exit_code == 0
    assert page(place) != before
    assert {p.name for p in place.iterdir()} == {"index.html", "provenance.json", "mine.txt"}


def test_a_page_of_somebody_else_is_never_replaced(lab: Lab, place: Path) -> None:
    small(lab)
    place.mkdir()
    (place / "index.html").write_text("<p>mine</p>")
    refused(report(lab, place, "--overwrite"), "not a page of this command")
    assert page(place) == "<p>mine</p>"


def test_a_file_in_place_of_the_directory(lab: Lab, place: Path) -> None:
    small(lab)
    place.write_text("")
    refused(report(lab, place), "is no directory")


def test_a_ledger_with_broken_lines_is_read_as_far_as_it_goes(lab: Lab, place: Path) -> None:
    small(lab)
    lab.ok()
    with open(lab.plan().steps[0].places.ledger, "a") as stream:
        stream.write('{"event": "en\n[]\n\0\n')
    result = report(lab, place)
    assert result.exit_code == 0, result.output
    assert "ledger" in page(place)
    assert len(made_by(place)) == 3


def test_what_the_numbers_come_from_has_its_version(lab: Lab, place: Path) -> None:
    small(lab)
    lab.ok()
    assert report(lab, place).exit_code == 0
    agents = {a["prov:label"]: a["lstluigi:version"] for a in told(place)["agent"].values()}
    for program in ("lstchain", "ctapipe", "scikit-learn", "numpy", "tables"):
        version = importlib.metadata.version(program)
        assert agents[program] == version
        assert f'<td data-label="program">{program}</td><td data-label="in jobs">{version}' in page(
            place
        )


def test_what_is_drawn_has_its_file_step_and_commands(lab: Lab, place: Path) -> None:
    full(lab)
    lab.ok()
    assert report(lab, place).exit_code == 0
    for part, stage in (("performance", "dl2_to_irfs"), ("performance", "dl2_to_sensitivity")):
        text = page(place).split(f'<h2 id="{part}">')[1].split("<h2")[0]
        (node,) = (n for n in lab.plan().steps if n.step.stage == stage)
        assert f"{stage}:1: <code>{lab.plan().finals(node)[0]}</code>" in text
        for command in lab.plan().commands(node):
            assert html.escape(shlex.join(command)) in text


def test_damaged_versions_are_told(lab: Lab, place: Path) -> None:
    small(lab)
    lab.ok()
    versions = lab.prod_logs / "logs_test_prod" / "versions.yml"
    versions.write_text("[1, 2")
    assert report(lab, place).exit_code == 0
    assert f"{versions} is damaged" in page(place)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"entity": []}', '{"entity": {"file:/a": 3}}'])
def test_a_foreign_provenance_says_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "provenance.json"
    path.write_text(text)
    assert earlier(str(path)) == {}


def test_checksums_are_bounded_and_kept(lab: Lab, place: Path) -> None:
    small(lab)
    lab.ok()
    result = report(lab, place, "--checksums", "0")
    assert "have no checksum" in result.output
    assert not [e for e in told(place)["entity"].values() if "lstluigi:sha256" in e]
    assert report(lab, place, "--overwrite").exit_code == 0
    sums = checksums(place)
    assert all(sums.values())
    # what is known is not read again, whatever the bound
    assert report(lab, place, "--overwrite", "--checksums", "0").exit_code == 0
    assert checksums(place) == sums


def test_a_config_that_cannot_be_run_is_told(lab: Lab, place: Path) -> None:
    refused(report(lab, place), "config.yml")
    lab.config.write_text("stages: [")
    refused(report(lab, place), "config.yml")
    assert not place.exists()
