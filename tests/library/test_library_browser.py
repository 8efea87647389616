"""The page of the library in Debian's chromium, without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from library_lab import add, config, steps
from test_library_page import HOSTILE, README

from lstluigi.library.index import productions
from lstluigi.library.page import write

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium (tools/apt_chromium.sh installs Debian's)"
)
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    # nothing is resolved, so nothing can be fetched
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--hide-scrollbars", "--virtual-time-budget=3000"),
)


@pytest.fixture
def page(library: Path, tmp_path: Path) -> Path:
    """A page with three productions."""
    add(library, "20240101_v0.10.12_crab", readme="# Crab Nebula")
    stages = steps("b", line="dec_931")
    environment = {"source_file": "/conda.sh", "conda_env": "lstchain-v0.9.6"}
    add(library, "20220101_b", config("b", stages=stages, source_environment=environment))
    name = HOSTILE.replace("/", "")
    add(library, name, config(name), readme=README)
    return write(productions(str(library)), tmp_path / "page")


def chromium(tmp_path: Path, address: str, *more: str) -> str:
    command = [str(CHROMIUM), *OPTIONS, f"--user-data-dir={tmp_path}/profile", *more, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown(dom: str) -> list[str]:
    """How the names of the rows that can be seen begin, in order."""
    rows = [re.split(r"(?<=\")>", row, maxsplit=1) for row in dom.split("<tr ")[1:]]
    seen = [cells for start, cells in rows if ' hidden=""' not in start]
    return [unescape(re.findall(r"<a [^>]*>(.*?)</a>", row)[0])[:10] for row in seen]


def with_script(page: Path, script: str) -> str:
    """The page with something that its reader does."""
    (page.parent / "reader.js").write_text(script)
    acted = page.with_name("acted.html")
    text = page.read_text().replace("</head>", '<script src="reader.js" defer></script></head>')
    acted.write_text(text)
    return acted.as_uri()


def test_all_rows_are_there(page: Path, tmp_path: Path) -> None:
    dom = chromium(tmp_path, page.as_uri(), "--dump-dom")
    assert len(shown(dom)) == 3
    assert "3 of 3 productions" in dom


def test_search_by_address(page: Path, tmp_path: Path) -> None:
    dom = chromium(tmp_path, f"{page.as_uri()}#text=nebula%20CRAB", "--dump-dom")
    assert shown(dom) == ["20240101_v"]
    assert "1 of 3 productions" in dom
    dom = chromium(tmp_path, f"{page.as_uri()}#line=dec_931", "--dump-dom")
    assert shown(dom) == ["20220101_b"]
    dom = chromium(tmp_path, f"{page.as_uri()}#sort=2&order=descending", "--dump-dom")
    # 0.10.12 is more than 0.9.6
    assert shown(dom)[-1] == "20220101_b"


def test_typing_and_clicking(page: Path, tmp_path: Path) -> None:
    typed = with_script(
        page,
        "document.getElementById('text').value = '0.10.12';"
        "document.getElementById('text').dispatchEvent(new Event('input', {bubbles: true}));"
        "document.querySelectorAll('#productions th button')[1].click();",
    )
    dom = chromium(tmp_path, typed, "--dump-dom")
    # by date; what has none stands last
    assert [name[:4] for name in shown(dom)] == ["2024", "<scr"]
    assert 'aria-sort="ascending"' in dom
    twice = "document.querySelectorAll('#productions th button')[1].click();" * 2
    dom = chromium(tmp_path, with_script(page, twice), "--dump-dom")
    assert [name[:4] for name in shown(dom)] == ["2024", "2022", "<scr"]
    assert 'aria-sort="descending"' in dom


def test_nothing_runs_that_a_config_or_readme_brought(page: Path, tmp_path: Path) -> None:
    """Each would change the title."""
    for path in page.parent.rglob("index.html"):
        text = path.read_text().replace("alert(", "document.title=(")
        path.write_text(text)
        dom = chromium(tmp_path, path.as_uri(), "--dump-dom")
        (title,) = re.findall(r"<title>(.*?)</title>", dom, re.DOTALL)
        assert not title.isdigit()


def test_a_phone_needs_no_scrolling_sideways(page: Path, tmp_path: Path) -> None:
    """In a frame as wide as a phone: chromium's own window is never so narrow."""
    measure = (
        "const told = document.createElement('output');"
        "told.textContent = `width ${document.documentElement.scrollWidth}`;"
        "document.body.append(told);"
    )
    acted = Path(with_script(page, measure).removeprefix("file://"))
    frame = page.with_name("frame.html")
    frame.write_text(
        f'<iframe src="{acted.name}" width="390" height="800"></iframe><script>'
        "onload = () => { const inner = document.querySelector('iframe').contentDocument;"
        "document.title = inner.querySelector('output').textContent; };</script>"
    )
    more = ("--allow-file-access-from-files", "--dump-dom")
    dom = chromium(tmp_path, frame.as_uri(), *more)
    (width,) = re.findall(r"<title>width (\d+)</title>", dom)
    assert int(width) <= 390
    image = tmp_path / "page.png"
    chromium(tmp_path, frame.as_uri(), f"--screenshot={image}", "--window-size=500,900")
    assert image.read_bytes().startswith(b"\x89PNG")
