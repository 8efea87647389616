"""What the documentation says against what the code says."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from lab import Lab, small

from lstluigi.cli import main
from lstluigi.config import load_config, slurm
from lstluigi.config.section import Section
from lstluigi.config.tool_config import TOOLS, ToolConfig
from lstluigi.jobspec import OWN_OPTIONS
from lstluigi.layouts import registry
from lstluigi.production.load import Choices
from lstluigi.production.manifest import Manifest
from lstluigi.production.plan import Plan
from lstluigi.production.recipe import Recipe, record
from lstluigi.production.states import State
from lstluigi.scheduler import defaults
from lstluigi.stages import SHAPES, STAGES, WORKFLOWS
from lstluigi.validation.examine import examine
from lstluigi.validation.preflight import config_problems

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PACKAGE = ROOT / "lstluigi"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """Code blocks of a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def first_column(page: Path, heading: str) -> set[str]:
    """What is marked as code in the first column of the table below a heading."""
    section = page.read_text().split(f"\n{heading}\n", 1)[1].split("\n#", 1)[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    return {word for cell in cells[2:] for word in re.findall(r"`([^`]+)`", cell)}


def load(tmp_path: Path, text: str) -> None:
    """Load a config; raises where something is wrong with it."""
    (tmp_path / "lstchain_config.json").write_text("{}")
    (tmp_path / "config.yml").write_text(text)
    load_config(tmp_path / "config.yml", SHAPES)


# ---- configs


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_has_a_page_with_a_step_that_loads(name: str, tmp_path: Path) -> None:
    page = DOCS / "stages" / f"{name}.md"
    assert f"```{{stage-table}} {name}\n" in page.read_text()
    assert f"\n{name}\n" in (DOCS / "stages" / "index.md").read_text()
    (block,) = blocks(page, "yaml")
    stages = yaml.safe_load(block)
    assert list(stages) == [name]
    head = {"workflow_kind": "lstchain", "prod_id": "x", "stages_to_run": [name]}
    load(tmp_path, yaml.safe_dump({**head, "stages": stages}))


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "quickstart.md"], ids=lambda p: p.name)
def test_first_production_loads(page: Path, tmp_path: Path) -> None:
    (block,) = blocks(page, "yaml")
    load(tmp_path, block)


@pytest.mark.parametrize("kind", ["example", "ctapipe"])
def test_example_config_reads_dl0_and_nothing_else_from_outside(kind: str, tmp_path: Path) -> None:
    example = tmp_path / "config.yml"
    shutil.copy(ROOT / "configs" / f"lstluigi_config_{kind}.yml", example)
    (tmp_path / "lstchain_config.json").write_text("{}")
    shutil.copy(ROOT / "configs" / "ctapipe_lst.yml", tmp_path)
    config = load_config(example, SHAPES)
    plan = Plan(config, WORKFLOWS[config.workflow_kind], {})
    assert list(config_problems(plan)) == []
    assert len(plan.graph.order) == len(config.steps)
    outside = {r.path.split("/mc/")[1][:3] for node in plan.steps for r in plan.external(node)}
    assert outside == {"DL0"}


@pytest.mark.parametrize(
    ("name", "lstchain", "steps"),
    [("source_dependent", {"source_dependent": True}, 4), ("interpolation", {}, 4)],
)
def test_templates_have_nothing_wrong(
    tmp_path: Path, name: str, lstchain: dict[str, bool], steps: int
) -> None:
    shutil.copy(ROOT / "configs" / f"{name}.yml", tmp_path)
    (tmp_path / "lstchain_config.json").write_text(json.dumps(lstchain))
    plan, problems = examine(Choices(str(tmp_path / f"{name}.yml")))
    assert problems == []
    assert len(plan.graph.order) == steps
    assert len(plan.producers(plan.steps[-1])) == (3 if name == "interpolation" else 1)


#: Stages that the toy productions leave to others.
OTHERS = {
    "toy_demo": {"dl1ab", "tune_nsb", "irf_index"},
    "toy_ctapipe": {"dl1ab"},
    "toy_hiperta": {"dl1ab", "tune_nsb", "irf_index"},
    "toy_noise_tuning": {
        *("r0_to_dl1", "train_test_split", "dl2_to_sensitivity"),
        "irf_index",
        "tune_nsb",
    },
    "toy_interpolation": {"dl1ab", "tune_nsb", "train_test_split", "dl2_to_sensitivity"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_productions_that_run_on_toy_dl0_load(name: str) -> None:
    config = load_config(ROOT / "production_configs" / name / "lstluigi_config.yml", SHAPES)
    configs = {tool: ToolConfig.read(tool, path) for tool, path in config.tool_configs.items()}
    stages = WORKFLOWS[config.workflow_kind]
    assert list(config_problems(Plan(config, stages, configs))) == []
    assert set(config.stages_to_run) == stages.keys() - OTHERS[name]
    assert (config.path.parent / "readme.md").is_file()


def test_toy_production_of_a_source_reads_what_the_demo_makes() -> None:
    places = [ROOT / "production_configs" / name for name in ("toy_demo", "toy_source_dependent")]
    demo, later = (load_config(place / "lstluigi_config.yml", SHAPES) for place in places)
    merged = {s.output.removeprefix(f"{places[0]}/") for s in demo.steps if s.stage == "merge_dl1"}
    made = {step.output for step in later.steps}
    read = {path for step in later.steps for path in step.inputs.values()} - made
    outside = {path for path in read if "/mc/DL1/" in path}
    assert {path.removeprefix(f"{places[1]}/") for path in outside} <= merged
    assert len(outside) == 3


def test_toy_production_of_ctapipe_has_the_standard_config() -> None:
    copy = ROOT / "production_configs" / "toy_ctapipe" / "ctapipe_config.json"
    standard = ROOT / "configs" / "ctapipe_lst.yml"
    read = [ToolConfig.read("ctapipe", path).content for path in (copy, standard)]
    assert read[0] == read[1]


def test_page_on_ctapipe_has_every_stage_with_its_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("docutils")
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    from stage_tables import Placeholders, sample_step

    page = DOCS / "workflow-ctapipe.md"
    assert first_column(page, "## Stages and their options") == WORKFLOWS["ctapipe"].keys()
    rows = [row.split("|") for row in page.read_text().splitlines() if row.startswith("| `")]
    told = {row[1].strip(" `"): re.findall(r"`(ctapipe-[a-z-]+)", row[2]) for row in rows}
    for name, stage in WORKFLOWS["ctapipe"].items():
        step = sample_step(stage)
        tools = [
            command[0] for command in stage.commands(step, Placeholders(stage, stage.reads(step)))
        ]
        assert list(dict.fromkeys(tools)) == list(dict.fromkeys(told[name])), name


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The extension that writes the config reference."""
    pytest.importorskip("docutils")
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    import config_tables

    return config_tables


EVERY_SECTION = """
source_environment: {conda_env: x}
slurm_config:
  site: site.yml
  partitions: {xxl: {name: big}}
  retries: {launch: 1}
"""


@pytest.mark.parametrize("kind", WORKFLOWS)
def test_config_reference_has_every_key_that_the_loader_asks_for(
    kind: str, tmp_path: Path, tables: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, set[str]] = {}

    def listen(name: str) -> None:
        real = getattr(Section, name)

        def heard(self: Section, keys: Any, *rest: Any) -> Any:
            scope = "step " if self.place.number else Path(self.place.source).stem + " "
            words = [keys] if isinstance(keys, str) else keys
            asked.setdefault(scope + self.place.prefix, set()).update(words)
            return real(self, keys, *rest)

        monkeypatch.setattr(Section, name, heard)

    for name in ("take", "require", "inner", "refuse_unknown"):
        listen(name)
    for number, (name, stage) in enumerate(WORKFLOWS[kind].items()):
        home = tmp_path / f"{number}"
        home.mkdir()
        (home / "site.yml").write_text("throttle: 1")
        step: dict[str, Any] = {}
        for key in ("input", "output"):
            names = getattr(stage.shape, key)
            step[key] = key if names == "path" else {one: f"{key}/{one}" for one in names}
        step |= {key: key for key in stage.shape.extra_keys}
        if stage.shape.options != "arguments":
            step["options"] = dict.fromkeys(stage.shape.options)
        head = {"workflow_kind": kind, "prod_id": "x", "stages_to_run": [name]}
        (home / "production.yml").write_text(
            yaml.safe_dump({**head, "stages": {name: [step]}}) + EVERY_SECTION
        )
        load_config(home / "production.yml", SHAPES)
    groups = {
        "production ": "top",
        "production source_environment.": "source_environment",
        "production slurm_config.": "slurm_config",
        "production slurm_config.partitions.xxl.": "partitions",
        "production slurm_config.retries.": "retries",
        "site ": "profile",
        "step ": "step",
        "step options.": "options",
    }
    told = {name: {row[0].strip("`") for row in tables.keys(name)[1:]} for name in groups.values()}
    for scope, group in groups.items():
        assert asked.get(scope, set()) <= told[group], scope
    assert asked["production "] == told["top"]
    assert asked["production slurm_config."] == told["slurm_config"]


def test_every_group_of_keys_is_on_a_page(tables: Any) -> None:
    pages = "\n".join(page.read_text() for page in PAGES)
    assert set(re.findall(r"^```\{config-keys\} (\w+)$", pages, re.MULTILINE)) == set(tables.GROUPS)
    for group in tables.GROUPS:
        for row in tables.keys(group)[1:]:
            assert all(row), row
            assert row[-1].endswith("."), row


def test_reference_has_the_paths_of_every_stage(tables: Any) -> None:
    _, *lines = tables.stages()
    for kind, stages in WORKFLOWS.items():
        for name, stage in stages.items():
            rows = [row for row in lines if f"[`{name}`]" in row[0]]
            ((_, *cells),) = [row for row in rows if len(rows) == 1 or kind in row[0].split("(")[2]]
            shape = stage.shape
            for names, cell in zip(
                (shape.input, shape.output, shape.extra_keys, shape.options), cells, strict=True
            ):
                wanted = set() if isinstance(names, str) else set(names)
                assert set(re.findall(r"`(\w+)`", cell)) == wanted, (name, kind)


def test_what_the_reference_says_holds_without_a_key_does(tables: Any, tmp_path: Path) -> None:
    """Defaults of numbers, against a config that has none of the keys."""
    (tmp_path / "production.yml").write_text(
        "{workflow_kind: lstchain, prod_id: x, stages_to_run: [merge_dl1],"
        " stages: {merge_dl1: [{input: a, output: b}]}}"
    )
    usual = load_config(tmp_path / "production.yml", SHAPES).slurm
    told = {
        row[0].strip("`"): row[2] for group in ("profile", "retries") for row in tables.keys(group)
    }
    assert float(told["gather"]) == usual.gather_s
    assert float(told["interval"]) == usual.interval_s
    assert float(told["longest_interval"]) == usual.longest_interval_s
    assert float(told["latency_wait"]) == usual.latency_s
    for key, setting in slurm.CAUSES.items():
        assert int(told[key]) == getattr(usual.retries, setting.field), key


def test_slurm_page_has_the_options_that_lstluigi_sets() -> None:
    page = DOCS / "slurm.md"
    refused = page.read_text().split("### Options that lstluigi sets\n")[1].split("\n#")[0]
    told = set(re.findall(r"`([a-z-]+)`", refused.split("takes:")[1]))
    assert told == OWN_OPTIONS


def test_example_of_a_production_on_slurm_loads(tmp_path: Path) -> None:
    example = tmp_path / "config.yml"
    text = (ROOT / "configs" / "lstluigi_config_example.yml").read_text()
    start = text.index("# slurm_config:\n")
    end = text.index("\n\n", start)
    example.write_text(text[:start] + text[start:end].replace("# ", "") + text[end:])
    (tmp_path / "lstchain_config.json").write_text("{}")
    shutil.copytree(ROOT / "configs" / "slurm", tmp_path / "slurm")
    config = load_config(example, SHAPES)
    assert config.slurm.account == "dpps"
    assert config.slurm.throttle == 100


# ---- files on disk


def test_products_page_has_every_key_of_recipe_and_manifest(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    configs = {tool: ToolConfig(tool, path, "", {}) for tool in TOOLS}
    record(str(path), Recipe({}, {}), configs, accepted=[], by_hand=[])
    recipe = set(yaml.safe_load(path.read_text())) - {"format"}
    assert first_column(DOCS / "products.md", "### Recipe") == recipe
    manifest = set(Manifest.__dataclass_fields__)
    assert first_column(DOCS / "products.md", "### Manifest") == manifest


# ---- commands


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def options_of(name: str) -> set[str]:
    options = (p for p in command(name).params if isinstance(p, click.Option))
    return {name for option in options for name in option.opts}


def test_running_page_has_every_option() -> None:
    told = first_column(DOCS / "running.md", "## Options")
    assert {text.split()[0] for text in told} == options_of("run")


def test_validating_page_has_every_option() -> None:
    told = first_column(DOCS / "validating.md", "## Options")
    assert {text for text in told if text.startswith("--")} == options_of("validate")


def test_requesting_page_has_every_option() -> None:
    page = DOCS / "requesting.md"
    told = first_column(page, "### Options of generate-config")
    assert told == options_of("generate-config")
    assert first_column(page, "### A grid of NSB levels") == options_of("generate-nsb-grid")


def test_every_pipeline_has_its_graph() -> None:
    pages = "\n".join(page.read_text() for page in (DOCS / "pipelines").glob("*.md"))
    drawn = set(re.findall(r"^```\{pipeline-graph\} (\w+)$", pages, re.MULTILINE))
    assert drawn <= set(registry.names())
    assert set(registry.names()) <= set(re.findall(r"PathConfig\w+", pages))


def test_simulation_page_has_every_option() -> None:
    told = first_column(DOCS / "simulation.md", "## Options")
    assert told == options_of("simulate")


def test_smoke_page_has_its_options_of_validate() -> None:
    told = first_column(DOCS / "smoke.md", "## Options")
    assert told == {"--smoke", "--keep"}
    assert told <= options_of("validate")


def test_report_page_has_every_option() -> None:
    assert first_column(DOCS / "report.md", "## Options") == options_of("report")


def test_report_page_has_what_provenance_says() -> None:
    source = (PACKAGE / "report" / "provenance.py").read_text()
    source += (PACKAGE / "report" / "checksums.py").read_text()
    told = first_column(DOCS / "report.md", "### Attributes")
    assert told == set(re.findall(r'"(lstluigi:\w+)"', source))


def test_library_page_has_every_command_and_option() -> None:
    group = command("productions")
    assert isinstance(group, click.Group)
    assert first_column(DOCS / "library.md", "## Commands") == set(group.commands)
    section = (DOCS / "library.md").read_text().split("\n## Options\n")[1].split("\n## ")[0]
    told: dict[str, set[str]] = {name: set() for name in group.commands}
    for line in section.splitlines():
        words = [re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[1:3]]
        if len(words) == 2 and words[0]:
            for name in words[1] or told:
                told[name] |= {text.split()[0] for text in words[0]}
    for name, inner in group.commands.items():
        options = (p for p in inner.params if isinstance(p, click.Option))
        assert told[name] == {opt for option in options for opt in option.opts}, name


@pytest.mark.parametrize("name", ["plot-pointings", "suggest"])
def test_pointings_page_has_every_option(name: str) -> None:
    told = first_column(DOCS / "pointings.md", f"## Options of {name}")
    assert told == options_of(name)


@pytest.mark.parametrize("name", ["plot-irfs", "compare-irfs", "plot-models-importance", "graph"])
def test_plots_page_has_every_option(name: str) -> None:
    told = first_column(DOCS / "plots.md", f"### Options of {name}")
    assert told == options_of(name)


def test_pointings_page_has_every_projection() -> None:
    from lstluigi.layouts.plots.pointings import PROJECTIONS

    assert first_column(DOCS / "pointings.md", "## Projections") == set(PROJECTIONS)


@pytest.mark.parametrize("name", ["status", "logs", "retry", "remake", "cancel", "clean"])
def test_watching_page_has_every_option(name: str) -> None:
    assert first_column(DOCS / "watching.md", f"### {name}") == options_of(name)


def test_watching_page_has_every_status() -> None:
    words = {status.value for status in State}
    assert first_column(DOCS / "watching.md", "## What the words mean") == words


def test_watching_page_has_every_key_for_programs(lab: Lab) -> None:
    from lstluigi.report.data import as_data
    from lstluigi.validation.examine import production_state

    small(lab)
    data = as_data(production_state(str(lab.config)), steps=True)
    page = DOCS / "watching.md"
    assert first_column(page, "## For programs") == {*data, "cost"}
    assert first_column(page, "### Each of the steps") == {*data["steps"][0]}


def test_running_page_has_luigis_exit_codes() -> None:
    section = (DOCS / "running.md").read_text().split("\n## Exit codes\n")[1].split("\n## ")[0]
    told = {int(code) for line in section.splitlines() for code in re.findall(r"^\| (\d+)", line)}
    codes = {int(value) for part, _, value in defaults._DEFAULTS if part == "retcode"}
    assert codes == {code for code in told if 10 <= code < 128}


def test_commands_of_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text()
    lines = [line for line in text.splitlines() if re.match("    (make|lstluigi) ", line)]
    assert [line.split()[1] for line in lines[:2]] == ["demo", "test"]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in lines:
        words = line.split("#")[0].split()
        if words[0] == "make":
            assert words[1] in targets
        else:
            assert set(re.findall(r"--[a-z_-]+", line.split("#")[0])) <= options_of(words[1])


# ---- messages


def texts(tree: ast.AST) -> Iterator[str]:
    """Texts of a module, each f-string as one with its values left out; no docstrings."""
    said = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in (node for node in ast.walk(tree) if node not in said):
        if isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "\0" for p in node.values)
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def fragments(message: str) -> list[str]:
    """Parts of a message of the documentation between its placeholders."""
    parts = re.split(r"\b(?:[A-Z]{2,}S?|[NM])\b|; |/dl1/\S+|/simulation/\S+|\.\.\.|'", message)
    return [part.strip(" :") for part in parts if len(part.strip(" :")) > 3]


def test_troubleshooting_quotes_messages_that_exist() -> None:
    sources = [*PACKAGE.rglob("*.py")]
    known = [text for file in sources for text in texts(ast.parse(file.read_text()))]
    page = (DOCS / "troubleshooting.md").read_text()
    terms = re.findall(r"^(.*)\n: ", page, re.MULTILINE)
    assert len(terms) > 60
    for term in terms:
        for message in re.findall(r"`([^`]+)`", term):
            # a problem is two texts: what is wrong; what to do
            for text in re.split(r"; | \.\.\. ", message):
                parts = fragments(text)
                assert parts, f"nothing of {message} can be looked for"
                words = re.compile(".*".join(map(re.escape, parts)), re.DOTALL)
                assert any(map(words.search, known)), f"no message of the code has {parts}"


# ---- the stage of the page on extending


def test_example_stage_works_when_dropped_in(tmp_path: Path) -> None:
    package = tmp_path / "package" / "lstluigi"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, package, ignore=ignored)
    shutil.copy(DOCS / "examples" / "repack_dl1.py", package / "stages")
    home = tmp_path / "production"
    home.mkdir()
    write_dl1(home / "dl1_merged.h5", rows=20_000)
    (block,) = blocks(DOCS / "extending.md", "yaml")
    (home / "config.yml").write_text(f"workflow_kind: lstchain\nprod_id: x\n{block}")
    environment = {
        **os.environ,
        "PYTHONPATH": str(package.parent),
        "LSTLUIGI_PROD_LOGS": str(tmp_path / "logs"),
    }
    run = [sys.executable, "-m", "lstluigi.cli", "run", str(home / "config.yml")]
    first = subprocess.run(run, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    made = home / "small" / "dl1_merged.h5"
    assert 0 < made.stat().st_size < (home / "dl1_merged.h5").stat().st_size
    assert (home / "small" / "job_logs_repack_dl1" / "dl1_merged.h5.recipe.json").is_file()
    again = subprocess.run(run, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert "(0 made now" in again.stderr


def write_dl1(path: Path, rows: int) -> None:
    """The nodes by which a whole DL1 file is known."""
    import numpy as np
    import tables

    from lstluigi.stages import checks

    with tables.open_file(str(path), "w") as h5:
        for node in (checks.PARAMETERS, checks.THROWN):
            where, _, name = node.rpartition("/")
            table = np.zeros(rows, dtype=[("event_id", "i8"), ("intensity", "f8")])
            h5.create_table(where, name, obj=table, createparents=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_of_the_pages_is_python(page: Path) -> None:
    for block in blocks(page, "python"):
        ast.parse(block)
