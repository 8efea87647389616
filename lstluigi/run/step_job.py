"""The job of one step: what is to be run for it, and what its results mean."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lstluigi.config.tool_config import ToolConfigs
from lstluigi.errors import LstluigiError
from lstluigi.files import write_text
from lstluigi.jobs.backend import Backend
from lstluigi.jobs.handle import Outcome
from lstluigi.jobs.ledger import events, is_file_at_fault, note, read_ledger
from lstluigi.jobs.lock import Lock
from lstluigi.jobs.results import ItemResult
from lstluigi.jobs.tracking import Progress
from lstluigi.jobspec import Environment, Item, Shared, Work
from lstluigi.production import selection
from lstluigi.production.plan import Plan
from lstluigi.production.recipe import Recipe, record
from lstluigi.production.resources import requested, where_requested
from lstluigi.production.states import State
from lstluigi.production.step import PlannedStep, Unit, kept_config, resolved
from lstluigi.production.targets import lost_showers

log = logging.getLogger("lstluigi")

#: Last lines of a log that are shown with a failure.
TAIL = 8


class StepJob:
    """A step under way.

    Parameters
    ----------
    plan, node
        The step.
    backend
        Where it will run.
    environment
        Where its commands come from.
    tell
        Called with the step and "begun", "done", "failed", or "left" when the run is interrupted.
    """

    def __init__(
        self,
        plan: Plan,
        node: PlannedStep,
        backend: Backend,
        environment: Environment,
        tell: Callable[[PlannedStep, str], None],
    ) -> None:
        self._plan, self.node = plan, node
        self._backend, self._environment = backend, environment
        self._tell = tell
        self._lock: Lock | None = None

    @property
    def ledger(self) -> str:
        """Path of the step's ledger."""
        return self.node.places.ledger

    @property
    def where(self) -> str:
        """Where its requests stand in the config."""
        return where_requested(self.node)

    @property
    def log(self) -> str:
        """The step's log; where each file has one of its own, the directory of them."""
        places = self.node.places
        return places.logs if self.node.stage.per_file else self.node.log(places.label)

    def told(self, progress: Progress) -> str:
        """Files done of files, or what has become of the step's one job; and where its log is."""
        waits = not progress.started and progress.share < 1
        if self.node.stage.per_file:
            words = f"{progress.done} of {progress.total} files done"
            words += f", {progress.failed} failed" * bool(progress.failed)
            words += ", none runs yet" * waits
        elif progress.share < 1:
            words = "waits for its job to start" if waits else "running"
        else:
            words = "failed" if progress.failed else "done"
        return f"{words}\nlog: {self.log}"

    # before

    def describe(self) -> Work:
        """Take the step's lock, write down manifest and recipe, and describe its items."""
        try:
            work = self._begin()
        except LstluigiError:
            self._tell(self.node, "failed")
            raise
        self._plan.let_go(self.node)  # a production has 50,000 files
        self._tell(self.node, "begun")
        return work

    def _begin(self) -> Work:
        if self._plan.states[self.node.index] is State.OUTDATED:
            raise LstluigiError(self._changed())
        self._lock = Lock(self.node.places.lock)
        try:
            self._plan.forget(self.node)  # another run may have made it since the plan was made
            if self._plan.is_changed(self.node):
                raise LstluigiError(self._changed())
            return self._describe()
        except OSError as error:
            self._release()
            where = error.filename or self.node.places.logs
            raise LstluigiError(f"{where}: {error.strerror}") from None
        except LstluigiError:
            self._release()
            raise

    def _changed(self) -> str:
        reasons = self._plan.why_changed(self.node) or "another run has settled that just now"
        pattern = shlex.quote(selection.joined([self.node.output]))
        again = f"lstluigi run {shlex.quote(str(self._plan.config.path))} --remake {pattern}"
        keep = "keep it with `lstluigi run --accept-changed`, or " * self._plan.there(self.node)
        return (
            f"outdated: the config has changed since it was produced ({reasons}); {keep}"
            f"make it again with: {again}"
        )

    def _describe(self) -> Work:
        plan, node = self._plan, self.node
        by_hand = list(plan.by_hand(node))
        anew = plan.manifest(node) is not None
        if not anew and (found := plan.outside.manifest(node)).inputs:
            plan.keep_manifest(node, found)
        if by_hand and not node.stage.per_file:
            raise LstluigiError(
                f"{by_hand[0]} is there, but not all of the product, and lstluigi did not make "
                "it; move it away, then run again"
            )
        self._check_some()
        units = list(plan.units(node))
        _check_twice(units)
        configs = self._keep_configs()
        # of a product that is not there any more nothing is kept as it was
        accepted = (plan.record(node) or {}).get("accepted", []) if plan.begun(node) else []
        notes = {"accepted": accepted, "by_hand": by_hand}
        items = [item for unit in units for item in self._items(unit, frozenset(by_hand))]
        if anew:
            plan.measure_anew(node, (file for item in items for file, _ in item.verify))
        recipe = plan.recipe(node)
        record(node.places.recipe, recipe, configs, **notes)
        return self._work(items, recipe, len(units) - len(items))

    def _check_some(self) -> None:
        """Refuse to go on where nothing is left to read, here or for a step that reads a share."""
        plan, node = self._plan, self.node
        for path in plan.bare(node):
            raise LstluigiError(f"{path} holds no file that it reads, so there is nothing to do")
        for path in plan.unfilled(node):
            what = f"{path} gets none of its {len(plan.finals(node))} file(s)"
            for reader in plan.consumers(node):
                if any(f"{path}/".startswith(f"{bare}/") for bare in plan.bare(reader)):
                    raise LstluigiError(f"{what}, and {reader} reads it; give it more files")
            log.warning("%s: %s", node, what)

    def _keep_configs(self) -> ToolConfigs:
        """Keep the tools' configs beside the product: jobs read them there, and so can people."""
        configs = self._plan.kept(self.node)
        for config in configs.values():
            kept = kept_config(self.node, config)
            if not os.path.exists(kept):
                write_text(kept, config.text)
        return configs

    def _items(self, unit: Unit, by_hand: frozenset[str]) -> list[Item]:
        identity = self.node.item(unit.name)
        scratch = os.path.join(self.node.places.scratch, unit.name)
        output = self.node.log(unit.name)
        there = [p for p in unit.products if self._plan.listing.is_file(p.final)]
        if len(there) < len(unit.products):
            commands, without_events, explain = (
                resolved(given, self.node, self._plan.configs)
                for given in (unit.commands, unit.without_events, unit.explain)
            )
            # what this production made may have no events, and some steps need them
            readings = (r for r in self.node.readings if r.probed or "nonempty" in r.check)
            looked = [reading.check for reading in readings]
            verify = [(f, check) for f, check in unit.verify if check in looked or self._foreign(f)]
            given = (unit.links, verify, unit.loads, without_events, self.node.stage.first)
            item = Item(identity, commands, unit.products, scratch, output, *given)
            return [replace(item, meeting=unit.meeting, explain=explain)]
        checks = [(p.final, p.check) for p in there if p.final in by_hand]
        return [Item(identity, (), (), scratch, output, (), checks)] if checks else []

    def _foreign(self, file: str) -> bool:
        """Was this input made by hand, by lstmcpipe, or in another production?"""
        for producer in self._plan.producers(self.node):
            if file in self._plan.final_set(producer):
                kept = self._plan.record(producer)
                return kept is None or file in kept.get("by_hand", [])
        return True

    def _work(self, items: Sequence[Item], recipe: Recipe, found: int) -> Work:
        node, stage = self.node, self.node.stage
        try:
            resources = requested(self._plan, node, self._backend)
        except LstluigiError as error:
            raise LstluigiError(f"{self.where}: {error}") from None
        shared = Shared(
            node.kind,
            resources,
            self._environment,
            stage.capacity(len(items)),
            adds_up=not stage.per_file,
        )
        title = f"{stage.name} {node.label} {self._plan.config.prod_id}"
        return Work(items, shared, title, recipe.digest, found)

    # under way

    def refresh(self) -> None:
        """Show other runs that this one is alive."""
        if self._lock is not None:
            self._lock.refresh()

    # after

    def visible(self) -> bool:
        """Is every product to be seen at its place? Directories are listed anew."""
        self._plan.forget(self.node)
        return not self._plan.target(self.node).missing()

    def abandon(self, reason: str, *, failed: bool) -> None:
        """Let other runs have the step."""
        self._tell(self.node, "failed" if failed else "left")
        self._release()

    def conclude(self, items: Mapping[str, ItemResult]) -> Outcome:
        """Done if every product is at its place, or if no more files failed than may."""
        try:
            try:
                outcome = self._outcome(items)
            except LstluigiError as error:
                outcome = Outcome(False, str(error))
            word = "done" if outcome.done else "failed"
            note(self.ledger, word, message=outcome.message)
            self._tell(self.node, word)
            if not outcome.done and not self._has_made():
                self._forget_manifest()
        finally:
            self.node.places.clear_scratch()
            self._plan.forget_names()
            self._release()
        return outcome

    def _outcome(self, items: Mapping[str, ItemResult]) -> Outcome:
        failed = {i: r for i, r in items.items() if r.get("state") != "ok"}
        units = {}
        if failed:  # not kept while the job was under way: a production has 50,000
            units = {self.node.item(unit.name): unit for unit in self._plan.units(self.node)}
        self._plan.forget(self.node)
        failed = {i: r for i, r in failed.items() if not self._there(units[i])}
        dropped = {_source(i, units[i]): str(r.get("reason", "")) for i, r in failed.items()}
        if dropped and self._are_bad(failed) and self._may_drop(dropped):
            self._plan.drop(self.node, dropped)
            log.warning("%s goes on without %s", self.node, _told(dropped))
            if said := lost_showers(dropped, len(units) - len(dropped)):
                log.warning("%s: %s", self.node, said)
            failed = {}
        missing = self._plan.target(self.node).missing()
        if failed or missing or not self._plan.finals(self.node):
            return Outcome(False, self._failure(failed, missing, units))
        return Outcome(True)

    def _are_bad(self, failed: Mapping[str, ItemResult]) -> bool:
        """Are the files to blame, by evidence, and not a machine or its environment?

        Their content was looked at, or the ledger shows it.
        """
        if not all(result.get("bad_data") for result in failed.values()):
            return False
        unsure = [item for item, result in failed.items() if not result.get("certain")]
        attempts = read_ledger(self.ledger).attempts if unsure else []
        return all(is_file_at_fault(item, attempts) for item in unsure)

    def _has_made(self) -> bool:
        """Is something made of the files in the manifest, or was it, and perhaps passed on?

        Files may be there that cannot be seen yet: what the ledger says was made counts, too.
        """
        if self._plan.begun(self.node):
            return True
        return any(
            event.get("event") == "done" or event.get("state") == "ok"
            for event in events(self.ledger)
        )

    def _forget_manifest(self) -> None:
        try:
            self._plan.forget_manifest(self.node)
        except LstluigiError as error:
            log.warning("%s: the next run reads the files in it, and no others", error)

    def _there(self, unit: Unit) -> bool:
        """Did the item publish its products before its job ended badly?"""
        finals = [product.final for product in unit.products]
        return bool(finals) and all(map(self._plan.listing.is_file, finals))

    def _may_drop(self, failed: Mapping[str, str]) -> bool:
        manifest = self._plan.manifest(self.node)
        before = {} if manifest is None else manifest.dropped
        return self._plan.may_drop(self.node, {**before, **failed})

    def _failure(
        self,
        failed: Mapping[str, ItemResult],
        missing: Sequence[str],
        units: Mapping[str, Unit],
    ) -> str:
        if not failed:
            example = missing[0] if missing else "the list of its files is empty"
            return f"all jobs succeeded, but the output is missing ({example})"
        identity, result = next(iter(failed.items()))
        count = f"{len(failed)} of {len(units)} files failed, first " * (self.node.stage.per_file)
        name = units[identity].name if self.node.stage.per_file else ""
        path = self.node.log(units[identity].name)
        where = f"; log {path}" * os.path.exists(path)
        tail = "".join(f"\n    | {line}" for line in list(result.get("tail") or [])[-TAIL:])
        reason = str(result.get("reason", "no reason given"))
        mend = self.node.stage.mend(reason)
        what = f"{count}{name}{': ' * bool(name)}{reason}{'; ' * bool(mend)}{mend}"
        return f"{what}{where}{tail}"

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _source(identity: str, unit: Unit) -> str:
    """The input file of an item that is one file."""
    return next((file for file, _ in unit.verify), identity)


def _told(dropped: Mapping[str, str]) -> str:
    return "; ".join(f"{os.path.basename(file)} ({why})" for file, why in dropped.items())


def _check_twice(units: Sequence[Unit]) -> None:
    """Refuse to read one file twice under two names, by which its events would count twice."""
    for unit in units:
        seen: dict[tuple[int, int], str] = {}
        for file, _ in unit.links:
            status = os.stat(file)
            other = seen.setdefault((status.st_dev, status.st_ino), file)
            if other != file:
                raise LstluigiError(
                    f"{file} and {other} are the same file, which would be read twice; "
                    "narrow the pattern"
                )
