"""The local backend: real processes, within the cores and the memory given."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lstluigi.errors import LstluigiError
from lstluigi.jobs import local
from lstluigi.jobs.backend import ChunkId
from lstluigi.jobs.local import LocalBackend, machine
from lstluigi.jobs.states import Cause, JobState, JobStatus
from lstluigi.jobspec import Array, Chunk, Environment, Resources


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Replace what a chunk does: bash that is given the index as its first argument."""

    def use(text: str) -> None:
        monkeypatch.setattr(local, "job_script", lambda array: text)

    return use


def array(path: Path, *resources: Resources, name: str = "a") -> Array:
    return Array(name, str(path), [Chunk([], asked, Environment()) for asked in resources])


def states(polled: Mapping[ChunkId, JobStatus]) -> str:
    """First letters of the states, in the order of the chunks."""
    return "".join(polled[chunk].state.name[0] for chunk in sorted(polled))


def follow(backend: LocalBackend) -> dict[ChunkId, JobStatus]:
    """Poll until every chunk has ended; return how."""
    ended: dict[ChunkId, JobStatus] = {}
    deadline = time.monotonic() + 30
    while True:
        polled = backend.poll()
        ended.update({chunk: status for chunk, status in polled.items() if status.state.ended})
        if all(status.state.ended for status in polled.values()):
            return ended
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_machine() -> None:
    found = machine()
    assert found.cpus == len(os.sched_getaffinity(0))
    assert found.memory_mb is not None
    assert found.memory_mb > 100


@pytest.mark.parametrize(
    ("membership", "limits", "megabytes"),
    [
        ("0::/a/b", {"a/b/memory.max": "209715200"}, 200),
        ("0::/a/b", {"a/b/memory.max": "max", "a/memory.max": "104857600"}, 100),
        ("0::/a", {"a/memory.max": "104857600", "memory.max": "max"}, 100),
        ("1:cpu:/a\n2:memory:/a", {"memory/a/memory.limit_in_bytes": "104857600"}, 100),
        # inside a container the path may be that of the host
        ("2:cpu,memory:/host/1", {"memory/memory.limit_in_bytes": "104857600"}, 100),
        # version 1 without a limit, another group's limit, no limit at all
        ("2:memory:/a", {"memory/a/memory.limit_in_bytes": str(2**63 - 4096)}, None),
        ("2:memory:/a", {"memory/b/memory.limit_in_bytes": "104857600"}, None),
        ("0::/", {}, None),
        ("", {}, None),
    ],
)
def test_the_memory_of_a_container(
    tmp_path: Path, membership: str, limits: dict[str, str], megabytes: int | None
) -> None:
    (tmp_path / "cgroup").write_text(f"{membership}\n" if membership else "")
    for name, limit in limits.items():
        file = tmp_path / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{limit}\n")
    found = machine(tmp_path / "cgroup", tmp_path / "groups")
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    assert found.memory_mb == (megabytes or physical)
    assert machine(tmp_path / "none", tmp_path / "groups").memory_mb == physical


@pytest.mark.parametrize(
    ("membership", "limits", "cpus"),
    [
        ("0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "100000 100000"}, 1),
        ("0::/a", {"a/cpu.max": "50000 100000"}, 1),
        ("0::/a", {"a/cpu.max": "max 100000"}, None),
        (
            "3:cpu,cpuacct:/a",
            {"cpu/a/cpu.cfs_quota_us": "100000", "cpu/a/cpu.cfs_period_us": "100000"},
            1,
        ),
        (
            "3:cpu,cpuacct:/a",
            {"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"},
            None,
        ),
    ],
)
def test_the_cores_of_a_container(
    tmp_path: Path, membership: str, limits: dict[str, str], cpus: int | None
) -> None:
    (tmp_path / "cgroup").write_text(f"{membership}\n")
    for name, limit in limits.items():
        file = tmp_path / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{limit}\n")
    found = machine(tmp_path / "cgroup", tmp_path / "groups")
    assert found.cpus == (cpus or len(os.sched_getaffinity(0)))


@pytest.mark.parametrize(
    ("given", "cpus", "memory"),
    [
        ({"SLURM_CPUS_ON_NODE": "1", "SLURM_MEM_PER_CPU": "200"}, 1, 200),
        ({"SLURM_CPUS_PER_TASK": "1", "SLURM_MEM_PER_NODE": "300"}, 1, 300),
        ({"SLURM_CPUS_ON_NODE": "4000", "SLURM_MEM_PER_NODE": "0"}, None, None),
        ({}, None, None),
    ],
)
def test_the_share_of_a_job(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], cpus: int | None, memory: int | None
) -> None:
    """Slurm does not confine jobs everywhere; outside a job its variables mean nothing."""
    whole = machine()
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert machine() == whole
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert machine() == Resources(cpus or whole.cpus, memory or whole.memory_mb)


def test_requests_are_respected_and_clamped() -> None:
    backend = LocalBackend(Resources(4, 8000))
    usual = Resources(16, 100_000, (("partition", "xxl"),))
    assert backend.resources("kind", usual, {}) == Resources(4, local.USUAL_MEMORY_MB)
    assert backend.resources("kind", usual, {"cpus-per-task": "2", "mem": "3G"}) == Resources(
        2, 3072
    )
    assert backend.resources("kind", usual, {"cpus-per-task": "64", "mem": "1T"}) == Resources(
        4, 8000
    )
    with pytest.raises(LstluigiError):
        backend.resources("kind", usual, {"mem": "much"})


@pytest.mark.parametrize(
    ("asked", "width"),
    [
        (Resources(1, 1000), 4),
        (Resources(1, 3000), 2),
        (Resources(3, 1000), 1),
        (Resources(4, 8000), 1),
        (Resources(1, None), 4),
    ],
)
def test_width(asked: Resources, width: int) -> None:
    assert LocalBackend(Resources(4, 8000)).width(asked) == width


@pytest.mark.parametrize(
    ("asked", "at_once"),
    [(Resources(1, 100), 3), (Resources(2, 100), 1), (Resources(1, 400), 2)],
)
def test_no_more_at_once_than_fits(
    tmp_path: Path, script: Callable[[str], None], asked: Resources, at_once: int
) -> None:
    script("sleep 60\n")
    backend = LocalBackend(Resources(3, 1000))
    backend.submit(array(tmp_path, *[asked] * 5))
    try:
        assert states(backend.poll()) == "R" * at_once + "P" * (5 - at_once)
        assert states(backend.poll()) == "R" * at_once + "P" * (5 - at_once)
    finally:
        assert f"{at_once} job(s)" in backend.detach()
    assert backend.poll() == {}


def test_limits_without_memory_are_those_of_the_machine(
    tmp_path: Path, script: Callable[[str], None]
) -> None:
    script("true\n")
    backend = LocalBackend(Resources(1))
    backend.submit(array(tmp_path, Resources(1, 100)))
    assert len(follow(backend)) == 1


def test_a_large_chunk_is_not_kept_waiting_by_small_ones(
    tmp_path: Path, script: Callable[[str], None]
) -> None:
    script("sleep 60\n")
    backend = LocalBackend(Resources(2, 1000))
    small, large = Resources(1, 100), Resources(2, 100)
    backend.submit(array(tmp_path, small, large, small))
    try:
        assert states(backend.poll()) == "RPP"
    finally:
        backend.detach()


def test_every_chunk_runs_and_says_how_it_ended(
    tmp_path: Path, script: Callable[[str], None]
) -> None:
    script(
        "case $1 in 0) ;; 1) echo reason; exit 3;; 2) kill -9 $$;; 3) echo no conda >&2; exit 93;;"
        " *) exit 1; esac\n"
    )
    backend = LocalBackend(Resources(2, 1000))
    assert backend.submit(array(tmp_path, *[Resources(1, 100)] * 4)) == "a"
    ended = follow(backend)
    assert states(ended) == "SFFF"
    reasons = [ended["a", index].reason for index in range(4)]
    assert reasons[0] == ""
    assert "exit code 3" in reasons[1]
    assert "reason" in reasons[1]
    assert "SIGKILL" in reasons[2]
    assert "environment could not be entered" in reasons[3]
    assert "no conda" in reasons[3]
    assert backend.poll() == {}


def test_a_chunk_that_cannot_be_started_has_failed_and_the_others_run(
    tmp_path: Path, script: Callable[[str], None]
) -> None:
    """What has ended before is reported all the same, and nothing is started twice."""
    script("echo >> $0.$1.starts\n")
    chunks = array(tmp_path, *[Resources(1, 100)] * 4)
    for index in (1, 3):
        Path(chunks.output(index)).mkdir()  # in place of its log
    backend = LocalBackend(Resources(2, 1000))
    assert backend.submit(chunks) == "a"
    ended = follow(backend)
    assert states(ended) == "SFSF"
    for index in (1, 3):
        assert ended["a", index].cause is Cause.LAUNCH
        assert "Is a directory" in ended["a", index].reason
        assert chunks.output(index) in ended["a", index].reason
    starts = {path.name: path.read_text() for path in tmp_path.glob("*.starts")}
    assert starts == {f"array.sh.{index}.starts": "\n" for index in (0, 2)}
    assert backend.poll() == {}


def test_a_signal_without_a_name_has_its_number(
    tmp_path: Path, script: Callable[[str], None]
) -> None:
    number = signal.SIGRTMIN + 1  # only the first and the last of the real-time signals have names
    script(f"kill -{number} $$\n")
    backend = LocalBackend(Resources(1, 1000))
    backend.submit(array(tmp_path, Resources(1, 100)))
    assert f"ended by signal {number}" in follow(backend)["a", 0].reason


def test_cancelled_chunks_end(tmp_path: Path, script: Callable[[str], None]) -> None:
    script("echo $$ > $0.$1.pid; exec sleep 60\n")
    backend = LocalBackend(Resources(2, 1000))
    backend.submit(array(tmp_path, *[Resources(1, 100)] * 3))
    backend.poll()
    deadline = time.monotonic() + 20
    while len(list(tmp_path.glob("*.pid"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    pids = [int(path.read_text()) for path in tmp_path.glob("*.pid")]
    backend.cancel([("a", 0), ("a", 2), ("never heard of", 7)])
    assert states(backend.poll()) == "R"
    backend.detach()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_chunk_that_will_not_end_is_killed(
    tmp_path: Path, script: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "GRACE", 0.2)
    script("trap '' TERM; touch $0.ready; while :; do sleep 0.05; done\n")
    backend = LocalBackend(Resources(1, 1000))
    backend.submit(array(tmp_path, Resources(1, 100)))
    backend.poll()
    (running,) = backend._running.values()
    deadline = time.monotonic() + 20
    while not (tmp_path / "array.sh.ready").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    backend.cancel([("a", 0)])
    assert running.process.wait(20) == -signal.SIGKILL


def test_ended_states() -> None:
    assert [state for state in JobState if state.ended] == [JobState.SUCCEEDED, JobState.FAILED]
