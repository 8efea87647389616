"""The job of one step: what is to be run for it, and what its results mean."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence

from lstluigi.errors import LstluigiError
from lstluigi.files import write_text
from lstluigi.jobs.backend import Backend
from lstluigi.jobs.handle import Outcome
from lstluigi.jobs.ledger import note
from lstluigi.jobs.lock import Lock
from lstluigi.jobs.monitor import ItemResult
from lstluigi.jobs.spec import Environment, Item, Shared, Work
from lstluigi.lstchain_config import LstchainConfig
from lstluigi.plan import Plan, Standing
from lstluigi.recipe import record
from lstluigi.stages.base import LSTCHAIN_CONFIG
from lstluigi.steps import PlannedStep, Unit, kept_config, resolved

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
        Called with the step and "begun", "done" or "failed".
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
        self._units: dict[str, Unit] = {}

    @property
    def ledger(self) -> str:
        """Path of the step's ledger."""
        return self.node.places.ledger

    # before

    def describe(self) -> Work:
        """Take the step's lock, write down manifest and recipe, and describe its items."""
        try:
            work = self._begin()
        except LstluigiError:
            self._tell(self.node, "failed")
            raise
        self._tell(self.node, "begun")
        return work

    def _begin(self) -> Work:
        if self._plan.standings[self.node.index] is Standing.CHANGED:
            raise LstluigiError(self._changed())
        self._lock = Lock(self.node.places.lock)
        try:
            return self._describe()
        except OSError as error:
            self._release()
            where = error.filename or self.node.places.logs
            raise LstluigiError(f"{where}: {error.strerror}") from None
        except LstluigiError:
            self._release()
            raise

    def _changed(self) -> str:
        reasons = "; ".join(self._plan.changes(self.node))
        return (
            f"its product was made differently from what the config says now ({reasons}); keep it "
            f"with --accept-changed, or make it again with --remake {shlex.quote(self.node.output)}"
        )

    def _describe(self) -> Work:
        plan, node = self._plan, self.node
        by_hand = list(plan.by_hand(node))
        shutil.rmtree(node.places.scratch, ignore_errors=True)
        if plan.external(node) and plan.manifest(node) is None:
            plan.keep_manifest(node, plan.new_manifest(node))
        if by_hand and not node.stage.per_file:
            raise LstluigiError(
                f"{by_hand[0]} is there, but not all of the product, and lstluigi did not make "
                "it; move it away, then run again"
            )
        units = list(plan.units(node))
        _check_twice(units)
        lstchain = self._keep_config(units)
        accepted = (plan.record(node) or {}).get("accepted", [])
        notes = {"accepted": accepted, "by_hand": by_hand}
        items = [item for unit in units for item in self._items(unit, frozenset(by_hand))]
        record(node.places.recipe, plan.recipes[node.index], lstchain, **notes)
        return self._work(items)

    def _keep_config(self, units: Sequence[Unit]) -> LstchainConfig | None:
        """Keep the lstchain config beside the product: jobs read it there, and so can people."""
        lstchain = self._plan.lstchain
        if lstchain is None or not any(LSTCHAIN_CONFIG in c for u in units for c in u.commands):
            return None
        kept = kept_config(self.node, lstchain)
        if not os.path.exists(kept):
            write_text(kept, lstchain.text)
        return lstchain

    def _items(self, unit: Unit, by_hand: frozenset[str]) -> list[Item]:
        identity = f"{self.node.step.stage}-{self.node.step.number}/{unit.name}"
        self._units[identity] = unit
        scratch = os.path.join(self.node.places.scratch, unit.name)
        log = os.path.join(self.node.places.logs, f"{unit.name}.log")
        there = [p for p in unit.products if self._plan.listing.exists(p.final)]
        if len(there) < len(unit.products):
            commands = resolved(unit.commands, self.node, self._plan.lstchain)
            verify = [(file, check) for file, check in unit.verify if self._foreign(file)]
            return [Item(identity, commands, unit.products, scratch, log, unit.links, verify)]
        checks = [(p.final, p.check) for p in there if p.final in by_hand]
        return [Item(identity, (), (), scratch, log, (), checks)] if checks else []

    def _foreign(self, file: str) -> bool:
        """Was this input made by hand, by lstmcpipe, or in another production?"""
        for producer in self._plan.producers(self.node):
            if file in self._plan.final_set(producer):
                kept = self._plan.record(producer)
                return kept is None or file in kept.get("by_hand", [])
        return True

    def _work(self, items: Sequence[Item]) -> Work:
        stage = self.node.stage
        try:
            resources = self._backend.resources(stage.resources, self.node.step.slurm)
        except LstluigiError as error:
            raise LstluigiError(f"{self.node.step.where('extra_slurm_options')}: {error}") from None
        capacity = stage.capacity(len(items))
        return Work(items, Shared(stage.name, resources, self._environment, capacity))

    # under way

    def refresh(self) -> None:
        """Show other runs that this one is alive."""
        if self._lock is not None:
            self._lock.refresh()

    # after

    def conclude(self, items: Mapping[str, ItemResult]) -> Outcome:
        """Done if every product is at its place, or if no more files failed than may."""
        self._plan.forget(self.node)
        failed = {i: r for i, r in items.items() if r.get("state") != "ok"}
        try:
            if failed and self._may_fail(failed):
                reasons = {
                    self._source(i): str(result.get("reason", "")) for i, result in failed.items()
                }
                self._plan.drop(self.node, reasons)
                failed = {}
            missing = self._plan.target(self.node).missing()
            if failed or missing or not self._plan.finals(self.node):
                outcome = Outcome(False, self._failure(failed, missing))
            else:
                outcome = Outcome(True)
            word = "done" if outcome.done else "failed"
            note(self.ledger, word, message=outcome.message)
            self._tell(self.node, word)
        finally:
            self._clean()
            self._release()
        return outcome

    def _source(self, identity: str) -> str:
        return self._units[identity].verify[0][0]

    def _may_fail(self, failed: Mapping[str, ItemResult]) -> bool:
        total = len(self._plan.finals(self.node))
        allowed = self.node.step.max_failed_fraction * total
        return self.node.stage.per_file and len(failed) <= allowed and len(failed) < total

    def _failure(self, failed: Mapping[str, ItemResult], missing: Sequence[str]) -> str:
        if not failed:
            example = missing[0] if missing else "the list of its files is empty"
            return f"its jobs ended well, but the product is not there ({example})"
        identity, result = next(iter(failed.items()))
        count = f"{len(failed)} of {len(self._units)} files failed, first " * (
            self.node.stage.per_file
        )
        name = self._units[identity].name if self.node.stage.per_file else ""
        log = os.path.join(self.node.places.logs, f"{self._units[identity].name}.log")
        tail = "".join(f"\n    | {line}" for line in list(result.get("tail") or [])[-TAIL:])
        what = f"{count}{name}{': ' * bool(name)}{result.get('reason', 'no reason given')}"
        return f"{what}; log {log}{tail}"

    def _clean(self) -> None:
        """Remove the scratch directory, and the one around it if no other step is using it."""
        shutil.rmtree(self.node.places.scratch, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(self.node.places.scratch))

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _check_twice(units: Sequence[Unit]) -> None:
    """Refuse to read one file twice under two names: its events would count twice."""
    for unit in units:
        seen: dict[tuple[int, int], str] = {}
        for file, _ in unit.links:
            status = os.stat(file)
            other = seen.setdefault((status.st_dev, status.st_ino), file)
            if other != file:
                raise LstluigiError(
                    f"{file} and {other} are the same file, its events would count twice; "
                    "narrow the pattern"
                )
