"""Real Slurm clusters for tests; skipped with the reason where there is no Slurm."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from slurm_lab import SlurmLab, reason_absent, reason_no_cgroup


@pytest.fixture(scope="session")
def slurm_here() -> None:
    """Skip where Slurm is not installed."""
    if reason := reason_absent():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_slurm(slurm_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmLab]:
    """The cluster that `slurm` hands out."""
    with SlurmLab(tmp_path_factory.mktemp("slurm")) as lab:
        yield lab


@pytest.fixture
def slurm(shared_slurm: SlurmLab, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmLab]:
    """A cluster with accounting, shared by all tests, idle; this process speaks to it."""
    for name, value in shared_slurm.environment.items():
        monkeypatch.setenv(name, value)
    yield shared_slurm
    shared_slurm.reset()


@pytest.fixture
def bare_slurm(
    slurm_here: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., SlurmLab]]:
    """Give a cluster of one's own: `bare_slurm(accounting=True, ...)`, as `SlurmLab`.

    Without accounting unless asked for. This process speaks to the last one made.
    """
    with contextlib.ExitStack() as stack:

        def make(accounting: bool = False, cgroup: bool = False, **settings: Any) -> SlurmLab:
            if cgroup and (reason := reason_no_cgroup()):
                pytest.skip(reason)
            directory = tmp_path / f"slurm{len(list(tmp_path.glob('slurm*')))}"
            lab = SlurmLab(directory, accounting=accounting, cgroup=cgroup, **settings)
            stack.enter_context(lab)
            for name, value in lab.environment.items():
                monkeypatch.setenv(name, value)
            return lab

        yield make
