"""Logs of a production as a whole."""

from __future__ import annotations

import errno
import os
import pwd
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from lab import HereBackend, Lab, full, small

from lstluigi.errors import LstluigiError
from lstluigi.jobs.ledger import note
from lstluigi.production.places import logs_root
from lstluigi.run import log as prodlog
from lstluigi.run.log import ProductionLog


def logs(lab: Lab) -> Path:
    return lab.prod_logs / "logs_test_prod"


def test_where_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LSTLUIGI_PROD_LOGS", raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    assert logs_root() == Path("/home/someone/LSTLUIGI_PROD_LOGS")
    monkeypatch.setenv("LSTLUIGI_PROD_LOGS", "/elsewhere")
    assert logs_root() == Path("/elsewhere")


@pytest.mark.parametrize("given", ["~nobody_of_this_name/logs", ""])
def test_a_home_that_is_not_known_is_told(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTLUIGI_PROD_LOGS", given)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: pwd.getpwnam("no such user"))
    with pytest.raises(LstluigiError, match=r"home directory in '~.* without ~"):
        logs_root()


@pytest.mark.parametrize(
    ("words", "code"), [("luigi", 2), ("lstluigi run", 2), ("lstluigi status", 0)]
)
def test_a_home_that_is_not_known_ends_no_command_in_a_traceback(
    lab: Lab, words: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(lab)
    monkeypatch.setenv("LSTLUIGI_PROD_LOGS", "~nobody_of_this_name/logs")
    program, *command = words.split()
    given = (*command, str(lab.config)) if command else ("Production", "--config", str(lab.config))
    run = lab.type(*given, program=program)
    assert run.code == code
    assert "the home directory in '~nobody_of_this_name/logs'" in run.text
    assert "Traceback" not in run.text


def test_job_ids_and_commands_by_stage(lab: Lab) -> None:
    full(lab)
    lab.ok()
    reduced = yaml.safe_load((logs(lab) / "log_reduced_test_prod.yml").read_text())
    everything = yaml.safe_load((logs(lab) / "log_onsite_mc_r0_to_dl3_test_prod.yml").read_text())
    stages = yaml.safe_load(lab.config.read_text())["stages"]
    assert {name: len(steps) for name, steps in reduced.items()} == {
        name: len(steps) for name, steps in stages.items()
    }
    for stage, steps in reduced.items():
        for name, ids in steps.items():
            entry = everything[stage][name]
            assert ids == [job["job"] for job in entry["jobs"]]
            assert list(entry["jobs"][0]["items"]) == ["ok"]
    assert "gamma step 1" in reduced["r0_to_dl1"]
    assert "proton step 2" in reduced["merge_dl1"]
    (models,) = everything["train_pipe"].values()
    assert models["output"] == lab.path("models")
    assert models["commands"][0].startswith("lstchain_mc_trainpipe --fg ")


def test_configs_and_versions_are_kept(lab: Lab) -> None:
    small(lab)
    lab.ok()
    assert (logs(lab) / "config.yml").read_text() == lab.config.read_text()
    assert (logs(lab) / "lstchain_lstchain.json").read_text() == lab.lstchain_config.read_text()
    versions = yaml.safe_load((logs(lab) / "versions.yml").read_text())
    assert {"luigi", "lstchain", "ctapipe"} <= versions.keys()


def test_earlier_ones_are_kept(lab: Lab) -> None:
    """Also those of runs within one second."""
    kept = []
    for number in range(3):
        small(lab, options=f"--pattern *.h5 --option {number}")
        lab.ok(remake="merge_dl1", accept_changed=True)
        kept.append(lab.config.read_text())
    texts = {path.read_text() for path in logs(lab).glob("config*.yml")}
    assert texts == set(kept)
    assert (logs(lab) / "config.yml").read_text() == kept[-1]
    assert len(list(logs(lab).glob("log_reduced_test_prod*.yml"))) == 3


def test_an_earlier_one_that_is_no_text_is_kept(lab: Lab) -> None:
    small(lab)
    logs(lab).mkdir(parents=True)
    (logs(lab) / "config.yml").write_bytes(b"\xff\xfe")
    lab.ok()
    (kept,) = logs(lab).glob("config.*.yml")
    assert kept.read_bytes() == b"\xff\xfe"
    assert (logs(lab) / "config.yml").read_text() == lab.config.read_text()


def test_a_full_disk_leaves_no_half_copy(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    small(lab)
    logs(lab).mkdir(parents=True)
    (logs(lab) / "config.yml").write_text("earlier")

    def full(source: object, target: str | Path) -> None:
        Path(target).write_text("ear")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", full)
    run = lab.run()
    assert run.code == 2
    assert "No space left" in run.text
    assert [path.name for path in logs(lab).iterdir()] == ["config.yml"]
    assert (logs(lab) / "config.yml").read_text() == "earlier"


@pytest.mark.parametrize("program", ["luigi", "lstluigi"])
def test_what_is_no_file_is_told(lab: Lab, program: str) -> None:
    small(lab)
    (logs(lab) / "config.yml").mkdir(parents=True)
    words = ("run",) if program == "lstluigi" else ("Production", "--config")
    run = lab.type(*words, str(lab.config), program=program)
    assert run.code == 2
    assert f"{logs(lab)}/config.yml cannot be read (Is a directory)" in run.text
    assert "Traceback" not in run.text
    assert lab.files() == set()


def test_configs_of_two_tools_with_one_name_are_both_kept(lab: Lab) -> None:
    other = lab.root / "other" / lab.lstchain_config.name
    other.parent.mkdir()
    other.write_text("cleaningType = 1;\n")
    small(lab)
    lab.config.write_text(f"{lab.config.read_text()}\nrta_config: {other}\n")
    lab.ok()
    for tool, path in {"lstchain": lab.lstchain_config, "rta": other}.items():
        assert (logs(lab) / f"{tool}_{path.name}").read_text() == path.read_text()


def test_a_run_with_nothing_to_do_leaves_them_alone(lab: Lab) -> None:
    small(lab)
    lab.ok()
    before = {path: path.stat().st_mtime_ns for path in logs(lab).iterdir()}
    lab.ok()
    assert {path: path.stat().st_mtime_ns for path in logs(lab).iterdir()} == before


def test_a_place_that_may_not_be_written(lab: Lab) -> None:
    small(lab)
    lab.prod_logs.write_text("a file, not a directory")
    run = lab.run()
    assert run.code == 2
    assert str(lab.prod_logs) in run.text
    assert lab.files() == set()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "TrainingDataset/GammaDiffuse/dec_2276/node_theta_6.0_az_180.0_",
            "GammaDiffuse dec_2276 node_theta_6.0_az_180.0",
        ),
        (
            "TrainingDataset/Protons/dec_2276/node_corsika_theta_6.0_az_180.0_",
            "Proton dec_2276 node_corsika_theta_6.0_az_180.0",
        ),
        ("20200629_prod5_trans_80/gamma-diffuse/zenith_20deg", "gamma-diffuse"),
        ("models/AllSky/dec_min_413", "dec_min_413"),
        ("elsewhere", ""),
    ],
)
def test_labels_name_particle_line_and_node(lab: Lab, path: str, expected: str) -> None:
    lab.write({"r0_to_dl1": [{"input": "/dl0", "output": f"/data/{path}"}]})
    (node,) = lab.plan().steps
    assert node.label == f"{expected} step 1".strip()


def test_ledgers_outlive_a_run(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", b="truncated")
    assert lab.run().code == 30
    lab.simtel("dl0/node", b="5")
    lab.ok()
    everything = yaml.safe_load((logs(lab) / "log_onsite_mc_r0_to_dl3_test_prod.yml").read_text())
    (entry,) = everything["r0_to_dl1"].values()
    assert len(entry["jobs"]) == 2
    assert [job["items"] for job in entry["jobs"]] == [{"ok": 1, "failed": 1}, {"ok": 1}]
    assert os.path.isdir(entry["jobs"][0]["directory"])


# while a production runs


class Queue(HereBackend):
    """A backend whose jobs can be ended by a script, and that has accounts."""

    name = "queue"

    def account(self, jobs: Sequence[str]) -> list[str]:
        return [f"account of {job}" for job in jobs]

    def ending(self, jobs: Sequence[str]) -> str:
        return f"end {' '.join(jobs)}\n"


@pytest.fixture
def written(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> ProductionLog:
    """The log of a run that has just begun, and looks at everything at once."""
    monkeypatch.setattr(prodlog, "SOON", 0.0)
    small(lab)
    log = ProductionLog(lab.plan(), "run", Queue())
    log.begin()
    return log


def submit(lab: Lab, log: ProductionLog, step: int, job: str, *items: str) -> None:
    node = lab.plan().steps[step]
    log.heard(node, "begun")
    asked = {"cpus": 2, "memory_mb": 4000}
    facts = {"array": f"a{job}", "backend": "queue", "name": f"n{job}", "asked": asked}
    note(node.places.ledger, "submitting", **facts, chunks={"0": items})
    note(node.places.ledger, "submitted", array=f"a{job}", job=job)


def end(lab: Lab, log: ProductionLog, step: int, job: str, *items: str) -> None:
    node = lab.plan().steps[step]
    for item in items:
        note(node.places.ledger, "ended", array=f"a{job}", item=item, state="ok")
    log.heard(node, "done")


def reduced(lab: Lab) -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = yaml.safe_load(
        (logs(lab) / "log_reduced_test_prod.yml").read_text()
    )
    return content


def test_jobs_are_written_as_they_come(
    lab: Lab, written: ProductionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prodlog, "EVERY", 0.0)
    submit(lab, written, 0, "7", "x", "y")
    written.keep_up()
    assert reduced(lab) == {"r0_to_dl1": {"step 1": ["7"]}}
    everything = yaml.safe_load((logs(lab) / "log_onsite_mc_r0_to_dl3_test_prod.yml").read_text())
    entry = everything["r0_to_dl1"]["step 1"]
    (job,) = entry["jobs"]
    assert (job["job"], job["array"], job["items"]) == ("7", "a7", {"under way": 2})
    assert job["asked"] == {"cpus": 2, "memory_mb": 4000}
    (command,) = map(shlex.split, entry["commands"])
    assert lab.path("dl0/node/<file>") in command
    ending = logs(lab) / "scancel_test_prod.sh"
    assert ending.read_text() == "end 7\n"
    assert ending.stat().st_mode & 0o777 == 0o700
    end(lab, written, 0, "7", "x", "y")
    submit(lab, written, 1, "8", "z")
    written.keep_up()
    assert reduced(lab) == {"r0_to_dl1": {"step 1": ["7"]}, "merge_dl1": {"step 1": ["8"]}}
    assert ending.read_text() == "end 8\n"
    written.close()
    assert not (logs(lab) / "check_test_prod.txt").exists()  # a job is under way
    end(lab, written, 1, "8", "z")
    written.close()
    assert (logs(lab) / "check_test_prod.txt").read_text() == "account of 7\naccount of 8\n"


def test_not_all_the_time(lab: Lab, written: ProductionLog) -> None:
    submit(lab, written, 0, "7", "x")
    written.keep_up()
    submit(lab, written, 1, "8", "y")
    written.keep_up()
    assert "merge_dl1" not in reduced(lab)
    written.close()
    assert reduced(lab)["merge_dl1"] == {"step 1": ["8"]}


def test_jobs_of_an_earlier_run_are_there_from_the_start(lab: Lab, written: ProductionLog) -> None:
    submit(lab, written, 0, "7", "x")
    second = ProductionLog(lab.plan(), "second", Queue())
    second.begin()
    submit(lab, second, 1, "8", "y")
    second.keep_up()
    assert reduced(lab) == {"r0_to_dl1": {"step 1": ["7"]}, "merge_dl1": {"step 1": ["8"]}}
    assert (logs(lab) / "scancel_test_prod.sh").read_text() == "end 7 8\n"


def test_a_log_that_cannot_be_written_does_not_end_the_run(
    lab: Lab, written: ProductionLog, caplog: pytest.LogCaptureFixture
) -> None:
    submit(lab, written, 0, "7", "x")
    shutil.rmtree(logs(lab))
    logs(lab).write_text("a file")
    written.keep_up()
    written.close()
    assert "cannot be written" in caplog.text


def test_jobs_on_this_machine_need_no_script_and_have_no_accounts(lab: Lab) -> None:
    small(lab)
    lab.ok()
    names = {path.name for path in logs(lab).iterdir()}
    assert not names & {"scancel_test_prod.sh", "check_test_prod.txt"}
