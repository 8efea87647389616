"""Everything that is wrong with a production and can be seen before anything runs."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from lstluigi.config import missing_tool_config
from lstluigi.errors import ConfigError, Problem, shown
from lstluigi.files import nearest_existing
from lstluigi.jobs.slurm import wishes
from lstluigi.production.paths import Read, matches
from lstluigi.production.plan import Plan
from lstluigi.production.states import State
from lstluigi.production.step import NO_FILES, PlannedStep, general_commands, tools_needed
from lstluigi.stages.base import Reading
from lstluigi.stages.checks import wants_images
from lstluigi.validation.shared_events import event_problems

#: What to do about a product that the config does not, or may not, describe.
DECIDE = "keep it with `lstluigi run --accept-changed`, or make it again with `lstluigi remake`"
#: What to do about a damaged recipe of another production.
MEND_OUTSIDE = "put it right, or move it away: the product then counts as made by hand"
#: What to do where a step gets no file of those that another one makes.
TOO_FEW = "give that step more files, correct what is read, or take this step out"


def config_problems(plan: Plan) -> Iterator[Problem]:
    """What is wrong whatever the file system holds."""
    for config in plan.configs.values():
        yield from config.problems()
    for node in plan.steps:
        yield from node.stage.problems(node.step)
        yield from _conflicts(plan, node)
        yield from node.stage.refused(node.step, general_commands(node, NO_FILES))
        try:
            list(plan.outside.configs(node))
        except ConfigError as error:
            yield from error.problems
        yield from _both_sides(plan, node)
    yield from _over_configs(plan)
    yield from _imageless(plan)
    yield from _relative(plan)
    yield from event_problems(plan)
    for problem in plan.graph.problems:
        nodes = [plan.steps[index] for index in problem.nodes]
        others = ", ".join(f"{n.step.stage} step {n.step.number}" for n in nodes[1:])
        where, path = nodes[0].step.where("output"), problem.paths[0]
        if problem.kind == "cycle" and not others:
            what = f"it reads there what it makes there ({path})"
            yield Problem(where, what, "give the output another path than the input")
        elif problem.kind == "cycle":
            what = f"it waits for {others} and is waited for ({', '.join(problem.paths)})"
            yield Problem(where, what, "let no step read what comes after it")
        else:
            what = f"{path} is made by {others or 'the same step'}, too"
            yield Problem(where, what, "give each product a path of its own")


def _conflicts(plan: Plan, node: PlannedStep) -> Iterator[Problem]:
    """What a step and the lstchain config do not agree on, unless it is told of what it reads."""
    for problem in plan.conflicts(node):
        above = (one for maker in plan.producers(node) for one in plan.conflicts(maker))
        if all((one.what, one.mend) != (problem.what, problem.mend) for one in above):
            yield problem


def _over_configs(plan: Plan) -> Iterator[Problem]:
    """Products that would take the place of a config that the production reads."""
    read = {os.path.realpath(path): tool for tool, path in plan.config.tool_configs.items()}
    for node in plan.steps:
        for made in node.makes:
            if tool := read.get(os.path.realpath(made.path)):
                what = f"{shown(made.path)} is the {tool} config that the production reads"
                yield Problem(node.step.where("output"), what, "give the output another path")


def _imageless(plan: Plan) -> Iterator[Problem]:
    """Steps that read images of products in which an option of another step leaves them out."""
    without: dict[int, tuple[PlannedStep, str]] = {}
    for node in map(plan.steps.__getitem__, plan.graph.order):
        above = next((without[i] for i in plan.graph.producers[node.index] if i in without), None)
        if above is not None and any(wants_images(reading.check) for reading in node.readings):
            what = f"it reads images, and there are none in what {above[0]} makes"
            yield Problem(node.step.where("input"), what, above[1])
        if mend := node.stage.no_images(node.step):
            without[node.index] = node, mend
        elif above is not None:
            without[node.index] = above


def _relative(plan: Plan) -> Iterator[Problem]:
    """Files that an lstchain config names where no job would find them."""
    for (where, path), _ in _named(plan, plan.steps):
        if not os.path.isabs(path):
            what = f"{shown(path)} is relative, and jobs run in directories of their own"
            yield Problem(where, what, "write it in full")


def _named(
    plan: Plan, steps: Sequence[PlannedStep]
) -> Iterable[tuple[tuple[str, str], PlannedStep]]:
    """Files that lstchain configs name: where, and the path, once, with a step that reads it."""
    found: dict[tuple[str, str], PlannedStep] = {}
    for node in steps:
        for config, key, path in plan.named_files(node):
            found.setdefault((f"{config.path}, key {shown(key)}", path), node)
    return found.items()


def tool_config_problems(plan: Plan, steps: Sequence[PlannedStep]) -> Iterator[Problem]:
    """Configs of tools that these steps read and that are not known; absent ones were told."""
    if unknown := sorted(tools_needed(steps) - plan.config.tool_configs.keys()):
        path, kind = plan.config.path, plan.config.workflow_kind
        yield Problem(str(path), *missing_tool_config(unknown, path, kind))


def sound(plan: Plan) -> list[PlannedStep]:
    """Steps to make that have no such problem themselves and are in or behind no cycle."""
    unsound = {index for problem in plan.graph.problems for index in problem.nodes}
    return [
        node
        for node in plan.to_do()
        if plan.states[node.index] is State.MISSING
        and node.index not in unsound
        and not plan.problems(node)
    ]


def _both_sides(plan: Plan, node: PlannedStep) -> Iterator[Problem]:
    """A pattern that joins again what a split has divided."""
    for reading in node.readings:
        if reading.pattern is None:
            continue
        for producer in plan.producers(node):
            if len(producer.makes) < 2 or not producer.makes[0].directory:
                continue
            if sum(_within(made.path, reading) for made in producer.makes) > 1:
                what = f"{reading.pattern!r} joins what {producer} has split"
                yield Problem(node.step.where("input"), what, "read one of its outputs only")


def _within(directory: str, reading: Reading) -> bool:
    """Can files of this directory match?"""
    head = os.path.dirname(reading.pattern or "")
    return matches(Read(reading.path, head), directory) if head else directory == reading.path


def notices(plan: Plan, whole: bool = True) -> Iterator[str]:
    """What the user should know though nothing is wrong; `whole` as for `file_problems`."""
    yield from plan.config.notices
    if plan.config.backend != "local" and shutil.which("sbatch"):
        yield from wishes.unused(os.environ)
    for config in plan.configs.values():
        yield from config.remarks()
    for left in plan.graph.notices if whole else ():
        node = plan.steps[left.node]
        yield f"{node}: {left.path} matches its pattern and is left out"
    told = Counter((n.step.stage, said) for n in plan.steps for said in n.stage.remarks(n.step))
    for (stage, said), count in told.items():
        yield f"{stage}, {count} step(s): {said}"


def whole(problems: Iterable[Problem]) -> bool:
    """Is every step known, so that what they read of each other can be told?"""
    return not any(problem.loses for problem in problems)


def file_problems(
    plan: Plan, steps: Sequence[PlannedStep], whole: bool = True
) -> Iterator[Problem]:
    """What keeps these steps, which are to run, from running on this file system.

    Parameters
    ----------
    whole
        Whether every step is known; if not, one of those that are not may make what is missing.
    """
    if not whole:
        yield from tool_config_problems(plan, steps)
        return
    chosen = {node.index for node in steps}
    seen: set[str] = set()
    for node in steps:
        yield from _inputs(plan, node, chosen)
        yield from _same_name(plan, node)
        root = nearest_existing(node.places.anchor)
        if root not in seen:
            seen.add(root)
            if not os.path.isdir(root) or not os.access(root, os.W_OK):
                what = f"nothing can be written below {root}"
                mend = "run as a user who may write there, or choose another output"
                yield Problem(node.step.where("output"), what, mend)
    for (where, path), node in _named(plan, steps):
        if os.path.isabs(path) and not os.path.isfile(path):
            what = f"{shown(path)}, which {node} reads, is not there"
            yield Problem(where, what, "correct the path")
    yield from tool_config_problems(plan, steps)


def _inputs(plan: Plan, node: PlannedStep, chosen: set[int]) -> Iterator[Problem]:
    for damage in plan.outside.damage(node):
        yield Problem(node.step.where("input"), damage, MEND_OUTSIDE)
    external = plan.external(node)
    for path in plan.bare(node):
        patterns = " or ".join(r.pattern or "" for r in node.readings if r.path == path)
        if all(reading not in external for reading in node.readings if reading.path == path):
            yield from _no_share(plan, node, path, patterns)
            continue
        if os.path.isdir(path):
            what = f"{path} holds no {patterns}"
        else:
            what = f"{path} {'is no directory' if os.path.exists(path) else 'does not exist'}"
        mend = "correct the path, or take the step out"
        yield Problem(node.step.where(key_of(node, path)), what, mend)
    for number, reading in enumerate(node.readings):
        if reading.pattern is not None:
            continue
        if reading in external:
            if not plan.listing.exists(reading.path):
                what = f"{reading.path} does not exist, and no step that runs makes it"
                mend = "correct the path, or let its stage run, too"
                yield Problem(node.step.where(key_of(node, reading.path)), what, mend)
            elif os.path.isdir(reading.path):
                what = f"{reading.path} is a directory, and a file is read"
                yield Problem(node.step.where(key_of(node, reading.path)), what, "name one file")
        elif not plan.files(node, number):
            what = f"{reading.path} is not among what {plan.producers(node)[0]} makes"
            yield Problem(node.step.where(key_of(node, reading.path)), what, "correct the path")


def _no_share(plan: Plan, node: PlannedStep, path: str, patterns: str) -> Iterator[Problem]:
    """A directory that gets none of the files that steps make, such as one side of a split."""
    makers = plan.producers(node)
    count = [len(plan.finals(maker)) for maker in makers]
    if all(count):  # else what is missing is told of the maker
        what = f"no file for {path}: none of the {sum(count)} file(s) of {makers[0]} "
        what += f"matches {patterns}"
        yield Problem(node.step.where(key_of(node, path)), what, TOO_FEW)


def _same_name(plan: Plan, node: PlannedStep) -> Iterator[Problem]:
    """Input files, such as x.simtel.gz and x.simtel.zst, that would become one product."""
    finals = plan.finals(node)
    if len(plan.final_set(node)) < len(finals):
        twice = next(file for file, count in Counter(finals).items() if count > 1)
        what = f"several of its input files would become {twice}"
        yield Problem(node.step.where("input"), what, "move all but one of them away")


def key_of(node: PlannedStep, path: str) -> str:
    """The key of a step that names a path it reads."""
    named = {**node.step.extra, "path_model": node.step.path_model}
    return next((key for key, value in named.items() if value == path), "input")
