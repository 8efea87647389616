"""What jobs ask of a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from lstluigi.errors import LstluigiError, Refused
from lstluigi.jobs.slurm.commands import sbatch_options
from lstluigi.jobs.slurm.requests import USUAL_MEMORY_MB, Requests
from lstluigi.jobs.slurm.site import Site
from lstluigi.jobs.states import Cause
from lstluigi.jobspec import Partition, Resources, SlurmSettings

HOUR = 3600
SITE = Site(
    partitions={
        "short": Partition("short", 4 * HOUR, 16_000, 8),
        "long": Partition("long", 48 * HOUR, 64_000, 16),
        "free": Partition("free"),
    },
    default_time_s={"short": HOUR},
    nodes={"short": 4, "long": 1},
    memory_mb=1000,
)


def requests(site: Site = SITE, **settings: Any) -> Requests:
    return Requests(SlurmSettings(**settings), site)


def on(partition: str, memory: int | None = None, cpus: int = 1, **options: str) -> Resources:
    return Resources(cpus, memory, tuple(sorted({"partition": partition, **options}.items())))


def options(resources: Resources) -> dict[str, str]:
    return dict(resources.options)


def test_each_layer_beats_the_one_below() -> None:
    usual = Resources(1, 1000, tuple((k, "usual") for k in "abcd"))
    asker = requests(
        options={"b": "options", "c": "options", "d": "options", "mem": "2000"},
        stages={
            "merge": {"c": "stage", "d": "stage", "mem": "3000"},
            "other": {"a": "other", "mem": "9000"},
        },
    )
    asked = asker.asked("merge", usual, {"d": "step"})
    assert options(asked) == {"a": "usual", "b": "options", "c": "stage", "d": "step"}
    assert asked.memory_mb == 3000
    assert asker.asked("merge", usual, {"mem": "4G", "cpus-per-task": "3"}) == Resources(
        3, 4096, asker.asked("merge", usual, {"d": "stage"}).options
    )


def test_account_and_qos() -> None:
    asker = requests(account="aswg", qos="low")
    assert options(asker.asked("k", Resources(), {})) == {"account": "aswg", "qos": "low"}
    assert options(asker.asked("k", Resources(), {"account": "dpps"}))["account"] == "dpps"
    assert options(requests().asked("k", Resources(), {})) == {}


def test_partitions_are_translated() -> None:
    asker = requests(partitions={"xxl": Partition("long"), "big": Partition("long")})
    assert options(asker.asked("k", on("xxl"), {}))["partition"] == "long"
    assert options(asker.asked("k", on("short,xxl"), {}))["partition"] == "short,long"
    assert options(asker.asked("k", on("big,xxl"), {}))["partition"] == "long"


def test_a_partition_that_is_not_there() -> None:
    with pytest.raises(LstluigiError, match=r"'xl'.*free, long, short"):
        requests().asked("k", on("xl"), {})
    assert requests(Site()).asked("k", on("xl"), {}) == on("xl")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"time": "4:00:01"}, "time 4:00:01 .*short allows .4 hours"),
        ({"mem": "16001"}, r"memory 16001 MB .*short has \(16000 MB\); ask for less"),
        ({"cpus-per-task": "9"}, r"cpus-per-task 9 .*short has \(8\); ask for less"),
        ({"mem-per-cpu": "8G", "cpus-per-task": "2"}, "memory 16384 MB"),
        ({"time": "5:0:0", "mem": "17G", "cpus-per-task": "9"}, "time .*; memory .*; cpus-per-t"),
    ],
)
def test_more_than_there_is(asked: dict[str, str], words: str) -> None:
    with pytest.raises(LstluigiError, match=words):
        requests().asked("k", on("short"), asked)
    requests().asked("k", on("free"), asked)


def test_all_that_there_is() -> None:
    most = {"time": "4:00:00", "mem": "16000", "cpus-per-task": "8"}
    asked = requests().asked("k", on("short"), most)
    assert (asked.cpus, asked.memory_mb, asked.time_s) == (8, 16_000, 4 * HOUR)


def test_unlimited_is_as_long_as_may_be() -> None:
    asked = requests().asked("k", on("short"), {"time": "UNLIMITED"})
    assert asked.time_s == 4 * HOUR
    assert requests().asked("k", on("free"), {"time": "UNLIMITED"}).time_s == float("inf")


def test_the_smallest_limit_of_several_partitions() -> None:
    limits = requests().limits(on("long,short,free"))
    assert (limits.time_s, limits.memory_mb, limits.cpus) == (4 * HOUR, 16_000, 8)
    free = requests().limits(on("free"))
    assert (free.time_s, free.memory_mb, free.cpus) == (None, None, None)


def test_the_profile_may_limit_further() -> None:
    given = {"s": Partition("short", time_s=HOUR), "l": Partition("long", time_s=99 * HOUR)}
    assert requests(partitions=given).limits(on("short")).time_s == HOUR
    assert requests(partitions=given).limits(on("long")).time_s == 48 * HOUR


def sent(asked: Resources | None) -> dict[str, str]:
    assert asked is not None
    return {k: v for k, v in sbatch_options(asked).items() if k.startswith("mem")}


def test_memory_for_each_core_is_sent_so_and_compared_as_a_whole() -> None:
    usual = on("long", 32_000)
    asked = requests().asked("k", usual, {"mem-per-cpu": "2000", "cpus-per-task": "4"})
    assert (asked.memory_mb, sent(asked)) == (8000, {"mem-per-cpu": "2000M"})
    assert sent(requests().again(asked, Cause.MEMORY, "")) == {"mem-per-cpu": "3000M"}
    with pytest.raises(Refused):
        requests().asked("k", usual, {"mem-per-cpu": "500G", "cpus-per-task": "4"})


def test_a_site_that_wants_memory_for_each_core_gets_it_so() -> None:
    """Whoever says how much it is: a site that refuses --mem can be used."""
    site = requests(options={"mem-per-cpu": "2000"})
    usual = on("long", 32_000, 2)
    assert sent(site.asked("k", usual, {})) == {"mem-per-cpu": "2000M"}
    assert sent(site.asked("k", usual, {"mem": "5000"})) == {"mem-per-cpu": "2500M"}
    assert sent(site.asked("k", usual, {"cpus-per-task": "4"})) == {"mem-per-cpu": "2000M"}
    staged = requests(options={"mem-per-cpu": "2000"}, stages={"k": {"mem": "6000"}})
    assert sent(staged.asked("k", usual, {"cpus-per-task": "3"})) == {"mem-per-cpu": "2000M"}


def test_one_word_on_memory_is_sent() -> None:
    usual = on("long", 32_000)
    assert sent(requests().asked("k", usual, {"mem-per-gpu": "9G"})) == {"mem-per-gpu": "9G"}
    site = requests(options={"mem-per-gpu": "9G"})
    assert sent(site.asked("k", usual, {"mem": "5000"})) == {"mem": "5000M"}
    assert sent(site.asked("k", usual, {"mem-per-cpu": "500"})) == {"mem-per-cpu": "500M"}


def test_who_pays_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for sbatch: what is given otherwise counts for more."""
    monkeypatch.setenv("SBATCH_ACCOUNT", "mine")
    monkeypatch.setenv("SBATCH_PARTITION", "nowhere")
    options = dict(requests().asked("k", on("long"), {}).options)
    assert options == {"account": "mine", "partition": "long"}
    assert dict(requests(account="lst").asked("k", on("long"), {}).options)["account"] == "lst"


def test_memory_grows_to_the_limit() -> None:
    asker, asked, had = requests(), on("short", 8000), []
    while (more := asker.again(asked, Cause.MEMORY, "n1")) is not None:
        asked = more
        had.append(asked.memory_mb)
    assert had == [12_000, 16_000]
    assert requests().again(on("free", 1001), Cause.MEMORY, "") == on("free", 1502)


@pytest.mark.parametrize(
    ("site", "memory"),
    [(SITE, 2 * 1500), (Site(), round(2 * 1.5 * USUAL_MEMORY_MB))],
)
def test_memory_where_none_was_asked_for(site: Site, memory: int) -> None:
    more = requests(site).again(Resources(2), Cause.MEMORY, "")
    assert more is not None
    assert more.memory_mb == memory


def test_time_grows_to_the_limit() -> None:
    asker, asked, had = requests(), on("short", time="1:30:00"), []
    while (more := asker.again(asked, Cause.TIME, "n1")) is not None:
        asked = more
        had.append(asked.time_s)
    assert had == [3 * HOUR, 4 * HOUR]


def test_time_where_none_was_asked_for() -> None:
    usual = requests().again(on("short"), Cause.TIME, "")
    assert usual is not None
    assert usual.time_s == 2 * HOUR
    several = requests().again(on("long,short"), Cause.TIME, "")
    assert several is not None
    assert several.time_s == 2 * HOUR
    # without a usual time of its own a partition gives its longest
    assert requests().again(on("long"), Cause.TIME, "") is None
    assert requests().again(on("free"), Cause.TIME, "") is None


@pytest.mark.parametrize("cause", [Cause.NODE, Cause.LAUNCH])
def test_bad_nodes_add_up(cause: Cause) -> None:
    asker = requests()
    first = asker.again(on("short"), cause, "n1")
    assert first == on("short", exclude="n1")
    second = asker.again(first, cause, "n2")
    assert second == on("short", exclude="n1,n2")
    assert asker.again(second, cause, "n1") == second
    given = asker.again(on("free", exclude="n[1,3],n[2,3]"), cause, "n7")
    assert given == on("free", exclude="n[1,3],n[2,3],n7")


@pytest.mark.parametrize("cause", [Cause.NODE, Cause.LAUNCH])
def test_half_of_the_nodes_are_left(cause: Cause) -> None:
    """Else there is none to run on, and sbatch refuses the job for good."""
    asker = requests()
    full = on("short", exclude="n1,n2")
    assert asker.again(full, cause, "n3") == full
    assert asker.again(on("long"), cause, "n1") == on("long")
    assert asker.again(Resources(), cause, "n1") == Resources()


@pytest.mark.parametrize("cause", [Cause.NODE, Cause.LAUNCH, Cause.COMMAND])
def test_an_unknown_node_is_not_excluded(cause: Cause) -> None:
    assert requests().again(on("short"), cause, "") == on("short")


@pytest.mark.parametrize("cause", [Cause.PREEMPTED])
def test_other_causes_change_nothing(cause: Cause) -> None:
    assert requests().again(on("short", 8000), cause, "n1") == on("short", 8000)


LOWER = {"over_limits": "lower"}
FULL_SIZE = {"mem": "160G", "cpus-per-task": "16", "time": "2-00:00:00"}


def test_what_is_above_the_limits_is_refused_or_lowered() -> None:
    with pytest.raises(Refused) as refused:
        requests().asked("k", on("short"), FULL_SIZE)
    assert refused.value.what.count("; ") == 2
    assert requests().lowered("k", on("short"), FULL_SIZE) == []
    asked = requests(**LOWER).asked("k", on("short"), FULL_SIZE)
    assert (asked.memory_mb, asked.cpus, asked.time_s) == (16_000, 8, 4 * HOUR)
    assert len(requests(**LOWER).lowered("k", on("short"), FULL_SIZE)) == 3


def test_what_is_within_the_limits_is_as_asked_for() -> None:
    asked = requests(**LOWER).asked("k", on("short"), {"mem": "8G", "time": "1:00:00"})
    assert (asked.memory_mb, asked.cpus, asked.time_s) == (8192, 1, HOUR)
    assert requests(**LOWER).lowered("k", on("short"), {"mem": "8G"}) == []


def test_lowered_memory_for_each_core_is_sent_so() -> None:
    asked = requests(**LOWER).asked("k", on("short"), {"mem-per-cpu": "8G", "cpus-per-task": "16"})
    assert sent(asked) == {"mem-per-cpu": "2000M"}


def test_the_limits_are_those_of_the_partition_as_the_site_calls_it() -> None:
    given = {"xxl": Partition("short", memory_mb=4000)}
    asked = requests(partitions=given, **LOWER).asked("k", on("xxl"), FULL_SIZE)
    assert (options(asked)["partition"], asked.memory_mb) == ("short", 4000)


@pytest.mark.parametrize(
    ("accounts", "own", "step", "expected"),
    [
        ({}, "dpps", {}, "dpps"),
        ({"dpps": "cta"}, "dpps", {}, "cta"),
        ({"dpps": "cta"}, "aswg", {}, "aswg"),
        ({"dpps": "cta"}, "aswg", {"account": "dpps"}, "cta"),
        ({"dpps": "cta"}, None, {}, None),
        ({"": "lst"}, None, {}, "lst"),
        ({"": "lst", "dpps": "cta"}, "aswg", {}, "lst"),
        ({"": "lst", "dpps": "cta"}, "dpps", {}, "cta"),
    ],
)
def test_accounts_are_those_of_the_site(
    accounts: dict[str, str], own: str | None, step: dict[str, str], expected: str | None
) -> None:
    asked = requests(accounts=accounts, account=own).asked("k", on("short"), step)
    assert options(asked).get("account") == expected
