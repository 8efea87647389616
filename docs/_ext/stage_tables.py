"""Tables of the documentation that are read off the code: one directive for each kind.

``stage-table`` shows what a stage reads, makes and runs. It asks the stage itself, about a step
whose paths are placeholders, so the page cannot differ from the code. Where workflows do a stage
differently, each has a table. ``stage-list`` shows all stages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lstluigi.config import Step
from lstluigi.stages import STAGES, WORKFLOWS
from lstluigi.stages.base import SCRIPTS, TOOL_WORDS, Reading, Stage

Cell = str | Sequence[str]
Row = tuple[str, Cell]

#: How a check of `lstluigi.stages.checks` reads in a sentence.
CHECKS = {
    "file": "there, with content",
    "link": "there",
    "png": "a whole PNG image",
    "json": "JSON with the keys {}",
    "positive": "with a number above zero in one of {}",
    "joblib": "a whole joblib file",
    "hdf5": "holds {}",
    "absent": "does not hold {}",
    "attributes": "has the attribute {}",
    "nonempty": "has rows in {}",
    "events": "may be without rows in {}, where nothing has triggered",
    "of_events": "holds {} if it has events",
    "full": "has all rows in all tables below {}",
    "sum_of_links": "has as many rows in {} as its inputs together",
    "fits": "whole, with the HDUs {}",
    "values": "with a number above zero in each of {}",
    "simtel": "a simtel file",
    "true_images": "has the true images of its events",
}


def described(check: Mapping[str, Any]) -> str:
    """Say in words what a check wants."""
    words = []
    for key, wanted in check.items():
        names = [wanted] if isinstance(wanted, str) else wanted
        what = ", ".join(names) if isinstance(names, Sequence | Mapping) else ""
        words.append(CHECKS[key].format(what))
    return "; ".join(words)


class Placeholders:
    """Inputs of a step whose files are not known: each pattern stands for one file."""

    lstchain: Mapping[str, Any] = {}

    def __init__(self, stage: Stage, readings: Sequence[Reading]) -> None:
        self._stage, self._readings = stage, readings

    def __getitem__(self, reading: int) -> Sequence[str]:
        if self._stage.per_file and reading > 0:
            return []
        path, pattern = self._readings[reading].path, self._readings[reading].pattern
        if pattern is None:
            return [path]
        names = ("FILE",) if self._stage.per_file else ("FILE1", "FILE2")
        return [f"{path}/{pattern.replace('*', name, 1).replace('*', '')}" for name in names]


def sample_step(stage: Stage, **paths: str) -> Step:
    """Return a step that has every key of its stage, with placeholders for the paths."""

    def of(key: str) -> str | dict[str, str]:
        shape = getattr(stage.shape, key)
        if shape == "path":
            return paths.get(key, key.upper())
        return {name: f"{key.upper()}.{name}" for name in shape}

    model = "PATH_MODEL" if "path_model" in stage.shape.extra_keys else None
    return Step(stage.name, 1, 0, of("input"), of("output"), path_model=model)


def rows(stage: Stage, step: Step) -> Iterator[Row]:
    """What the code says of a stage, line by line."""
    readings = stage.reads(step)
    inputs = Placeholders(stage, readings)
    patterns = [f"{r.path}/{r.pattern}" if r.pattern else r.path for r in readings]
    products = stage.products(step, inputs)
    yield "Reads", patterns
    yield "Makes", [product.final for product in products]
    yield "Runs", [_line(command) for command in stage.commands(step, inputs)] or "nothing: links"
    yield "A product is published if", sorted({described(product.check) for product in products})
    yield (
        "An input made elsewhere is used if",
        sorted({described(reading.check) for reading in readings}),
    )
    yield "Keys of a step", list(_keys(stage))
    yield "Asks of a cluster", _resources(stage)
    yield "Done together by one process", _share(stage)
    yield "Logs", f"{stage.logs}/"
    yield "Luigi tasks", [f"{stage.task} (the stage)", f"{stage.task}Step (a step)"]


def _line(command: Sequence[str]) -> str:
    text = " ".join(command).replace(f"{SCRIPTS}/", "")
    for word in TOOL_WORDS:
        text = text.replace(word, word.strip("@").upper())
    return f"{text} OPTIONS"


def _keys(stage: Stage) -> Iterator[str]:
    for key in ("input", "output"):
        shape = getattr(stage.shape, key)
        if shape == "path":
            yield f"{key}: a path"
        else:
            names = (name if needed else f"{name} (may be empty)" for name, needed in shape.items())
            yield f"{key}: {', '.join(names)}"
    for key, needed in stage.shape.extra_paths.items():
        yield f"{key}: a path" + ("" if needed else " (may be empty)")
    options = stage.shape.options
    yield "options: " + ("command line" if options == "arguments" else ", ".join(options))


def _resources(stage: Stage) -> str:
    asked = stage.resources
    memory = [] if asked.memory_mb is None else [f"mem={asked.memory_mb // 1024}G"]
    options = [f"{name}={value}" for name, value in asked.options]
    return ", ".join([f"cpus-per-task={asked.cpus}", *memory, *options])


def _share(stage: Stage) -> str:
    if stage.per_file:
        few, many = stage.capacity(1), stage.capacity(10**6)
        return f"up to {few} files, {many} where a step has {many} or more"
    return f"up to {stage.per_chunk} step(s)"


def _paragraph(cell: Cell, literal: bool) -> nodes.Node:
    items = [cell] if isinstance(cell, str) else cell
    block = nodes.line_block()
    for item in items:
        text = nodes.literal(item, item) if literal else nodes.Text(item)
        block += nodes.line("", "", text)
    return block


def _table(lines: Sequence[Sequence[tuple[Cell, bool]]], head: Sequence[str] = ()) -> nodes.table:
    """Build a table; each cell comes with whether it is code."""
    columns = len(lines[0])
    group = nodes.tgroup(cols=columns)
    group += [nodes.colspec(colwidth=1) for _ in range(columns)]
    if head:
        group += nodes.thead("", _row([(cell, False) for cell in head]))
    group += nodes.tbody("", *[_row(line) for line in lines])
    return nodes.table("", group)


def _row(cells: Sequence[tuple[Cell, bool]]) -> nodes.row:
    return nodes.row("", *[nodes.entry("", _paragraph(cell, code)) for cell, code in cells])


class StageTable(SphinxDirective):
    """What a stage reads, makes and runs."""

    required_arguments = 1
    option_spec = {"input": directives.unchanged, "output": directives.unchanged}  # noqa: RUF012
    in_code = frozenset({"Reads", "Makes", "Runs", "Asks of a cluster", "Logs"})

    def run(self) -> list[nodes.Node]:
        """Ask the stage."""
        kinds = stages_of(self.arguments[0])
        shown: list[nodes.Node] = []
        for stage, workflows in kinds.items():
            if len(kinds) > 1:
                title = f"In the workflow {' and '.join(workflows)}"
                shown.append(nodes.rubric(title, title))
            shown.append(self._shown(stage))
        return shown

    def _shown(self, stage: Stage) -> nodes.Node:
        step = sample_step(stage, **self.options)
        lines = [((name, False), (cell, name in self.in_code)) for name, cell in rows(stage, step)]
        return _table(lines)


def stages_of(name: str) -> dict[Stage, list[str]]:
    """Stages of a name, each with the workflows that have it."""
    found: dict[Stage, list[str]] = {}
    for kind, stages in WORKFLOWS.items():
        if name in stages:
            found.setdefault(stages[name], []).append(kind)
    return found


class StageList(SphinxDirective):
    """All stages, one line each: those of the content first, in its order."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Ask the registry."""
        lines = [
            (
                (name, True),
                (stage.task, True),
                (str(type(stage).__doc__).splitlines()[0], False),
                (", ".join(kind for kinds in stages_of(name).values() for kind in kinds), False),
            )
            for name, stage in self._ordered().items()
        ]
        return [_table(lines, ("Stage in a config", "Luigi task", "What it does", "Workflows"))]

    def _ordered(self) -> dict[str, Stage]:
        return {**{name: STAGES[name] for name in self.content}, **STAGES}


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("stage-table", StageTable)
    app.add_directive("stage-list", StageList)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
