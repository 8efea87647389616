"""What a site tells of itself."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import pytest

from lstluigi.errors import LstluigiError
from lstluigi.jobs.slurm.commands import Answer, Run
from lstluigi.jobs.slurm.site import parse_partitions, probe
from lstluigi.jobspec import Partition

CONFIG = """\
Configuration data as of 2026-11-25T04:00:00
AccountingStorageType   = accounting_storage/slurmdbd
DefMemPerCPU            = 100
MaxArraySize            = 1001
MaxJobCount             = 10000
SlurmctldHost[0]        = here(127.0.0.1)
Slurmctld(primary) at here is UP
"""
SINFO = """\
short|4:00:00|1:00:00|8000|8|2
long|2-00:00:00|n/a|64000+|16+|1
long|2-00:00:00|n/a|32000|32|3
free|infinite|30:00|(null)||x
cut|1:00
"""
GOOD = {
    "scontrol": Answer(0, CONFIG, ""),
    "sinfo": Answer(0, SINFO, ""),
    "sacct": Answer(0, "", ""),
    "sacctmgr": Answer(0, "\n500\n\n200\n", ""),
}


def ask(answers: Mapping[str, Answer], asked: list[str] | None = None) -> Run:
    def run(argv: Sequence[str], text: str = "") -> Answer:
        if asked is not None:
            asked.append(argv[0])
        return answers[argv[0]]

    return run


def test_a_site_that_tells_all() -> None:
    site = probe(ask(GOOD))
    assert site.largest_array == 1001  # indices 0 to 1000
    assert site.memory_mb == 100
    assert site.accounting
    assert site.max_jobs == 200
    assert site.partitions["short"] == Partition("short", 4 * 3600, 8000, 8)
    assert site.default_time_s == {"short": 3600, "free": 1800}
    assert site.user


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999_999)
    assert probe(ask(GOOD)).user == "3999999999"


def test_each_is_asked_once() -> None:
    asked: list[str] = []
    probe(ask(GOOD, asked))
    assert sorted(asked) == ["sacct", "sacctmgr", "scontrol", "sinfo"]


def test_partitions_of_different_nodes() -> None:
    partitions, times, nodes = parse_partitions(SINFO)
    assert partitions["long"] == Partition("long", 48 * 3600, 64_000, 32)
    assert partitions["free"] == Partition("free")
    assert partitions.keys() == {"short", "long", "free"}
    assert "long" not in times
    assert nodes == {"short": 2, "long": 4}


def test_what_cannot_be_learnt_is_left_open() -> None:
    refused = Answer(1, "", "error: Access/permission denied")
    site = probe(ask(dict.fromkeys(GOOD, refused)))
    assert site.partitions == {}
    assert site.max_jobs is None
    assert site.memory_mb is None
    assert site.largest_array == 1000


def test_no_answer_is_a_sentence() -> None:
    down = Answer(1, "", "slurm_load_ctl_conf error: Unable to contact slurm controller")
    with pytest.raises(LstluigiError, match=r"Slurm does not answer now.*try again"):
        probe(ask(dict.fromkeys(GOOD, down)))


@pytest.mark.parametrize(
    ("sacct", "expected"),
    [
        (Answer(0, "", "Slurm accounting storage is disabled"), False),
        (Answer(127, "", "sacct cannot be run (No such file or directory)"), False),
        (Answer(1, "", "Problem talking to the database"), True),  # it may be up again later
    ],
)
def test_accounting(sacct: Answer, expected: bool) -> None:
    assert probe(ask({**GOOD, "sacct": sacct})).accounting is expected


def test_without_a_database_limits_are_those_of_the_controller() -> None:
    asked: list[str] = []
    text = CONFIG.replace("accounting_storage/slurmdbd", "(null)")
    assert probe(ask({**GOOD, "scontrol": Answer(0, text, "")}, asked)).max_jobs == 9999
    assert "sacctmgr" not in asked


def test_limits_that_may_not_be_asked_for() -> None:
    refused = Answer(1, "500", "sacctmgr: error: access denied")
    assert probe(ask({**GOOD, "sacctmgr": refused})).max_jobs == 9999


def test_no_slurm_is_a_sentence() -> None:
    nothing = Answer(127, "", "scontrol cannot be run (No such file or directory)")
    with pytest.raises(LstluigiError, match=r"no Slurm on this machine.*--backend local"):
        probe(ask(dict.fromkeys(GOOD, nothing)))
