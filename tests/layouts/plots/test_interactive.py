"""The page of pointings: whole in itself, and drawn by a browser that has no network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lstluigi.layouts import sky
from lstluigi.layouts.nodes import catalogue
from lstluigi.layouts.plots.interactive import page, save_html
from lstluigi.layouts.plots.pointings import PointingSet

LINE = PointingSet(
    "training dec_931", "training", catalogue("TrainingDataset", "Protons", "dec_931"), "dec_931"
)
TEST = PointingSet("test <b>", "test", catalogue("TestDataset", "Gamma"))
CHROMIUM = shutil.which("chromium")


def document(text: str) -> str:
    """What bokeh has been told to draw, as compact JSON."""
    (found,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.S)
    return json.dumps(json.loads(found.replace("&lt;", "<").replace("&gt;", ">")))


def test_it_needs_nothing_from_elsewhere() -> None:
    text = page([LINE, TEST], title="</script><script>alert(1)</script>")
    assert not re.findall(r"<(?:script|img|iframe)[^>]+src=|<link[^>]+href=", text)
    assert "alert(1)</script>" not in text


def test_nodes_and_what_the_mouse_shows() -> None:
    told = document(page([LINE, TEST], tracks=[sky.track(22.0, 70.0, "a source")]))
    for node in (*LINE.nodes, *TEST.nodes):
        assert f'"{node.name}"' in told
    for column in ("@name", "@zenith{0.000}", "@azimuth{0.000}", "@label"):
        assert column in told
    assert "a source" in told


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_a_browser_without_network_draws_it(tmp_path: Path) -> None:
    from matplotlib.image import imread

    save_html(tmp_path / "page.html", [LINE, TEST])
    command: list[Any] = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1100,800"),
        *("--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=5000"),
        *(f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={tmp_path / 'page.png'}"),
        f"file://{tmp_path}/page.html",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    pixels = imread(tmp_path / "page.png")[..., :3]
    # the colour of the line, #0072B2, of which the page has nothing else
    blue = (abs(pixels - [0, 0x72 / 255, 0xB2 / 255]) < 0.02).all(axis=-1)
    assert blue.sum() > 20 * 30
    # a thin ring of 12 pixels a side for each test node, some upon others
    assert (pixels < 0.5).all(axis=-1).sum() > 105 * 15
