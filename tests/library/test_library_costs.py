"""What productions of the library have cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab import Lab, full
from library_lab import LINE, TEST_NODE, add, config

from lstluigi.files import Listing
from lstluigi.library.costs import Use, costs
from lstluigi.library.index import productions
from lstluigi.library.page import write
from lstluigi.library.read import contents
from lstluigi.library.show import as_data, details


def used(library: Path) -> list[Use]:
    (found,) = productions(str(library))
    return costs(found, contents(found).logs)


@pytest.fixture
def data(library: Path, tmp_path: Path) -> Path:
    """Where the products of the only production are; its models and the logs beside them."""
    add(library, "x", yaml.safe_dump(config("x")).replace("/data/", f"{tmp_path}/data/"))
    return tmp_path / "data"


def record(logs: Path, stages: Any, time: str = "2026-11-25T00:00:00Z", **changes: Any) -> None:
    logs.mkdir(parents=True, exist_ok=True)
    content = {"format": 1, "prod_id": "x", "time": time, "stages": stages, **changes}
    (logs / "cost_x.json").write_text(json.dumps(content))


def use(cpu_s: Any = 3600, wall_s: Any = 7200, peak_mb: Any = 500) -> dict[str, Any]:
    return {"cpu_s": cpu_s, "wall_s": wall_s, "peak_mb": peak_mb, "lost_s": 3}


def of_models(data: Path) -> Path:
    return data / "models/AllSky/x" / LINE / "job_logs_train_pipe"


def of_irfs(data: Path) -> Path:
    irf = data / "mc/IRF/AllSky/x/TestingDataset/Gamma" / LINE / TEST_NODE
    return irf / "job_logs_dl2_to_irfs"


def test_it_is_found_by_the_paths_of_the_config(data: Path, library: Path, tmp_path: Path) -> None:
    assert used(library) == []
    record(of_models(data), {"train_pipe": use(), "r0_to_dl1": use(36_000_000, 3600, None)})
    assert used(library) == [
        Use("r0_to_dl1", 10_000.0, 1.0, None),
        Use("train_pipe", 1.0, 2.0, 500.0),
    ]
    (found,) = productions(str(library))
    lines = list(details(found, contents(found), Listing()))
    assert "  cost          r0_to_dl1: 10,000.00 h of CPU, 1.00 h of wall clock" in lines
    assert "  cost          train_pipe: 1.00 h of CPU, 2.00 h of wall clock, 500 MB" in lines
    assert as_data(found, Listing(), contents(found))["cost"][1] == {
        "stage": "train_pipe",
        "cpu_h": 1.0,
        "wall_h": 2.0,
        "peak_mb": 500.0,
    }
    write([found], tmp_path / "page")
    page = (tmp_path / "page/productions/x/index.html").read_text()
    assert "<h2>Cost</h2>" in page
    assert ">10,000.00 h</td>" in page


def test_the_newest_counts_for_each_stage(data: Path, library: Path) -> None:
    record(of_irfs(data), {"train_pipe": use(0, 0), "dl2_to_irfs": use()}, "2026-11-24T00:00:00Z")
    record(of_models(data), {"train_pipe": use()})
    assert {one.stage: one.cpu_h for one in used(library)} == {
        "train_pipe": 1.0,
        "dl2_to_irfs": 1.0,
    }


@pytest.mark.parametrize(
    "stages",
    [
        *([], {"train_pipe": None}, {"elsewhere": use()}, {"train_pipe": {}}),
        *({"train_pipe": use(cpu_s=wrong)} for wrong in ("1", True, -1, 10**400, float("nan"))),
    ],
)
def test_a_damaged_record_says_nothing(data: Path, library: Path, stages: Any) -> None:
    record(of_models(data), stages)
    assert used(library) == []
    record(of_models(data), {"train_pipe": use()}, prod_id="another")
    assert used(library) == []
    for text in ("", "[" * 100_000, "null"):
        (of_models(data) / "cost_x.json").write_text(text)
        assert used(library) == []


def test_what_a_run_writes_down_is_what_the_library_shows(lab: Lab, library: Path) -> None:
    full(lab)
    lab.ok()
    (library / "x").mkdir()
    (library / "x" / "config.yml").write_text(lab.config.read_text())
    kept = json.loads((lab.prod_logs / "logs_test_prod/cost_test_prod.json").read_text())
    found = {one.stage: one.wall_h for one in used(library)}
    assert set(found) == set(kept["stages"])
    assert sum(found.values()) == pytest.approx(kept["total"]["wall_h"], abs=1e-3)
