"""The files of a request, as texts: nothing is written here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from lstluigi.config import values
from lstluigi.config.model import Unfit
from lstluigi.errors import LstluigiError
from lstluigi.layouts.base import ENVIRONMENT, PathConfig
from lstluigi.production.plan import Plan
from lstluigi.request import settings
from lstluigi.request.environments import CURRENT, NONE, standard
from lstluigi.request.known import source_notices
from lstluigi.request.partial import Partial, read_base, read_partial
from lstluigi.request.pipelines import read_back, sentences, step_counts
from lstluigi.validation.lstchain_catalogue import for_monte_carlo

__all__ = ["Draft", "Start", "draft", "start"]

#: Releases have an environment of their name on the cluster; other versions have none.
_RELEASE = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True)
class Start:
    """What the lstchain configs of a request start from.

    Parameters
    ----------
    content : dict
        A whole lstchain config.
    partials : sequence of dict
        What is put on top of it, one after the other.
    words : str
        Where it comes from.
    version : str, optional
        The version of lstchain that wrote it, where one was asked.
    notices : tuple of str
        What is to be known of it.
    own_environment : bool
        Whether jobs are to use the Python that runs lstluigi: configs then name no environment.
    account : str, optional
        The account that jobs are charged to. Without it that of La Palma, unless a site profile
        is named or the environment is lstluigi's own, which are elsewhere.
    site : Path, optional
        The site profile that configs name.
    """

    content: Mapping[str, Any]
    partials: Sequence[Mapping[str, Any]]
    words: str
    version: str | None = None
    notices: tuple[str, ...] = ()
    own_environment: bool = False
    account: str | None = None
    site: Path | None = None


def start(
    environment: str = CURRENT,
    base: Path | None = None,
    partials: Sequence[Path] = (),
    account: str | None = None,
    site: Path | None = None,
) -> Start:
    """Ask lstchain for its config, or read the one to start from, and read the partial ones.

    Raises
    ------
    LstluigiError
        There is no lstchain, or a file cannot be read or has what lstchain does not know.
    """
    if account is not None:
        try:
            values.word(account)
        except Unfit as unfit:
            raise LstluigiError(f"--account: {unfit.what}; {unfit.mend}") from None
    version: str | None = None
    if base is not None:
        whole, words = read_base(base), f"that of {base.name}"
    else:
        found = standard(environment)
        whole, version = Partial(found.content), found.version
        words = f"that of lstchain {version} for Monte Carlo"
    read = [read_partial(path, whole.content) for path in partials]
    notices = tuple(notice for one in (whole, *read) for notice in one.notices)
    own = environment == NONE
    contents = [one.content for one in read]
    return Start(whole.content, contents, words, version, notices, own, account, site)


@dataclass(frozen=True)
class Draft:
    """A production config and its lstchain config, looked at and not yet written.

    Parameters
    ----------
    config, lstchain : str
        The texts of both files.
    steps : mapping of str to int
        Number of steps by stage.
    changes : tuple of str
        What has been changed in the lstchain config.
    notices : tuple of str
        What is to be known of nodes and tuning.
    """

    config: str
    lstchain: str
    steps: Mapping[str, int]
    changes: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def draft(
    config: PathConfig, begun: Start, lstchain_name: str, home: Path, nsb: float | None = None
) -> Draft:
    """Generate the config of a class, and the lstchain config that it needs.

    Parameters
    ----------
    config : PathConfig
        The class with its arguments.
    begun : Start
        What the lstchain config starts from.
    lstchain_name : str
        Path of the lstchain config as the production config is to name it.
    home : Path
        Directory of the production config.
    nsb : float, optional
        Noise to add to waveforms, in GHz.

    Raises
    ------
    LstluigiError
        There are no nodes, the class makes no sound config, or lstchain cannot do what is asked.
    """
    with sentences(type(config).__name__):
        config.generate()
        text = config.text(_content(config, begun, lstchain_name, home))
    plan = read_back(config, text, begun.site)
    made = _lstchain(config, begun, nsb)
    return Draft(
        text,
        settings.text(made),
        step_counts(plan),
        tuple(settings.changes(begun.content, made)),
        (
            *config.notices,
            *source_notices(config, made),
            *_models_notices(config),
            *begun.notices,
            *_tuning_notices(made, plan),
        ),
    )


def _content(config: PathConfig, begun: Start, lstchain_name: str, home: Path) -> dict[str, Any]:
    """Name the lstchain config, the environment of its lstchain, site and account in the config."""
    content: dict[str, Any] = {}
    for key, value in config.content().items():
        content[key] = value
        if key == "prod_id":
            content["lstchain_config"] = lstchain_name
    slurm = content["slurm_config"] = dict(content.get("slurm_config", {}))
    if begun.own_environment or begun.site is not None:
        slurm.pop("user_account", None)
    if begun.account is not None:
        slurm["user_account"] = begun.account
    if begun.site is not None:
        slurm["site"] = os.path.relpath(begun.site, home)
    if not slurm:
        del content["slurm_config"]
    if begun.own_environment:
        del content["source_environment"]
    elif begun.version is not None and _RELEASE.fullmatch(begun.version):
        content["source_environment"] = ENVIRONMENT | {"conda_env": f"lstchain-v{begun.version}"}
    return content


def _lstchain(config: PathConfig, begun: Start, nsb: float | None) -> dict[str, Any]:
    on_top = (*begun.partials, config.lstchain)
    made = for_monte_carlo(reduce(settings.merged, on_top, dict(begun.content)))
    if config.one_pointing:
        made = settings.for_one_pointing(made)
    return made if nsb is None else settings.with_nsb(made, nsb)


def _models_notices(config: PathConfig) -> list[str]:
    """Tell models that are read, that no step of the production makes and that are not there."""
    steps = [step for stage in config.paths.values() for step in stage]
    made = {step["output"] for step in config.paths.get("train_pipe", [])}
    read = dict.fromkeys(step["path_model"] for step in steps if "path_model" in step)
    return [
        f"No step of this production makes the models {model}, which dl1_to_dl2 reads, and they "
        "are not there: train them first, with the same prod_id."
        for model in read
        if model not in made and not os.path.isdir(model)
    ]


def _tuning_notices(made: Mapping[str, Any], plan: Plan) -> list[str]:
    """Tell tunings that have no effect on this production."""
    stages = plan.config.stages_to_run
    waveforms = settings.is_on(made, "waveform_nsb_tuning", "nsb_tuning")
    images = settings.is_on(made, "image_modifier", "increase_nsb", "increase_psf")
    told = []
    if waveforms and "r0_to_dl1" not in stages:
        told.append("waveform_nsb_tuning has no effect: it acts in r0_to_dl1, which is not run.")
    if images and "dl1ab" not in stages:
        told.append("image_modifier has no effect: it acts in dl1ab, which is not run.")
    return told
