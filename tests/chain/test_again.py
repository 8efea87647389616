"""The same command typed again: what is whole is left alone, what is missing is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from chain_compare import aside, assert_same_fits, snapshot
from chain_config import DL1_FILES, IRF, MERGED_TEST, MERGED_TRAINING
from chain_runs import Production

pytestmark = pytest.mark.chain


def state(production: Production) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Every file beside the data, ledgers included, and every array ever submitted."""
    tops = ("dl1", "dl2", "models", "irf")
    files = {name: key for top in tops for name, key in snapshot(production / top).items()}
    return files, production.jobs()


def test_nothing_runs_when_all_is_there(production: Production) -> None:
    before = state(production)
    ended = production.run()
    assert ended.code == 0, ended.text
    assert state(production) == before


def intermediates(production: Production) -> list[Path]:
    """DL1 of every kind: as made, divided, merged."""
    top = production / "dl1"
    found = [path for path in top.rglob("*.h5") if "job_logs" not in str(path)]
    assert len(found) > len(DL1_FILES) + len(MERGED_TRAINING) + len(MERGED_TEST)
    return found


def test_nothing_runs_when_dl1_is_gone(production: Production) -> None:
    with aside(*intermediates(production)):
        before = state(production)
        ended = production.run()
        assert ended.code == 0, ended.text
        assert state(production) == before


def test_a_deleted_irf_is_made_again_and_nothing_else(production: Production) -> None:
    irf = production / IRF
    files, jobs = state(production)
    with aside(irf):
        ended = production.run()
        assert ended.code == 0, ended.text
        assert_same_fits(irf, irf.with_name(f"{irf.name}.aside"))
        new_files, new_jobs = state(production)
    assert len(new_jobs) == len(jobs) + 1
    changed = {name for name in files.keys() & new_files.keys() if files[name] != new_files[name]}
    logs = str(irf.parent / "job_logs_dl2_to_irfs")
    others = {name for name in changed if not name.startswith(logs)}
    # what the production has cost is kept with each stage
    assert {name for name in others if Path(name).name != "cost_chain_test.json"} == {str(irf)}
    assert new_files.keys() - files.keys() == {f"{irf}.aside"}


@pytest.mark.slow
def test_lost_models_are_trained_again_and_nothing_else(production: Production) -> None:
    files, jobs = state(production)
    models = production / "models"
    with aside(models):
        ended = production.run()
        assert ended.code == 0, ended.text
        new_files, new_jobs = state(production)
        assert {path.name for path in models.rglob("*.sav")} == {
            path.name for path in models.with_name("models.aside").rglob("*.sav")
        }
        again = production.run()
        assert again.code == 0, again.text
        assert production.jobs() == new_jobs
    assert len(new_jobs) == len(jobs) + 1
    kept = [name for name in files if str(models) not in name and "cost_" not in name]
    assert {name: new_files.get(name) for name in kept} == {name: files[name] for name in kept}
