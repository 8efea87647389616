"""The run as a job of its own, with a Slurm whose answers are set by the test."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lstluigi.errors import LstluigiError
from lstluigi.jobs.backend import NotNow
from lstluigi.jobs.slurm import controller
from lstluigi.jobs.slurm.commands import Answer
from lstluigi.jobs.slurm.site import Site
from lstluigi.jobspec import Partition, Resources, SlurmSettings
from lstluigi.production.places import directory_of, run_log

DAY = 86400
COMMAND = ["python", "-m", "lstluigi.cli", "run", "/it's here.yml"]


class Slurm:
    """Answers by command; remembers what was asked."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.asked: list[tuple[list[str], str]] = []

    def __call__(self, argv: Sequence[str], text: str = "") -> Answer:
        self.asked.append((list(argv), text))
        return self.answers[argv[0]]


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LSTLUIGI_PROD_LOGS", str(tmp_path))
    return tmp_path / "logs_prod"


def asked_for(
    wishes: dict[str, str] | None = None, limit: int | None = DAY, **settings: Any
) -> Resources:
    """What the job asks for at a site with two partitions."""
    site = Site(partitions={name: Partition(name, limit) for name in ("long", "batch")})
    return controller.resources(SlurmSettings(**settings), site, wishes or {})


def test_it_is_small_and_as_long_as_its_partition_allows() -> None:
    asked = asked_for()
    assert (asked.cpus, asked.memory_mb, asked.time_s) == (1, 2000, DAY)
    assert dict(asked.options)["partition"] == "long"


@pytest.mark.parametrize("limit", [None, 30 * DAY])
def test_a_week_is_enough(limit: int | None) -> None:
    assert asked_for(limit=limit).time_s == 7 * DAY


def test_wishes_and_the_site_count() -> None:
    mapped = {"partitions": {"long": Partition("batch")}, "stages": {"controller": {"mem": "4G"}}}
    asked = asked_for({"time": "30"}, **mapped)
    assert (asked.memory_mb, asked.time_s) == (4096, 1800)
    assert dict(asked.options)["partition"] == "batch"
    with pytest.raises(LstluigiError, match="more than partition long allows"):
        asked_for({"time": "2-0"})


def test_it_is_not_as_large_as_the_jobs_of_the_site() -> None:
    """Its size is its own; where jobs go, and who pays, is the same for all."""
    large = {"mem": "64G", "cpus-per-task": "16", "time": "30:00", "exclusive": ""}
    options = {**large, "partition": "batch", "constraint": "avx2"}
    asked = asked_for(options=options, account="dpps")
    assert (asked.cpus, asked.memory_mb, asked.time_s) == (1, 2000, DAY)
    kept = {"partition": "batch", "constraint": "avx2", "account": "dpps"}
    assert {**dict(asked.options), "time": ""} == {**kept, "time": ""}
    own = {"controller": {"time": "2:00:00"}, "merge_dl1": {"time": "3:00:00"}}
    assert asked_for(options=options, stages=own).time_s == 7200
    assert asked_for({"time": "1:00:00"}, options=options, stages=own).time_s == 3600
    assert asked_for(options={**large, "mem-per-cpu": "9G"}).memory_mb == 2000


def test_what_is_submitted(logs: Path) -> None:
    slurm = Slurm(sbatch=Answer(0, "17\n", ""))
    job = controller.submit("prod", COMMAND, Resources(1, 2000), run_log("prod"), run=slurm)
    assert job == "17"
    ((argv, script),) = slurm.asked
    assert {"--job-name=lstluigi_prod", "--signal=B:TERM@300", "--requeue", "--mem=2000M"} <= set(
        argv
    )
    assert f"--output={logs}/run_prod.log" in argv
    assert script.splitlines()[1:] == [
        f"cd -- {os.getcwd()} || exit",
        "exec python -m lstluigi.cli run '/it'\"'\"'s here.yml'",
    ]
    assert json.loads((logs / "controller.json").read_text())["job"] == "17"
    assert controller.recorded(directory_of("prod")) == "17"


def test_what_would_make_things_again_is_not_started_again() -> None:
    slurm = Slurm(sbatch=Answer(0, "17\n", ""))
    controller.submit("prod", COMMAND, Resources(), run_log("prod"), requeue=False, run=slurm)
    assert "--no-requeue" in slurm.asked[0][0]


def test_a_submission_without_an_answer_is_looked_for() -> None:
    silent = Answer(1, "", "sbatch: error: Batch job submission failed: Socket timed out")
    there = Answer(0, "18|N/A|PENDING|Priority||lstluigi_prod\n", "")
    assert (
        controller.submit(
            "prod", COMMAND, Resources(), run_log("prod"), run=Slurm(sbatch=silent, squeue=there)
        )
        == "18"
    )
    with pytest.raises(LstluigiError, match=r"has not taken the run as a job: .*timed out"):
        controller.submit(
            "prod",
            COMMAND,
            Resources(),
            run_log("prod"),
            run=Slurm(sbatch=silent, squeue=Answer(0, "", "")),
        )


def test_only_this_production_s_is_found() -> None:
    listed = (
        "1|N/A|RUNNING|None|n1|lstluigi_prod\n"
        "2|N/A|RUNNING|None|n1|lstluigi_prod_2\n"
        "3|N/A|COMPLETED|None|n1|lstluigi_prod\n"
        "4|N/A|COMPLETING|None|n1|lstluigi_prod\n"
    )
    found = controller.in_queue("prod", Slurm(squeue=Answer(0, listed, "")))
    assert found == {"1": "running", "4": "completing"}


def test_a_user_without_a_name_has_a_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999_999)
    slurm = Slurm(squeue=Answer(0, "", ""))
    assert controller.in_queue("prod", slurm) == {}
    assert "--user=3999999999" in slurm.asked[0][0]


def test_no_answer_is_not_taken_for_an_empty_queue() -> None:
    with pytest.raises(NotNow):
        controller.in_queue("prod", Slurm(squeue=Answer(1, "", "Socket timed out")))


def test_names_are_words_and_each_production_s_own() -> None:
    names = {controller.job_name(prod_id) for prod_id in ("a b", "a,b", "a_b", "a$(b)")}
    assert len(names) == 4
    assert all(not set(name) & set(" ,$()") for name in names)
