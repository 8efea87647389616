"""A few steps of a production, run with its own settings on toy data."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lstluigi.config import ProductionConfig, load_config
from lstluigi.errors import ConfigError, LstluigiError
from lstluigi.files import last_lines, write_json
from lstluigi.lstchain_config import LstchainConfig
from lstluigi.plan import Plan
from lstluigi.preflight import config_problems, lstchain_config_problem
from lstluigi.prodlog import VARIABLE as LOGS
from lstluigi.session import SITE
from lstluigi.smoke.configs import Steps, moved_step, write_config
from lstluigi.smoke.outcome import TAIL, SmokeOutcome, StageOutcome, failure, stage_outcomes
from lstluigi.smoke.sample import representatives
from lstluigi.smoke.standins import StandIn, stand_ins
from lstluigi.smoke.toy import Toy
from lstluigi.stages import STAGES

Say = Callable[[str], None]

SHAPES = {stage: known.shape for stage, known in STAGES.items()}

#: Arguments of a command that few events need, by stage: a note says so where they are added.
FEW_EVENTS = {"dl2_to_irfs": ("--DL3Cuts.min_event_p_en_bin", "5")}

#: Sections of the lstchain config that say how forests grow, and settings that take seconds.
FOREST = re.compile("random_forest_.*_args")
SMALL_FOREST = {"n_estimators": 10, "max_depth": 10, "min_samples_leaf": 5, "n_jobs": -1}
#: Sections of the lstchain config that tune the simulation, and what switches them on.
TUNING = {
    "image_modifier": ("increase_nsb", "increase_psf"),
    "waveform_nsb_tuning": ("nsb_tuning",),
}


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
    plan = _plan(config, lstchain_config)
    chosen = representatives(plan)
    if problem := lstchain_config_problem(plan, [plan.steps[index] for index in chosen]):
        raise ConfigError([problem])
    trial = _Trial(plan, chosen, _place(where), say)
    stages, trouble = trial.outcome()
    ended_well = not trouble and all(stage.state == "ok" for stage in stages)
    kept = trial.place if keep or not ended_well else None
    if kept is None:
        shutil.rmtree(trial.place)
    return SmokeOutcome(stages, trouble, time.monotonic() - started, kept)


def _plan(config: Path | str, lstchain_config: Path | str | None) -> Plan:
    """The production, refused for what is wrong with it whatever the file system holds."""
    given = None if lstchain_config is None else Path(lstchain_config)
    read = load_config(config, SHAPES, given)
    found = read.lstchain_config
    plan = Plan(read, STAGES, None if found is None else LstchainConfig.read(found))
    if problems := list(config_problems(plan)):
        raise ConfigError(problems)
    return plan


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
        self._say(f"smoke: {', '.join(steps)} stand in for an earlier production")
        config, said = self._run("toy", steps, self._earlier_config())
        nodes = Plan(config, STAGES, None).steps
        reasons = [f"{node.step.stage}: {why}" for node in nodes if (why := failure(node))]
        if not said and not reasons:
            return ""
        head = "what stands in for the products of an earlier production could not be made"
        return "\n".join([head, *(reasons or [said])])

    def _earlier_config(self) -> Path | None:
        """An lstchain config as that of an earlier production: see `settings_of_earlier`."""
        lstchain = self._plan.lstchain
        if lstchain is None:
            return None
        other = dict(settings_of_earlier(lstchain.content))
        if not other:
            return lstchain.path
        self._say(f"smoke: they are made with other {', '.join(other)}")
        path = self.place / "lstchain_config_earlier.json"
        write_json(str(path), {**lstchain.content, **other})
        return path

    def _try_steps(self) -> tuple[tuple[StageOutcome, ...], str]:
        plan = self._plan
        steps: dict[str, list[dict[str, object]]] = {s: [] for s in plan.config.stages_to_run}
        lowered: list[str] = []
        for index in self._chosen:
            step = plan.steps[index].step
            more = _few_events(step.stage, step.arguments)
            lowered += [step.stage] * bool(more)
            steps[step.stage].append(moved_step(step, self._root, more))
        for stage in dict.fromkeys(lowered):
            self._say(f"smoke: {stage} is given {' '.join(FEW_EVENTS[stage])}")
        lstchain = None if plan.lstchain is None else plan.lstchain.path
        config, said = self._run("trial", steps, lstchain)
        outcomes = stage_outcomes(plan, self._chosen, Plan(config, STAGES, plan.lstchain))
        failed = any(outcome.failures for outcome in outcomes)
        return outcomes, "" if failed else said

    def _run(self, name: str, steps: Steps, lstchain: Path | None) -> tuple[ProductionConfig, str]:
        """Run a production of these steps; its config, and what was said if it ended badly."""
        path, log = self.place / f"{name}.yml", self.place / f"{name}.log"
        prod_id, kind = self._plan.config.prod_id, self._plan.config.workflow_kind
        write_config(path, prod_id, steps, lstchain, kind)
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
        config = load_config(path, SHAPES)
        return config, "\n".join(last_lines(str(log), TAIL)) if done.returncode else ""


def settings_of_earlier(content: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Sections of an lstchain config that concern this production only, as an earlier one has them.

    Nothing is tuned to data, for lstchain refuses to tune images a second time; and forests that
    come from outside have not grown by the settings of this config.
    """
    for section, given in content.items():
        switches = [name for name in TUNING.get(section, ()) if given.get(name)]
        if switches:
            yield section, {**given, **dict.fromkeys(switches, False)}
        elif FOREST.fullmatch(section):
            yield section, dict(SMALL_FOREST)


def _few_events(stage: str, arguments: Sequence[str]) -> tuple[str, ...]:
    """Arguments to add to those of a step."""
    more = FEW_EVENTS.get(stage, ())
    given = any(argument.split("=")[0] == more[0] for argument in arguments) if more else True
    return () if given else more
