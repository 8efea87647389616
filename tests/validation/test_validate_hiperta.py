"""What validate says of a production of the workflow hiperta."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from right_production import Production

MISSING = "it calls hiperta_r0_dl1, which is not on this machine"


@pytest.fixture
def by_hiperta(production: Production) -> Production:
    """The right production, by HiPeRTA."""
    (production.directory / "rta.txt").write_text("cleaningType = 1;\n")
    production.production |= {"workflow_kind": "hiperta", "rta_config": "rta.txt"}
    return production


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of that name on the path."""
    path = tmp_path / "bin" / "hiperta_r0_dl1"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")


def test_a_right_production(by_hiperta: Production, program: None) -> None:
    assert by_hiperta.told() == ([], [])


def test_a_missing_program_is_told(by_hiperta: Production) -> None:
    """It may be where the jobs run, so it is an error only where they run here."""
    errors, (warning,) = by_hiperta.told()
    assert not errors
    assert MISSING in warning
    assert "stage r0_to_dl1, step 1" in warning


def test_a_missing_program_is_an_error_where_jobs_run_here(by_hiperta: Production) -> None:
    by_hiperta.production["backend"] = "local"
    for step in by_hiperta.stages["r0_to_dl1"]:
        dl0 = by_hiperta.directory / step["input"]
        dl0.mkdir(parents=True)
        (dl0 / "run1.simtel.gz").touch()
    errors = [str(error) for error in by_hiperta.report(check_paths=True).errors]
    assert [error for error in errors if MISSING in error]


def test_an_environment_is_entered_only_to_look_at_files(by_hiperta: Production) -> None:
    source = by_hiperta.directory / "environment.sh"
    source.write_text(f"touch {by_hiperta.directory}/entered\n")
    by_hiperta.production["source_environment"] = {"source_file": str(source)}
    by_hiperta.production["backend"] = "local"
    by_hiperta.report()
    assert not (by_hiperta.directory / "entered").exists()


def test_the_config_of_hiperta_is_asked_for(by_hiperta: Production, program: None) -> None:
    del by_hiperta.production["rta_config"]
    errors, _ = by_hiperta.told()
    assert any("the rta config is not known" in error for error in errors)


def test_lstchain_is_asked_nothing_that_hiperta_does(by_hiperta: Production, program: None) -> None:
    """Charges are HiPeRTA's, so lstchain's way to integrate them is no error."""
    by_hiperta.lstchain["LocalPeakWindowSum"]["apply_integration_correction"] = False
    by_hiperta.lstchain["waveform_nsb_tuning"] = {"nsb_tuning": True}
    errors, warnings = by_hiperta.told()
    assert not errors
    assert any("r0_to_dl1, which alone heeds it, does not run" in text for text in warnings)
    by_hiperta.production["workflow_kind"] = "lstchain"
    errors, _ = by_hiperta.told()
    assert len(errors) == 2
