"""The report of the small production that real lstchain made."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest
from chain_config import DL2, IMPORTANCE, IRF, SENSITIVITY
from chain_runs import Production

pytestmark = pytest.mark.chain


def test_report_draws_everything_there_is(production: Production, tmp_path: Path) -> None:
    where = tmp_path / "report"
    words = ["-m", "lstluigi.cli", "report", str(production.config), "-o", str(where)]
    ended = production.started([sys.executable, *words]).wait()
    assert ended.code == 0, ended.text
    page = (where / "index.html").read_text()
    drawn = re.findall(r'<img src="data:image/png;base64,[^"]{1000,}" alt="([^"]*)"', page)
    assert "Pointing nodes: training and test" in drawn
    for quantity in ("effective area", "energy resolution", "energy bias", "theta cut"):
        assert f"{quantity}: irf.fits.gz" in drawn
    for quantity in ("sensitivity", "background", "angular resolution", "effective area"):
        assert f"{quantity}: sensitivity.fits.gz" in drawn
    node = "zenith 14.984°, azimuth 175.158°"
    assert f"DL1: intensity, {node}" in drawn
    for panel in ("intensity", "gammaness", "θ² of gammas", "energy migration of gammas"):
        assert f"DL2: {panel}, {node}" in drawn
    assert str((production / IMPORTANCE).parent) in drawn
    assert "% Crab" in page
    assert 'class="problem"' not in page

    told = json.loads((where / "provenance.json").read_text())
    assert "software:lstchain-0.12.3" in told["agent"]
    made = {m["prov:entity"] for m in told["wasGeneratedBy"].values()}
    for name in (IRF, SENSITIVITY, IMPORTANCE, *DL2.values()):
        file = production / name
        assert f"file:{file}" in made
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert told["entity"][f"file:{file}"]["lstluigi:sha256"] == digest
