"""Logs of a production as a whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from lab import Lab, full, small

from lstluigi.prodlog import logs_root


def logs(lab: Lab) -> Path:
    return lab.prod_logs / "logs_test_prod"


def test_where_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LSTLUIGI_PROD_LOGS", raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    assert logs_root() == Path("/home/someone/LSTLUIGI_PROD_LOGS")
    monkeypatch.setenv("LSTLUIGI_PROD_LOGS", "/elsewhere")
    assert logs_root() == Path("/elsewhere")


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
    assert (logs(lab) / "lstchain.json").read_text() == lab.lstchain_config.read_text()
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
            "GammaDiffuse node_theta_6.0_az_180.0",
        ),
        (
            "TrainingDataset/Protons/dec_2276/node_corsika_theta_6.0_az_180.0_",
            "Proton node_corsika_theta_6.0_az_180.0",
        ),
        ("20200629_prod5_trans_80/gamma-diffuse/zenith_20deg", "gamma-diffuse"),
        ("elsewhere", ""),
    ],
)
def test_labels_name_particle_and_node(lab: Lab, path: str, expected: str) -> None:
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
