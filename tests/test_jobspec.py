"""Resources, and the file that the runner reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstluigi.errors import LstluigiError
from lstluigi.jobs.runner import spec
from lstluigi.jobspec import (
    Array,
    Chunk,
    Environment,
    Item,
    Product,
    Resources,
    format_time,
    parse_memory,
    parse_time,
)


@pytest.mark.parametrize(
    ("text", "megabytes"),
    [
        *(("4000", 4000), ("100G", 102400), ("80GB", 81920), ("80 gb", 81920), ("1.5G", 1536)),
        *(("2048K", 2), ("1T", 1048576), ("10M", 10), ("1K", 1), ("0", 1), ("16GiB", 16384)),
    ],
)
def test_memory_in_slurms_notation(text: str, megabytes: int) -> None:
    assert parse_memory(text) == megabytes


@pytest.mark.parametrize("text", ["", "much", "-1", "1e3", "10 20", "G", "1P", "10G; rm"])
def test_what_is_no_memory(text: str) -> None:
    with pytest.raises(LstluigiError, match=r"write e\.g\. 80G"):
        parse_memory(text)


MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("30", 30 * MINUTE), ("1440", DAY), (" 5 ", 5 * MINUTE)),
        *(("5:30", 5 * MINUTE + 30), ("90:00", 90 * MINUTE), ("0:01", 1)),
        *(("11:30:00", 11 * HOUR + 30 * MINUTE), ("72:0:5", 3 * DAY + 5)),
        *(("3-0", 3 * DAY), ("1-12", DAY + 12 * HOUR), ("0-1", HOUR)),
        *(("1-12:30", DAY + 12 * HOUR + 30 * MINUTE), ("3-00:00:00", 3 * DAY)),
        ("1-02:03:04", DAY + 2 * HOUR + 3 * MINUTE + 4),
        *(("UNLIMITED", None), ("infinite", None), ("0", None), ("0-00:00:00", None)),
    ],
)
def test_time_in_slurms_notation(text: str, seconds: int | None) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "-1", "1.5", "1h", "1:2:3:4", "1-", "-1-0", "1-2:3:4:5", "1:", ":30", "²"),
        *("1 0", "10; rm", "$(id)", "1\n2", "9" * 5000),
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(LstluigiError, match=r"write e\.g\. 11:30:00") as caught:
        parse_time(text)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((1, "0-00:00:01"), (HOUR, "0-01:00:00"), (11 * HOUR + 30 * MINUTE, "0-11:30:00")),
        *((3 * DAY, "3-00:00:00"), (DAY - 1, "0-23:59:59"), (None, "UNLIMITED")),
    ],
)
def test_time_written_for_slurm(seconds: int | None, text: str) -> None:
    assert format_time(seconds) == text
    assert parse_time(text) == seconds


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_time_that_slurm_would_take_for_no_limit(seconds: int) -> None:
    with pytest.raises(ValueError, match="time limit"):
        format_time(seconds)


def test_requests_of_a_step_go_on_top() -> None:
    usual = Resources(16, 100_000, (("partition", "xxl"), ("time", "3-0")))
    asked = usual.updated({"mem": "160G", "cpus-per-task": "8", "partition": "long", "nice": ""})
    assert asked.cpus == 8
    assert asked.memory_mb == 160 * 1024
    assert dict(asked.options) == {"partition": "long", "time": "3-0", "nice": ""}
    assert usual.updated({}) == usual


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "", "²"])
def test_what_is_no_number_of_cores(text: str) -> None:
    with pytest.raises(LstluigiError, match="cpus-per-task"):
        Resources().updated({"cpus-per-task": text})


def test_the_current_environment() -> None:
    assert Environment().current
    assert not Environment(conda_env="x").current
    assert not Environment(source_file="/x").current


def test_the_runner_understands_the_file(tmp_path: Path) -> None:
    item = Item(
        "r0_to_dl1-1/a b.simtel.gz",
        [("lstchain_mc_r0_to_dl1", "-f", "/a b; $(c)")],
        [Product("x.h5", "/final/x.h5", {"hdf5": ["/a"], "nonempty": ["/b"]})],
        scratch="/final/.lstluigi/step/a",
        log="/final/logs/a.log",
        links=[("/in/x", "inputs/x")],
        verify=[("/in/x", {"file": True})],
    )
    chunk = Chunk([item, item], Resources(3), Environment())
    array = Array("id", str(tmp_path), [chunk])
    (described,) = array.as_json(0)["chunks"]
    assert described["warm"]
    assert described["cpus"] == 3
    described["items"].pop()
    spec.validate_chunk(described, "chunk 0")  # raises where it does not
    assert array.resources == Resources(3)
    assert array.environment.current
