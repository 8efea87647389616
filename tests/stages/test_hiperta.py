"""The workflow of HiPeRTA: its program, which is private, is stood in for by a line of shell."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lab import Lab, events_in, full

from lstluigi.jobs.script import missing_programs
from lstluigi.jobspec import Environment
from lstluigi.validation.environment import program_problems
from lstluigi.validation.preflight import notices

PROGRAM = "hiperta_r0_dl1"
#: writes down how it was called, and unpacks its input in place of reconstructing it
STAND_IN = """#!/bin/sh
echo "$*" >> "{calls}"
gzip -dc "$2" > "dl1_$(basename "$2")"
"""


def install(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the stand-in on the path; return where it writes down its calls."""
    calls = lab.root / "calls.txt"
    program = lab.root / "bin" / PROGRAM
    program.parent.mkdir()
    program.write_text(STAND_IN.format(calls=calls))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return calls


def produce(lab: Lab) -> None:
    """A whole production by HiPeRTA."""
    (lab.root / "rta.txt").write_text("cleaningType = 1;\nhillasThresholdCenter = 8;\n")
    full(lab, workflow_kind="hiperta", rta_config=lab.path("rta.txt"))


def one_node(lab: Lab, **step: object) -> None:
    """One node of two files up to its merged DL1."""
    (lab.root / "rta.txt").write_text("cleaningType = 1;\n")
    lab.simtel("dl0", a="4", b="5")
    first = {"input": lab.path("dl0"), "output": lab.path("dl1"), **step}
    merge = {"input": lab.path("dl1"), "output": lab.path("merged.h5")}
    top = {"workflow_kind": "hiperta", "rta_config": lab.path("rta.txt")}
    lab.write({"r0_to_dl1": [first], "merge_dl1": [merge]}, **top)


def test_a_whole_production(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = install(lab, monkeypatch)
    produce(lab)
    lab.ok()
    made = lab.files()
    assert {"dl1/test/dl1_a.h5", "merged/dl1_gamma.h5", "dl2/dl2_test.h5"} <= made
    assert any(name.endswith("reg_energy.sav") for name in made)
    assert any(name.endswith(".fits") for name in made)
    assert not lab.leftovers()
    words = [line.split() for line in calls.read_text().splitlines()]
    assert len(words) == 6
    for call in words:
        assert call[0] == "-i"
        assert call[1].startswith(lab.path("dl0"))
        assert call[2] == "-c"
        assert Path(call[3]).read_text() == (lab.root / "rta.txt").read_text()
        assert call[4:] == ["-o", ".", "--selectedtel", "1"]
    assert lab.ok() == []


def test_a_changed_config_of_hiperta_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    install(lab, monkeypatch)
    one_node(lab)
    lab.ok()
    (lab.root / "rta.txt").write_text("cleaningType = 0;\n")
    run = lab.run()
    assert run.code != 0
    assert "cleaningType: '1' -> '0'" in run.text


def test_options(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kept file lies beside the product, and no step reads it."""
    calls = install(lab, monkeypatch)
    one_node(lab, options={"debug_mode": True})
    lab.ok()
    assert all(line.endswith("--selectedtel 1 -g") for line in calls.read_text().splitlines())
    assert not list((lab.root / "dl1").glob("*.hdf5"))
    merged = events_in(lab.path("merged.h5"))
    assert len(merged) == 9


def test_kept_files_are_whole_files_of_hiperta(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in's are not."""
    install(lab, monkeypatch)
    one_node(lab, options={"keep_file": True})
    run = lab.run()
    assert run.code != 0
    assert "dl1_a.simtel.gz" in run.text
    assert not list((lab.root / "dl1").glob("*.h*5"))


@pytest.mark.parametrize("options", [{"keep_file": "perhaps"}, {"keepfile": True}, "-g"])
def test_wrong_options_are_told(lab: Lab, options: object) -> None:
    one_node(lab, options=options)
    run = lab.run()
    assert run.code == 2
    assert "options" in run.text


def test_a_missing_program_is_told_before_anything_runs(lab: Lab) -> None:
    one_node(lab)
    run = lab.run()
    assert run.code == 2
    assert f"it calls {PROGRAM}, which is not on this machine" in run.text
    assert "stage r0_to_dl1, step 1" in run.text
    assert not run.arrays
    assert not (lab.root / "dl1").exists()


def test_a_cluster_may_have_what_this_machine_has_not(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its jobs tell, and are not tried again; no file is given up for it."""
    one_node(lab, max_failed_fraction=1)
    plan = lab.plan()
    assert list(program_problems(plan.steps, Environment(), local=False)) == []
    assert len(list(program_problems(plan.steps, Environment(), local=True))) == 1
    monkeypatch.setattr("lstluigi.validation.environment.missing_programs", lambda *given: [])
    run = lab.run()
    assert run.code == 30
    assert f"{PROGRAM} is not in this environment" in run.text
    assert len(run.arrays) == 1
    assert not lab.files("dl1")


def test_only_steps_that_are_to_run_need_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as there:
        install(lab, there)
        one_node(lab)
        lab.ok()
    (lab.root / "merged.h5").unlink()
    assert lab.ok() == [lab.path("merged.h5")]


def test_the_config_of_hiperta_is_asked_for(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    install(lab, monkeypatch)
    one_node(lab)
    text = lab.config.read_text()
    lab.config.write_text("".join(x for x in text.splitlines(True) if "rta_config" not in x))
    run = lab.run()
    assert run.code == 2
    assert "the rta config is not known; name" in run.text  # no JSON beside it would do
    assert lab.run(rta_config=lab.path("rta.txt")).code == 0


def test_programs_of_a_sourced_environment(tmp_path: Path) -> None:
    """What it prints, and what it leaves running, does not matter."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / PROGRAM).write_text("#!/bin/sh\n")
    (tmp_path / "bin" / PROGRAM).chmod(0o755)
    source = tmp_path / "environment.sh"
    source.write_text(f"echo welcome\nsleep 3 &\nexport PATH='{tmp_path}/bin':\"$PATH\"\n")
    names = [PROGRAM, "no such; program"]
    assert missing_programs(Environment(str(source)), names) == ["no such; program"]
    assert missing_programs(Environment(), names) == names


def test_an_environment_that_cannot_be_entered_lacks_nothing(tmp_path: Path) -> None:
    assert missing_programs(Environment(str(tmp_path / "none.sh")), [PROGRAM]) == []


@pytest.mark.parametrize("text", ["", '{"tailcut": {}}', "cleaningTyp = 1;\n"])
def test_a_config_of_another_tool(lab: Lab, text: str) -> None:
    one_node(lab)
    (lab.root / "rta.txt").write_text(text)
    run = lab.run()
    assert run.code == 2
    assert "it has none of the keys of HiPeRTA" in run.text


def test_a_key_that_is_not_known_is_told(lab: Lab) -> None:
    one_node(lab)
    (lab.root / "rta.txt").write_text("cleaningType = 1;\nkeepIsolatedPixel = 0;\n")
    (told,) = notices(lab.plan())
    assert "'keepIsolatedPixel' is no key of HiPeRTA" in told
