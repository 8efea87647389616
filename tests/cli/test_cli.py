"""The commands as they are typed, each in a process of its own.

Jobs run in an environment that is sourced, as in production; lstchain's commands are stand-ins.
"""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from lab import FULL, Lab, events_in, full, small

HOSTILE = "it's $(touch stolen); `touch stolen` \"q\" [x] 'ü' & #1 %d {y}"


def sourced(lab: Lab) -> None:
    """Have the config name an environment with the stand-ins."""
    content = yaml.safe_load(lab.config.read_text())
    content["source_environment"] = {"source_file": str(lab.environment())}
    lab.config.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def arguments(lab: Lab, *more: str) -> tuple[str, ...]:
    return ("Production", "--config", str(lab.config), *more)


def test_a_production_as_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From DL0 to the end, with the worst of names everywhere, and again with nothing to do."""
    root = tmp_path / HOSTILE
    root.mkdir()
    lab = Lab(root, monkeypatch)
    full(lab, prod_id="it's $(touch stolen) 'ü'")
    lab.config = lab.config.rename(root / "con fig $(touch stolen).yml")
    lab.simtel("dl0/test", **{"x y; $(touch stolen) 'z'": "6"})
    sourced(lab)
    run = lab.type(*arguments(lab))
    assert run.code == 0, run.text
    assert {name for name in lab.files() if "split" not in name} == {
        *(*FULL, "dl1/test/dl1_x y; $(touch stolen) 'z'.h5"),
    }
    assert len(events_in(lab.path("merged/dl1_test.h5"))) == 4 + 5 + 6
    assert lab.leftovers() == set()
    assert not list(tmp_path.rglob("stolen"))
    assert not Path("stolen").exists()
    again = lab.type("run", str(lab.config), program="lstluigi")
    assert again.code == 0, again.text
    assert "all 11 steps are satisfied (0 made now" in again.text
    lab.config.write_text(lab.config.read_text().replace("--point-like", "--full"))
    changed = lab.run()
    assert changed.code == 30
    (wanted,) = re.findall("--remake (.*)", changed.text)
    (irf,) = shlex.split(wanted)  # as a user would copy it
    assert lab.ok(remake=irf) == [lab.path("irf/irf.fits")]


def test_one_step_as_typed(lab: Lab) -> None:
    small(lab)
    content = yaml.safe_load(lab.config.read_text())
    other = {**content["stages"]["merge_dl1"][0], "output": lab.path("merged/other.h5")}
    content["stages"]["merge_dl1"].append(other)
    lab.config.write_text(yaml.safe_dump(content))
    sourced(lab)
    run = lab.type("MergeDL1", "--config", str(lab.config), "--output", other["output"])
    assert run.code == 0, run.text
    assert lab.files() == {"dl1/node/dl1_a.h5", "dl1/node/dl1_b.h5", "merged/other.h5"}


@pytest.mark.parametrize("program", ["luigi", "lstluigi"])
def test_parallel_scheduling_is_overruled(lab: Lab, program: str) -> None:
    """Luigi's pool of processes hung for ever, and on SIGTERM, too."""
    small(lab)
    sourced(lab)
    (lab.root / "luigi.cfg").write_text("[core]\nparallel_scheduling = true\n")
    words = {"luigi": ("Production", "--config"), "lstluigi": ("run",)}[program]
    run = lab.type(*words, str(lab.config), program=program)
    assert run.code == 0, run.text
    assert run.text.count("parallel_scheduling in [core]") == 1


def test_a_setting_of_luigi_that_cannot_work_is_refused_beforehand(lab: Lab) -> None:
    """By validate as by a run, also by one that goes on without this terminal."""
    small(lab)
    sourced(lab)
    (lab.root / "luigi.cfg").write_text("[core]\nworkers = many\n")
    for command in ("run", "run --detach", "run --dry-run", "validate --check-paths"):
        run = lab.type(*command.split(), str(lab.config), program="lstluigi")
        assert run.code == 2, run.text
        assert "workers in [core]" in run.text
        assert "Traceback" not in run.text
    (lab.root / "luigi.cfg").write_text("workers = 3\n")
    run = lab.type("run", str(lab.config), program="lstluigi")
    assert run.code == 2, run.text
    assert "luigi.cfg" in run.text
    assert "Traceback" not in run.text


@pytest.mark.parametrize(
    ("wrong", "program"),
    [
        *(("absent", "lstluigi"), ("no yaml", "lstluigi"), ("dl0", "lstluigi")),
        ("stage", "luigi"),
    ],
)
def test_a_bad_config_is_told_in_sentences(lab: Lab, wrong: str, program: str) -> None:
    small(lab)
    match wrong:
        case "absent":
            lab.config.unlink()
        case "no yaml":
            lab.config.write_text("a: [")
        case "stage":
            lab.config.write_text(lab.config.read_text().replace("merge_dl1", "merge_dl2"))
        case "dl0":
            lab.config.write_text(lab.config.read_text().replace("dl0/node", "dl0/nodes"))
    words = {"luigi": ("Production", "--config"), "lstluigi": ("run",)}[program]
    run = lab.type(*words, str(lab.config), program=program)
    assert run.code == 2
    assert "config.yml" in run.text
    assert "Traceback" not in run.text
    assert len(run.text.splitlines()) < 12
    assert lab.files() == set()


def test_a_failure_as_typed(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", b="crash")
    sourced(lab)
    run = lab.type("run", str(lab.config), program="lstluigi")
    assert run.code == 30
    assert "b.simtel.gz: killed by SIGKILL" in run.text
    assert lab.path("dl1/node/job_logs_r0dl1/b.simtel.gz.log") in run.text
    assert "Traceback" not in run.text
    assert lab.files() == {"dl1/node/dl1_a.h5"}
    assert lab.leftovers() == set()


def test_a_dry_run_changes_nothing(lab: Lab) -> None:
    small(lab)
    before = sorted(lab.root.rglob("*"))
    run = lab.type("run", str(lab.config), "--dry-run", program="lstluigi")
    assert run.code == 0, run.text
    assert re.search(r"r0_to_dl1 .* 1 .* 1 ", run.text)
    assert sorted(lab.root.rglob("*")) == before


def test_a_dry_run_after_a_change_says_the_same_everywhere(lab: Lab) -> None:
    full(lab)
    lab.ok()
    lab.configure(threshold=2)
    os.unlink(lab.path("irf/irf.fits"))  # one to do, all others but it changed
    there = len(lab.plan().steps) - 1
    before = sorted(lab.root.rglob("*"))
    run = lab.type("run", str(lab.config), "--dry-run", program="lstluigi")
    assert run.code == 30
    assert f": 1 of {there + 1} steps to do, {there} outdated, on " in run.text
    rows = re.findall(r"│ \w+_\w+ +│ (\d+) +│ (\d+) +│ (\d+) ", run.text)
    assert [sum(map(int, column)) for column in zip(*rows, strict=True)] == [1, there, there + 1]
    told = re.findall("outdated: .* step", run.text)
    assert f"outdated: and {there - len(told)} more" in run.text
    kept = lab.type("run", str(lab.config), "--dry-run", "--accept-changed", program="lstluigi")
    assert kept.code == 0
    assert f"{there} outdated product(s) are kept" in kept.text
    assert f": 1 of {there + 1} steps to do, on " in kept.text
    assert sorted(lab.root.rglob("*")) == before


def test_a_changed_product_of_which_a_part_is_there_cannot_be_kept(lab: Lab) -> None:
    small(lab)
    lab.ok()
    lab.configure(threshold=2)
    os.unlink(lab.path("dl1/node/dl1_a.h5"))
    os.unlink(lab.path("merged/node.h5"))
    run = lab.type("run", str(lab.config), "--dry-run", "--accept-changed", program="lstluigi")
    assert run.code == 30
    assert "make it again with `lstluigi remake`" in run.text
    run = lab.run(accept_changed=True)
    assert run.code == 30
    assert "--accept-changed" not in run.text
    assert "--remake" in run.text


def test_an_environment_that_is_not_here(lab: Lab) -> None:
    small(lab)
    sourced(lab)
    lab.environment().unlink()
    run = lab.type("run", str(lab.config), program="lstluigi")
    assert run.code == 2
    assert "--environment current" in run.text
    assert lab.files() == set()


def test_an_environment_that_cannot_be_entered(lab: Lab) -> None:
    small(lab)
    sourced(lab)
    lab.environment().write_text("echo no such conda >&2; false\n")
    run = lab.type("run", str(lab.config), program="lstluigi")
    assert run.code == 30
    assert "environment could not be entered" in run.text
    assert lab.files() == set()
    assert lab.leftovers() == set()


# two runs, and runs that die


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} does not come"
        time.sleep(0.02)


def test_a_second_run_is_told_who_makes_it(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", a="sleep 60 then 4")
    sourced(lab)
    first = lab.start("run", str(lab.config), program="lstluigi")
    try:
        wait_for(Path(lab.path("dl1/node/job_logs_r0dl1/a.simtel.gz.log")))
        second = lab.type("run", str(lab.config), program="lstluigi")
        assert second.code == 10  # as docs/running.md says
        who = f"the run with process id {first.pid} on {socket.gethostname()}"
        assert who in second.text
        assert "r0_to_dl1 step 1" in second.text
        first.send_signal(signal.SIGTERM)
        text = first.communicate(timeout=30)[0]
    finally:
        first.kill()
    assert first.returncode != 0
    assert "job(s) on this machine were stopped" in text
    assert "Traceback" not in text
    assert not list(lab.root.rglob("*.lock"))
    lab.simtel("dl0/node", a="4")
    lab.ok()
    assert lab.leftovers() == set()


def processes_of(lab: Lab) -> list[int]:
    """Processes that have the production's directory on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(lab.root) in words:
                found.append(int(entry.name))
    return found


def test_killed_at_random_and_typed_again(lab: Lab) -> None:
    """The same products as those of an undisturbed run, and nothing else."""
    full(lab)
    sourced(lab)
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    for _ in range(3):
        run = lab.start("run", str(lab.config), program="lstluigi")
        try:
            run.wait(chance.uniform(0.5, 3.0))
        except subprocess.TimeoutExpired:
            run.kill()
        finally:
            run.communicate()
        for name in lab.files():
            if name.endswith(".h5") and "split" not in name and not name.startswith("dl2"):
                assert events_in(lab.path(name)), f"{name} is there and not whole, seed {seed}"
    last = lab.type("run", str(lab.config), program="lstluigi")
    assert last.code == 0, f"seed {seed}\n{last.text}"
    assert {name for name in lab.files() if "split" not in name} == FULL, f"seed {seed}"
    assert len(events_in(lab.path("dl2/dl2_test.h5"), "/dl2/event/telescope/parameters/LST_LSTCam"))
    assert lab.leftovers() == set(), f"seed {seed}"
    assert processes_of(lab) == []


def test_killed_after_its_last_product(lab: Lab) -> None:
    """What such a run leaves behind is cleared away, and its locks are nobody's."""
    small(lab)
    lab.ok()
    places = lab.session.plan.steps[0].places
    Path(places.scratch, "a.simtel.gz").mkdir(parents=True)
    owner = {"host": socket.gethostname(), "pid": 2**22 + 1, "started": "1"}
    Path(places.lock).write_text(json.dumps(owner))
    os.unlink(lab.path("merged/node.h5"))
    assert lab.ok() == [lab.path("merged/node.h5")]
    assert lab.leftovers() == set()


# disks


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_a_full_disk(lab: Lab) -> None:
    small(lab)
    sourced(lab)
    disk = Path(lab.path("dl1"))
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("may not mount")
    try:
        (disk / "ballast").write_bytes(b"x" * 450_000)
        run = lab.type("run", str(lab.config), program="lstluigi")
        assert run.code in (2, 30)
        assert re.search("disk full|No space left", run.text)
        assert "Traceback" not in run.text
        for name in lab.files("dl1"):
            assert events_in(disk / name), name
        (disk / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        run = lab.type("run", str(lab.config), program="lstluigi")
        assert run.code == 0, run.text
        assert len(events_in(lab.path("merged/node.h5"))) == 9
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
