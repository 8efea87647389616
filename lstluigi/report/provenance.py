"""How every product came about, as a W3C PROV document: enough to make it again.

A file is an entity, a step an activity, a version of a program an agent. What is said is what
recipes, manifests and ledgers wrote down when the products were made, not what the config says now.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import prov.model as prov

from lstluigi._version import __version__
from lstluigi.config.tool_config import TOOLS, canonical, digest
from lstluigi.errors import LstluigiError
from lstluigi.jobs.ledger import events
from lstluigi.production.plan import Plan
from lstluigi.production.states import State
from lstluigi.production.status.model import ProductionState, StepState
from lstluigi.production.step import PlannedStep, Unit
from lstluigi.report.checksums import FileFacts
from lstluigi.report.software import logged_versions

__all__ = ["NAMESPACE", "document", "earlier", "serialized", "versions_of"]

#: Names of what PROV has no word for.
NAMESPACE = "urn:lstluigi:provenance:"
_Facts = Mapping[str, FileFacts]


def versions_of(step: StepState) -> dict[str, set[str]]:
    """Versions of programs that the jobs of a step had, by program."""
    found: dict[str, set[str]] = {}
    for event in events(step.node.places.ledger) if step.ledger.attempts else ():
        told = event.get("versions")
        if event.get("state") == "ok" and isinstance(told, dict):
            for program, version in told.items():
                found.setdefault(str(program), set()).add(str(version))
    return found


def document(state: ProductionState, facts: _Facts, texts: Mapping[str, str]) -> Any:
    """Put the document together.

    Parameters
    ----------
    state : ProductionState
        Where the production stands.
    facts : mapping of str to FileFacts
        What is known of each file that is there.
    texts : mapping of str to str
        Text of each config, by its path.

    Returns
    -------
    prov.model.ProvDocument
        Steps that never ran are not in it.
    """
    return _Writer(state, facts).document(texts)


def serialized(found: Any) -> str:
    """Return a document as PROV-JSON."""
    stream = io.StringIO()
    found.serialize(stream, format="json", indent=1)
    return stream.getvalue() + "\n"


class _Writer:
    """One document."""

    def __init__(self, state: ProductionState, facts: _Facts) -> None:
        self._state, self._plan, self._facts = state, state.plan, facts
        self._found = prov.ProvDocument()
        self._found.add_namespace("lstluigi", NAMESPACE)
        self._found.add_namespace("file", "file://")
        self._found.add_namespace("step", f"urn:lstluigi:{digest(state.prod_id)}:step:")
        self._found.add_namespace("config", "urn:lstluigi:config:")
        self._found.add_namespace("software", "urn:lstluigi:software:")
        self._files: set[str] = set()
        self._agents: set[str] = set()
        self._configs: set[str] = set()

    def document(self, texts: Mapping[str, str]) -> Any:
        for path, text in texts.items():
            more = {"lstluigi:content": text, "prov:label": os.path.basename(path)}
            self._file(path, more)
        for step in self._state.steps:
            if _was_made(step, self._plan):
                self._step(step)
        return self._found

    # entities and agents

    def _file(self, path: str, more: Mapping[str, Any] | None = None) -> str:
        name = f"file:{_escaped(path)}"
        if path not in self._files:
            self._files.add(path)
            facts = self._facts.get(path)
            told = {"lstluigi:present": False} if facts is None else facts.attributes()
            attributes: dict[Any, Any] = {**told, **(more or {})}
            self._found.entity(name, attributes)
        return name

    def _agent(self, program: str, version: str) -> str:
        name = f"software:{_escaped(f'{program}-{version}')}"
        if name not in self._agents:
            self._agents.add(name)
            self._found.agent(
                name,
                {
                    "prov:type": self._found.valid_qualified_name("prov:SoftwareAgent"),
                    "prov:label": program,
                    "lstluigi:version": version,
                },
            )
        return name

    def _config(self, tool: str, content: Any) -> str:
        name = f"config:{tool}-{digest(content)}"
        if name not in self._configs:
            self._configs.add(name)
            label = f"{tool} config {digest(content)}"
            more = {"prov:label": label, "lstluigi:content": canonical(content)}
            self._found.entity(name, more)
        return name

    # steps

    def _step(self, step: StepState) -> None:
        node, record = step.node, self._plan.record(step.node)
        name = f"step:{node.step.stage}-{node.step.number}"
        begun = [share.when for share in step.ledger.shares if share.when]
        ended = [attempt.ended for attempt in step.ledger.attempts if attempt.ended]
        self._found.activity(
            name,
            _time(min(begun, default=0.0)),
            _time(max(ended, default=0.0)),
            self._about(step, record),
        )
        self._associate(name, step)
        for tool in TOOLS if record else ():
            content = (record or {}).get(f"{tool}_config")
            if content:
                self._found.used(name, self._config(tool, content))
        for file in dict.fromkeys(f for _, files, _ in self._units(node) for f in files):
            self._found.used(name, self._file(file))
        hand = set(self._plan.by_hand(node))
        for unit, files, products in self._units(node):
            latest = step.ledger.latest.get(node.item(unit))
            ran = latest is not None and latest.state == "ok"
            for product in products:
                if product in hand:
                    self._file(product, {"lstluigi:made": "outside lstluigi"})
                elif ran or product in self._facts:
                    self._made(product, name, files if node.stage.per_file else ())

    def _made(self, product: str, step: str, sources: Sequence[str]) -> None:
        """Say what made a file, and which file it was made of where others of the step are not."""
        entity = self._file(product)
        self._found.wasGeneratedBy(entity, step)
        for source in sources:
            self._found.wasDerivedFrom(entity, self._file(source), step)

    def _about(self, step: StepState, record: Mapping[str, Any] | None) -> dict[str, Any]:
        node = step.node
        told: dict[str, Any] = {
            "prov:label": f"{step.name} {node.output}",
            "lstluigi:stage": step.stage,
            "lstluigi:status": step.status.value,
            "lstluigi:dropped": canonical(dict(step.dropped)) if step.dropped else None,
        }
        if found := node.stage.found(node.step):
            told["lstluigi:found"] = canonical(dict(found))
        if self._plan.foreign(node):
            told["lstluigi:recipe"] = "none was written down: made by hand or by another program"
        elif record is None:
            told["lstluigi:recipe"] = "; ".join(self._plan.damage(node))
        else:
            content = record["content"]
            if accepted := self._plan.accepted_changes(node):
                told["lstluigi:accepted_changes"] = canonical(list(accepted))
            told["lstluigi:recipe"] = canonical(content)
            told["lstluigi:recipe_digest"] = str(record["digest"])
            # a list: each command a list of arguments, as it is handed to the system
            told["lstluigi:commands"] = canonical(content.get("commands", []))
        return {key: value for key, value in told.items() if value is not None}

    def _associate(self, name: str, step: StepState) -> None:
        found = versions_of(step)
        for program, versions in found.items():
            for version in sorted(versions):
                self._found.wasAssociatedWith(name, self._agent(program, version))
        if step.ledger.attempts:
            self._found.wasAssociatedWith(name, self._agent("lstluigi", _own_version(self._state)))

    def _units(self, node: PlannedStep) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
        """Units of work: name, files read, files that were made or may have been."""
        units = list(self._plan.units(node))
        for unit in units:
            yield unit.name, _read(unit), [product.final for product in unit.products]
        if not units:
            yield "", [], list(self._plan.finals(node))


def _read(unit: Unit) -> list[str]:
    return list(dict.fromkeys(file for file, _ in unit.verify))


def _was_made(step: StepState, plan: Plan) -> bool:
    """Is something of it there, or was it there once?"""
    return (
        any(attempt.state == "ok" for attempt in step.ledger.attempts)
        or step.status in (State.COMPLETE, State.OUTDATED)
        or plan.begun(step.node)
    )


def _own_version(state: ProductionState) -> str:
    """The lstluigi that wrote the logs of the production, else this one."""
    try:
        return logged_versions(state.prod_id).get("lstluigi", __version__)
    except LstluigiError:
        return __version__


def _escaped(text: str) -> str:
    """Percent-encoded: a name of PROV is the end of a URI, where no blank may stand."""
    return quote(os.fsencode(text))


def _time(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else None


def earlier(path: str) -> dict[str, FileFacts]:
    """What a provenance file says of files, so that no checksum is computed twice.

    A file that is not there, or not ours, says nothing.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            entities = json.load(stream)["entity"]
        return {
            os.fsdecode(unquote_to_bytes(name.removeprefix("file:"))): known
            for name, told in entities.items()
            if name.startswith("file:") and (known := FileFacts.of(told)) is not None
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
