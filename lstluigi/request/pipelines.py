"""Config classes, asked and read back: what they generate is looked at before anyone sees it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lstluigi.config import load_config
from lstluigi.errors import ConfigError, LstluigiError, shown
from lstluigi.files import write_text
from lstluigi.layouts import registry
from lstluigi.layouts.base import ROOT, PathConfig, checked_name
from lstluigi.production.plan import Plan
from lstluigi.request.source import guess_layout
from lstluigi.stages import SHAPES, STAGES
from lstluigi.validation.preflight import config_problems

__all__ = ["create", "read_back", "sentences", "step_counts"]


@contextmanager
def sentences(name: str) -> Iterator[None]:
    """Tell what a config class raises in a sentence, whatever it is: it may be the user's own.

    Raises
    ------
    LstluigiError
        It raised.
    """
    try:
        yield
    except LstluigiError:
        raise
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {shown(str(error))[1:-1]}"
        raise LstluigiError(f"{name} cannot make its config ({reason}); mend the class") from error


def create(
    name: str,
    given: Mapping[str, Any],
    typed: Callable[[str], str] = str,
    tell: Callable[[str], None] | None = None,
) -> PathConfig:
    """Make a config of a class.

    Parameters
    ----------
    name : str
        Name of the class, as `registry.find` takes it.
    given : mapping
        Its arguments by name. A class of one line takes the one of `dec_list`; the layout of a
        source production is found out unless `source_layout` is given.
    typed : callable
        Says how the user gives an argument.
    tell : callable, optional
        Takes what is to be said and is no notice of the config, since it is as ever.
    """
    kind = registry.find(name)
    with sentences(kind.__name__):
        known = registry.arguments(kind)
        given = _of_one_line(kind, given) if "dec" in known and "dec_list" not in known else given
        source = given.get("source_prod_id")
        if source is None or "source_layout" not in known or "source_layout" in given:
            return registry.create(kind, given, typed)
        guess = guess_layout(checked_name(source, "source_prod_id"), given.get("root", ROOT))
        layout = {"source_layout": guess.layout} if guess else {}
        config = registry.create(kind, {**given, **layout}, typed)
        if guess and guess.layout != config.layout.name:
            config.dl0.note(guess.sentence(source))
        elif guess and tell:
            tell(guess.sentence(source))
        return config


def _of_one_line(kind: type[PathConfig], given: Mapping[str, Any]) -> dict[str, Any]:
    """Take the one declination of a list.

    Raises
    ------
    LstluigiError
        There are several, or one is given otherwise, too.
    """
    others = {key: value for key, value in given.items() if key != "dec_list"}
    lines = given.get("dec_list")
    if lines is None:
        return others
    if "dec" in given:
        raise LstluigiError("the declination is given twice, as dec and in dec_list; give it once")
    if len(lines) != 1:
        raise LstluigiError(
            f"{kind.__name__} is of one declination and {len(lines)} are given; name one, or take "
            "a class of several, such as PathConfigAllSkyFull"
        )
    return {**others, "dec": lines[0]}


def read_back(config: PathConfig, text: str, site: Path | None = None) -> Plan:
    """Read the text of a generated config as a run would, and look at its graph.

    Raises
    ------
    LstluigiError
        It is no sound production, which is its class's fault.
    """
    name = type(config).__name__
    with tempfile.TemporaryDirectory(prefix="lstluigi-") as directory:
        # where a run names the file, what is wrong is told with the class
        path = Path(directory, name)
        write_text(str(path), text)
        try:
            # which lstchain config it needs is said by its graph: it is not there yet
            plan = Plan(load_config(path, SHAPES, {"lstchain": path}, site), STAGES, {})
            problems = list(config_problems(plan))
        except ConfigError as error:
            problems = list(error.problems)
    if problems:
        told = "\n".join(str(problem).replace(f"{directory}/", "") for problem in problems[:10])
        more = f"\n... and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise LstluigiError(
            f"what {name} generates is no config that can run; mend the class:\n{told}{more}"
        )
    return plan


def step_counts(plan: Plan) -> Mapping[str, int]:
    """Count the steps of each stage, in the order of the config."""
    counts = dict.fromkeys(plan.config.stages_to_run, 0)
    for node in plan.steps:
        counts[node.step.stage] += 1
    return counts
