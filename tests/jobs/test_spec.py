"""Resources, and the file that the runner reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstluigi.errors import LstluigiError
from lstluigi.jobs.spec import (
    Array,
    Chunk,
    Environment,
    Item,
    Product,
    Resources,
    parse_memory,
)
from lstluigi.scripts import runner


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
    runner.validate_chunk(described, "chunk 0")  # raises where it does not
    assert array.resources == Resources(3)
    assert array.environment.current
