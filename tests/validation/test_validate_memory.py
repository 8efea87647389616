"""Memory without a unit."""

from __future__ import annotations

from typing import Any

import pytest
from right_production import Production


def ask(production: Production, place: str, options: dict[str, Any]) -> None:
    match place:
        case "step":
            production.stages["train_pipe"][0]["extra_slurm_options"] = options
        case "line":
            line = " ".join(f"--{name}={value}" for name, value in options.items())
            production.stages["train_pipe"][0]["slurm_options"] = line
        case "stage":
            production.production["slurm_config"] = {"stages": {"train_pipe": options}}
        case "options":
            production.production["slurm_config"] = {"options": options}


PLACES = {
    "step": "stage train_pipe, step 1, key 'extra_slurm_options'",
    "line": "stage train_pipe, step 1, key 'slurm_options'",
    "stage": "slurm_config or its site profile, key 'stages.train_pipe'",
    "options": "slurm_config or its site profile, key 'options'",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["mem", "mem-per-cpu"])
def test_megabytes_that_are_meant_as_gigabytes(
    production: Production, place: str, name: str
) -> None:
    ask(production, place, {name: 80})
    errors, (warning,) = production.told()
    assert not errors
    assert PLACES[place] in warning
    assert f"{name} is 80 without a unit, which is 80 MB to Slurm" in warning
    assert "write 80G, if" in warning


@pytest.mark.parametrize("given", ["80G", "6000", "0", "512M"])
def test_memory_that_is_meant_so(production: Production, given: str) -> None:
    ask(production, "step", {"mem": given})
    assert production.told() == ([], [])


@pytest.mark.parametrize("place", PLACES)
def test_memory_for_each_of_several_cores(production: Production, place: str) -> None:
    """What a job has is that of all its cores: 7.2 GB, and 800 MB."""
    ask(production, place, {"mem-per-cpu": 900, "cpus-per-task": 8})
    assert production.told() == ([], [])
    ask(production, place, {"mem-per-cpu": 100, "cpus-per-task": 8})
    errors, (warning,) = production.told()
    assert not errors
    assert "mem-per-cpu is 100 without a unit, which is 100 MB to Slurm" in warning


def test_cores_and_memory_may_be_asked_for_in_two_places(production: Production) -> None:
    production.production["slurm_config"] = {"options": {"cpus-per-task": 8}}
    ask(production, "step", {"mem-per-cpu": 900})
    assert production.told() == ([], [])


def test_the_step_s_own_memory_counts(production: Production) -> None:
    ask(production, "stage", {"mem": 80})
    ask(production, "step", {"mem": "80G"})
    assert production.told() == ([], [])


def test_the_memory_of_the_controller(production: Production) -> None:
    production.production["slurm_config"] = {"stages": {"controller": {"mem": 4}}}
    errors, (warning,) = production.told()
    assert not errors
    assert "key 'stages.controller'" in warning
