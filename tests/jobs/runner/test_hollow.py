"""Products that have all their parts and no event in them are refused, with the reason."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from lstluigi.jobs.runner import base
from lstluigi.jobs.runner.base import Hollow, Unsound
from lstluigi.jobs.runner.checks import check_file
from lstluigi.stages import checks
from lstluigi.stages.irf_cuts import of_other_telescopes
from lstluigi.stages.scripts import irf_events

RUNNER = str(Path(base.__file__).parent)
MAKE = """
import sys
from astropy.io import fits
import numpy as np
column = fits.Column("EFFAREA", "D", array=np.array([0.0, float(sys.argv[2])]))
other = fits.Column("MATRIX", "D", array=np.array([0.0, 1.0]))
hdus = [fits.BinTableHDU.from_columns([column], name="EFFECTIVE AREA"),
        fits.BinTableHDU.from_columns([other], name="ENERGY DISPERSION")]
fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(sys.argv[1])
"""


IRF = checks.irf(background=False, psf=False)


def irf(path: Path, area: list[float]) -> str:
    columns = {"EFFECTIVE AREA": ("EFFAREA", area), "ENERGY DISPERSION": ("MATRIX", [1.0])}
    hdus = [
        fits.BinTableHDU.from_columns([fits.Column(c, "D", array=np.array(v))], name=name)
        for name, (c, v) in columns.items()
    ]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return str(path)


def test_one_number_above_zero_is_enough(tmp_path: Path) -> None:
    assert check_file(irf(tmp_path / "a.fits", [0.0, np.nan, 3.0]), dict(IRF)) is None


@pytest.mark.parametrize("area", [[0.0, 0.0], [np.nan, np.inf], [-1.0]])
def test_an_effective_area_of_nothing_is_refused(tmp_path: Path, area: list[float]) -> None:
    with pytest.raises(Hollow, match="EFFAREA of HDU 'EFFECTIVE AREA'"):
        check_file(irf(tmp_path / "a.fits", area), dict(IRF))


def test_a_column_that_is_missing_is_no_want_of_events(tmp_path: Path) -> None:
    check = {"values": {"EFFECTIVE AREA": "OTHER"}}
    with pytest.raises(Unsound) as caught:
        check_file(irf(tmp_path / "a.fits", [1.0]), check)
    assert not isinstance(caught.value, Hollow)


@pytest.mark.parametrize(("area", "state"), [("0", "failed"), ("2.5", "ok")])
def test_what_explains_is_run_for_hollow_products_only(
    tmp_path: Path, area: str, state: str
) -> None:
    (tmp_path / "make.py").write_text(MAKE)
    (tmp_path / "why.py").write_text("print('some'); print('of 5 gammas, 0 after the cut')")
    item: dict[str, Any] = {
        "id": "a",
        "commands": [[str(tmp_path / "make.py"), "a.fits", area]],
        "explain": [[str(tmp_path / "why.py")]],
        "scratch": str(tmp_path / "scratch"),
        "products": [{"made": "a.fits", "final": str(tmp_path / "a.fits"), "check": dict(IRF)}],
        "log": str(tmp_path / "a.log"),
    }
    chunk = {"result": str(tmp_path / "r.json"), "cpus": 1, "items": [item]}
    (tmp_path / "spec.json").write_text(json.dumps({"format": 1, "chunks": [chunk]}))
    subprocess.run([sys.executable, RUNNER, str(tmp_path / "spec.json")], timeout=60, check=False)
    record = json.loads((tmp_path / "r.json").read_text())["items"]["a"]
    assert record["state"] == state
    assert (tmp_path / "a.fits").exists() == (state == "ok")
    assert ("of 5 gammas, 0 after the cut" in record["reason"]) == (state == "failed")
    assert record["bad_data"] == (state == "failed")


def test_cuts_are_counted_up_to_the_one_that_leaves_nothing() -> None:
    counts = irf_events.Counts()
    keep = {"filter_cut": 90, "allowed_tels_filter": 90, "apply_global_gh_cut": 0}
    sizes = {"apply_global_gh_cut": 40}  # fewer are given to it: the offsets have cut
    for name, left in keep.items():
        cut = counts.counted(name, lambda cuts, events, left=left: events[:left])
        cut(None, list(range(sizes.get(name, 100 if name == "filter_cut" else 90))))
    assert counts.sentence() == (
        "of 100 gammas, 90 after the event filters, 90 after allowed_tels, 40 after the offsets in "
        "the field of view, 0 after the gammaness cut"
    )


@pytest.mark.parametrize(
    ("made", "kept", "refused"),
    [([1], None, False), ([3], None, True), ([3], [3], False), ([1, 3], None, False)],
)
def test_telescopes_of_which_nothing_is_left(
    made: list[int], kept: list[int] | None, refused: bool
) -> None:
    config: dict[str, Any] = {"source_config": {"EventSource": {"allowed_tels": made}}}
    if kept is not None:
        config["DL3Cuts"] = {"allowed_tels": kept}
    assert bool(list(of_other_telescopes(config))) == refused


@pytest.mark.parametrize(
    "given", [["--allowed-tels=3"], ["--DL3Cuts.allowed_tels=3"], ["--allowed-tels", "3"]]
)
def test_an_option_of_the_irf_tool_overrules_the_config(given: list[str]) -> None:
    config = {"source_config": {"EventSource": {"allowed_tels": [3]}}}
    assert not list(of_other_telescopes(config, given))
