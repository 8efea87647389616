"""The config reference, read off the code that loads configs.

``config-keys GROUP`` shows the keys of one place of a config: the very entries that the loader
knows keys by. ``config-stages`` shows what the steps of each stage look like. Both are written as
tables in markdown, since the meaning of a key is markdown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from stage_tables import stages_of

from lstluigi.config import Key
from lstluigi.config.load import ENVIRONMENT_KEYS, TOP_KEYS
from lstluigi.config.slurm import CAUSES, PARTITION_KEYS, PROFILE_KEYS, SLURM_KEYS
from lstluigi.config.steps import STEP_KEYS
from lstluigi.stages import STAGES, WORKFLOWS
from lstluigi.stages.base import Stage

Table = Sequence[Sequence[str]]


def _of_stages(kind: str) -> dict[str, Key]:
    """Keys that stages declare, under ``extra_keys`` or ``options``."""
    declared: dict[str, Key] = {}
    for stage in (stage for stages in WORKFLOWS.values() for stage in stages.values()):
        keys = getattr(stage.shape, kind)
        declared |= keys if isinstance(keys, Mapping) else {}
    return declared


#: The keys of each place of a config.
GROUPS: Mapping[str, Mapping[str, Key]] = {
    "top": TOP_KEYS,
    "source_environment": ENVIRONMENT_KEYS,
    "step": {**STEP_KEYS, **_of_stages("extra_keys")},
    "options": _of_stages("options"),
    "slurm_config": SLURM_KEYS,
    "profile": PROFILE_KEYS,
    "partitions": PARTITION_KEYS,
    "retries": CAUSES,
}


def keys(group: str) -> Table:
    """Rows of a group of keys, its head first."""
    known = GROUPS[group]
    marked = not all(key.new for key in known.values())
    rows = [("Key", "What it holds", "Default", "Meaning")]
    for name, key in known.items():
        meaning = f"New. {key.meaning}" if marked and key.new else key.meaning
        rows.append((f"`{name}`", key.shape, key.default, meaning))
    return rows


def stages() -> Table:
    """What the steps of each stage look like, in one row for all workflows where it is the same."""
    rows = [("Stage", "`input`", "`output`", "Further keys", "Named `options`")]
    for name in STAGES:
        kinds: dict[tuple[str, ...], list[str]] = {}
        for stage, workflows in stages_of(name).items():
            kinds.setdefault(tuple(_shape(stage)), []).extend(workflows)
        for shape, workflows in kinds.items():
            only = f" ({', '.join(workflows)})" if len(kinds) > 1 else ""
            rows.append((f"[`{name}`](stages/{name}.md){only}", *shape))
    return rows


def _shape(stage: Stage) -> Iterator[str]:
    shape = stage.shape
    for names in (shape.input, shape.output):
        yield "a path" if names == "path" else _names(names)
    yield _names(shape.extra_paths)
    yield "" if shape.options == "arguments" else _names(dict.fromkeys(shape.options, True))


def _names(names: Mapping[str, bool]) -> str:
    shown = [f"`{name}`" + ("" if needed else " (may be empty)") for name, needed in names.items()]
    return ", ".join(shown)


def markdown(table: Table) -> list[str]:
    """Lines of a table."""
    head, *rows = [[cell.replace("|", r"\|") for cell in row] for row in table]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


class _Written(SphinxDirective):
    """A table, as if it stood on the page."""

    def table(self) -> Table:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Parse it."""
        source, line = self.get_source_info()
        box = nodes.container()
        self.state.nested_parse(StringList(markdown(self.table()), source), line, box)
        return box.children


class ConfigKeys(_Written):
    """The keys of one place of a config."""

    required_arguments = 1

    def table(self) -> Table:
        """Ask the loader."""
        return keys(self.arguments[0])


class ConfigStages(_Written):
    """What the steps of each stage look like."""

    def table(self) -> Table:
        """Ask the stages."""
        return stages()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("config-keys", ConfigKeys)
    app.add_directive("config-stages", ConfigStages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
