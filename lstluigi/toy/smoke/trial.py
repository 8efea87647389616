"""A few steps of a production, run with its own settings on toy data."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lstluigi.config import ProductionConfig, load_config
from lstluigi.errors import ConfigError, LstluigiError
from lstluigi.files import last_lines, write_json
from lstluigi.production.load import SITE, Choices, stages_of
from lstluigi.production.noise_tuning import without_tuning
from lstluigi.production.places import VARIABLE as LOGS
from lstluigi.production.plan import Plan
from lstluigi.stages import SHAPES
from lstluigi.toy.smoke.configs import Steps, moved_step, write_config
from lstluigi.toy.smoke.outcome import TAIL, SmokeOutcome, StageOutcome, failure, stage_outcomes
from lstluigi.toy.smoke.sample import representatives
from lstluigi.toy.smoke.settings import FEW_EVENTS, for_few_events, of_an_earlier_production
from lstluigi.toy.smoke.standins import StandIn, stand_ins
from lstluigi.toy.smoke.toy import Toy
from lstluigi.validation.examine import examine
from lstluigi.validation.preflight import tool_config_problems

Say = Callable[[str], None]


def smoke(
    config: Path | str,
    tools: Mapping[str, Any] | None = None,
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
    tools : mapping, optional
        Files beside the config by the option that names them (`lstchain_config`, `site`, ...);
        they come first.
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
    plan, problems = examine(Choices(str(config), **(tools or {})))
    untuned = without_tuning(plan.config)
    if len(untuned.steps) < len(plan.config.steps):
        say("smoke: noise is not tuned: there is no toy data like real ones")
        plan = Plan(untuned, stages_of(untuned), plan.configs)
    chosen = [] if problems else representatives(plan)
    problems += tool_config_problems(plan, [plan.steps[index] for index in chosen])
    if problems:
        raise ConfigError(problems)
    wanted = list(stand_ins(plan, chosen))
    version = _lstchain_version()
    place = _place(where)
    kept = False
    try:
        trial = _Trial(plan, chosen, wanted, place, say)
        trial.introduce(version)
        stages, trouble = trial.outcome()
        kept = keep or bool(trouble) or any(stage.state != "ok" for stage in stages)
    finally:
        if not kept:
            shutil.rmtree(place, ignore_errors=True)
    seconds = time.monotonic() - started
    return SmokeOutcome(stages, trouble, seconds, version, place if kept else None)


def _lstchain_version() -> str:
    """The lstchain that jobs use."""
    try:
        return importlib.metadata.version("lstchain")
    except importlib.metadata.PackageNotFoundError:
        raise LstluigiError(
            f"a smoke test runs lstchain with {sys.executable}, which does not have it; install "
            "lstluigi[analysis]"
        ) from None


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

    def __init__(
        self, plan: Plan, chosen: Sequence[int], wanted: Sequence[StandIn], place: Path, say: Say
    ) -> None:
        self._plan, self._chosen, self._wanted = plan, chosen, wanted
        self._place, self._say = place, say
        self._root = place / "root"
        splits = any(plan.steps[index].step.stage == "train_test_split" for index in chosen)
        self._toy = Toy(place / "toy", files=2 if splits else 1)

    def introduce(self, version: str) -> None:
        """Say what is tried, and with which lstchain."""
        config = self._plan.config
        self._say(
            f"smoke: {len(self._chosen)} of {len(self._plan.steps)} steps of {config.prod_id} "
            f"stand for all, in {self._place}"
        )
        if (source := config.source_environment) is not None:
            self._say(f"smoke: {source.conda_env or source.source_file} is not entered")
        self._say(f"smoke: jobs use lstluigi's own python with lstchain {version}")

    def outcome(self) -> tuple[tuple[StageOutcome, ...], str]:
        """Try everything; how the stages went, and what kept them from being tried."""
        if trouble := self._make_toys():
            return (), trouble
        for stand_in in self._wanted:
            stand_in.place(self._toy, self._root)
        return self._try_steps()

    def _make_toys(self) -> str:
        """Make the toy data; why it could not be made, or nothing."""
        needs = {(stand_in.level, stand_in.particle) for stand_in in self._wanted}
        particles = self._toy.particles(needs)
        count = self._toy.simulate(particles)
        self._say(f"smoke: toy DL0 of {', '.join(sorted(particles))}: {count} events")
        steps = self._toy.steps(needs)
        if not steps:
            return ""
        self._say(f"smoke: an earlier production is put in front: {', '.join(steps)}")
        configs = self._earlier_config("train_pipe" in steps)
        config, said = self._run("toy", steps, configs, "lstchain")
        nodes = Plan(config, stages_of(config), {}).steps
        reasons = [f"{node.step.stage}: {why}" for node in nodes if (why := failure(node))]
        if not said and not reasons:
            return ""
        head = "what stands in for the products of an earlier production could not be made"
        return "\n".join([head, *(reasons or [said])])

    def _earlier_config(self, forests: bool) -> dict[str, Path]:
        """The lstchain config for what an earlier production is to have made."""
        lstchain = self._plan.configs.get("lstchain")
        if lstchain is None:
            return {}
        other = dict(of_an_earlier_production(lstchain.content, forests=forests))
        if not other:
            return {"lstchain": lstchain.path}
        self._say(f"smoke: its lstchain config is this one, but for {', '.join(other)}")
        path = self._place / "lstchain_config_earlier.json"
        write_json(str(path), {**lstchain.content, **other})
        return {"lstchain": path}

    def _try_steps(self) -> tuple[tuple[StageOutcome, ...], str]:
        plan = self._plan
        steps: dict[str, list[dict[str, object]]] = {s: [] for s in plan.config.stages_to_run}
        for index in self._chosen:
            step = plan.steps[index].step
            arguments = for_few_events(step.stage, step.arguments)
            steps[step.stage].append(moved_step(step, self._root, arguments))
        for stage in FEW_EVENTS.keys() & steps.keys():
            self._say(f"smoke: events are few, so {stage} has {' '.join(FEW_EVENTS[stage])}")
        configs = {tool: config.path for tool, config in plan.configs.items()}
        config, said = self._run("trial", steps, configs, plan.config.workflow_kind)
        small = Plan(config, stages_of(config), plan.configs)
        outcomes = stage_outcomes(plan, self._chosen, small)
        failed = any(outcome.failures for outcome in outcomes)
        return outcomes, "" if failed else said

    def _run(
        self, name: str, steps: Steps, configs: Mapping[str, Path], workflow: str
    ) -> tuple[ProductionConfig, str]:
        """Run a production of these steps; its config, and what was said if it ended badly."""
        path, log = self._place / f"{name}.yml", self._place / f"{name}.log"
        write_config(path, self._plan.config.prod_id, steps, configs, workflow)
        command = [sys.executable, "-P", "-m", "lstluigi.cli", "run", str(path)]
        options = ["--backend", "local", "--environment", "current"]
        kept = {key: value for key, value in os.environ.items() if key != SITE}
        environment = {**kept, LOGS: str(self._place / "logs")}
        self._say(f"smoke: {sum(map(len, steps.values()))} steps run (log until they end: {log})")
        with log.open("wb") as stream:
            done = subprocess.run(
                [*command, *options],
                cwd=self._place,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                check=False,
            )
        config = load_config(path, SHAPES)
        return config, "\n".join(last_lines(str(log), TAIL)) if done.returncode else ""
