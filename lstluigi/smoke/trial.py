"""A few steps of a production, run with its own settings on toy data."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lstluigi.config import ProductionConfig, load_config
from lstluigi.errors import LstluigiError
from lstluigi.files import last_lines
from lstluigi.plan import Plan
from lstluigi.preflight import lstchain_config_problem
from lstluigi.prodlog import VARIABLE as LOGS
from lstluigi.session import SITE, Choices, Session
from lstluigi.smoke.configs import Steps, moved_step, write_config
from lstluigi.smoke.outcome import TAIL, SmokeOutcome, StageOutcome, failure, stage_outcomes
from lstluigi.smoke.sample import representatives
from lstluigi.smoke.standins import StandIn, stand_ins
from lstluigi.smoke.toy import Toy
from lstluigi.stages import STAGES

Say = Callable[[str], None]

#: Arguments of a command that few events need, by stage: a note says so where they are added.
FEW_EVENTS = {"dl2_to_irfs": ("--DL3Cuts.min_event_p_en_bin", "5")}


def smoke(
    config: Path | str,
    lstchain_config: Path | str | None = None,
    say: Say = print,
    where: Path | str | None = None,
    *,
    keep: bool = False,
) -> SmokeOutcome:
    """Try the stages of a production on toy data, in the environment of lstluigi itself.

    Parameters
    ----------
    config : path-like
        The production config; what it names is neither read nor written.
    lstchain_config : path-like, optional
        The lstchain config, where the production config does not tell.
    say : callable
        Is given each sentence on what is done.
    where : path-like, optional
        Directory for everything, new or empty; a temporary one by default.
    keep : bool
        Whether to keep that directory even if everything works.

    Raises
    ------
    LstluigiError
        If the config is refused, or there is no toy data for what it reads.
    """
    started = time.monotonic()
    session = Session(
        Choices(str(config), str(lstchain_config or ""), backend="local", environment="current")
    )
    plan = session.plan
    chosen = representatives(plan)
    if problem := lstchain_config_problem(plan, [plan.steps[index] for index in chosen]):
        raise LstluigiError(str(problem))
    trial = _Trial(plan, chosen, _place(where), say)
    stages, trouble = trial.outcome()
    ended_well = not trouble and all(stage.state == "ok" for stage in stages)
    kept = trial.place if keep or not ended_well else None
    if kept is None:
        shutil.rmtree(trial.place)
    return SmokeOutcome(stages, trouble, time.monotonic() - started, kept)


def _place(where: Path | str | None) -> Path:
    if where is None:
        return Path(tempfile.mkdtemp(prefix="lstluigi-smoke-")).resolve()
    place = Path(where).resolve()
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise LstluigiError(f"{place} is there already; give a new or an empty directory")
    place.mkdir(parents=True, exist_ok=True)
    return place


class _Trial:
    """The steps chosen, their toy data, and the run."""

    def __init__(self, plan: Plan, chosen: Sequence[int], place: Path, say: Say) -> None:
        self._plan, self._chosen, self.place, self._say = plan, chosen, place, say
        self._root = place / "root"
        splits = any(plan.steps[index].step.stage == "train_test_split" for index in chosen)
        self._toy = Toy(place / "toy", files=2 if splits else 1)

    def outcome(self) -> tuple[tuple[StageOutcome, ...], str]:
        """Try everything; how the stages went, and what kept them from being tried."""
        config = self._plan.config
        self._say(
            f"smoke: {len(self._chosen)} of {len(self._plan.steps)} steps of {config.prod_id} "
            f"stand for all, in {self.place}"
        )
        if config.source_environment is not None:
            self._say("smoke: source_environment is not entered; jobs use lstluigi's own python")
        wanted = list(stand_ins(self._plan, self._chosen))
        if trouble := self._make_toys(wanted):
            return (), trouble
        for stand_in in wanted:
            stand_in.place(self._toy, self._root)
        return self._try_steps()

    def _make_toys(self, wanted: Sequence[StandIn]) -> str:
        """Make the toy data; why it could not be made, or nothing."""
        needs = {(stand_in.level, stand_in.particle) for stand_in in wanted}
        particles = self._toy.particles(needs)
        count = self._toy.simulate(particles)
        self._say(f"smoke: toy DL0 of {', '.join(sorted(particles))}: {count} events")
        steps = self._toy.steps(needs)
        if not steps:
            return ""
        self._say(f"smoke: {', '.join(steps)} make what an earlier production would have made")
        config, said = self._run("toy", steps)
        nodes = Plan(config, STAGES, None).steps
        reasons = [f"{node.step.stage}: {why}" for node in nodes if (why := failure(node))]
        if not said and not reasons:
            return ""
        head = "what stands in for the products of an earlier production could not be made"
        return "\n".join([head, *(reasons or [said])])

    def _try_steps(self) -> tuple[tuple[StageOutcome, ...], str]:
        plan = self._plan
        steps: dict[str, list[dict[str, object]]] = {s: [] for s in plan.config.stages_to_run}
        for index in self._chosen:
            step = plan.steps[index].step
            more = _few_events(step.stage, step.arguments)
            steps[step.stage].append(moved_step(step, self._root, more))
        for stage in FEW_EVENTS:
            if any(_few_events(stage, plan.steps[i].step.arguments) for i in self._chosen):
                self._say(f"smoke: {stage} is given {' '.join(FEW_EVENTS[stage])}")
        config, said = self._run("trial", steps)
        outcomes = stage_outcomes(plan, self._chosen, Plan(config, STAGES, plan.lstchain))
        failed = any(outcome.failures for outcome in outcomes)
        return outcomes, "" if failed else said

    def _run(self, name: str, steps: Steps) -> tuple[ProductionConfig, str]:
        """Run a production of these steps; its config, and what was said if it ended badly."""
        path, log = self.place / f"{name}.yml", self.place / f"{name}.log"
        lstchain = self._plan.lstchain
        prod_id, kind = self._plan.config.prod_id, self._plan.config.workflow_kind
        write_config(path, prod_id, steps, None if lstchain is None else lstchain.path, kind)
        command = [sys.executable, "-P", "-m", "lstluigi.cli", "run", str(path)]
        options = ["--backend", "local", "--environment", "current"]
        kept = {key: value for key, value in os.environ.items() if key != SITE}
        environment = {**kept, LOGS: str(self.place / "logs")}
        self._say(f"smoke: {sum(map(len, steps.values()))} steps run, see {log}")
        with log.open("wb") as stream:
            done = subprocess.run(
                [*command, *options],
                cwd=self.place,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                check=False,
            )
        config = load_config(path, {stage: known.shape for stage, known in STAGES.items()})
        return config, "\n".join(last_lines(str(log), TAIL)) if done.returncode else ""


def _few_events(stage: str, arguments: Sequence[str]) -> tuple[str, ...]:
    """Arguments to add to those of a step."""
    more = FEW_EVENTS.get(stage, ())
    given = any(argument.split("=")[0] == more[0] for argument in arguments) if more else True
    return () if given else more

