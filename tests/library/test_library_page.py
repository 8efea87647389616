"""The library as a page, read as text: what is on it, and what cannot get onto it."""

from __future__ import annotations

import errno
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from library_lab import LINE, NODES, TEST_NODE, add, config, steps

from lstluigi.errors import LstluigiError
from lstluigi.library.index import productions
from lstluigi.library.markdown import render
from lstluigi.library.page import write
from lstluigi.library.pointings import draw_production, sets_of

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;"
README = """# Title

A [link](https://example.org), a [bad one](javascript:alert(1)), `code`.

<script>alert(3)</script> <img src="https://example.org/spy.png" onerror="alert(4)">

![a picture](https://example.org/spy.png) ![x](data:text/html;base64,PHNjcmlwdD4=)

| a | b |
|---|---|
| 1 | 2 |
"""


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def links(self) -> list[str]:
        """What the page refers to."""
        return [
            value
            for _, attributes in self.found
            for name in ("href", "src")
            if (value := attributes.get(name)) is not None
        ]


def pages(output: Path) -> dict[Path, Elements]:
    return {path: Elements(path.read_text()) for path in output.rglob("*.html")}


def test_every_production_has_its_row_and_page(library: Path, tmp_path: Path) -> None:
    add(library, "20240101_v0.10.12_a", readme=README)
    add(library, "grid/NSB-0.07", config("b_nsb_tuning_0.07"))
    output = tmp_path / "page"
    assert write(productions(str(library)), output) == output / "index.html"
    found = pages(output)
    assert len(found) == 3
    for path, elements in found.items():
        for link in elements.links():
            if "://" not in link:
                assert (path.parent / unquote(link)).is_file(), link
    index = (output / "index.html").read_text()
    assert 'data-lines="dec_2276"' in index
    page = (output / "productions/20240101_v0.10.12_a/index.html").read_text()
    assert f"/data/models/AllSky/20240101_v0.10.12_a/{LINE}" in page
    assert "<td>2</td>" in page  # the readme's table
    copied = output / "productions/20240101_v0.10.12_a/lstmcpipe_config.yml"
    assert (
        copied.read_bytes() == (library / "20240101_v0.10.12_a/lstmcpipe_config.yml").read_bytes()
    )


def test_nothing_of_a_config_or_readme_is_html(library: Path, tmp_path: Path) -> None:
    name = HOSTILE.replace("/", "")
    stages = steps("x")
    stages["train_pipe"][0]["output"] = f"/data/{HOSTILE}"
    tuning = {"waveform_nsb_tuning": {HOSTILE: HOSTILE, "nsb_tuning": True}, "tailcut": {}}
    environment = {"source_file": "/x", "conda_env": HOSTILE}
    changes = {"prod_type": HOSTILE, "source_environment": environment, HOSTILE: 1}
    directory = add(
        library, name, config(name, stages=stages, **changes), tuning, f"# {HOSTILE}\n{README}"
    )
    (directory / f"{name}.yml").write_text("prod_id: [")
    (directory / f"{name}.png").write_bytes(b"no image")
    output = tmp_path / "page"
    write(productions(str(library)), output)
    for path, elements in pages(output).items():
        scripts = [attributes for tag, attributes in elements.found if tag == "script"]
        assert [script.get("src") for script in scripts] == (
            ["library.js"] if path.parent == output else []
        )
        for _tag, attributes in elements.found:
            assert not [key for key in attributes if key.startswith("on")]
        for link in elements.links():
            assert not link.startswith(("javascript:", "data:", "//"))
            assert "spy" not in link
        assert "alert(1)" in path.read_text()  # it is there, as text
        (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', path.read_text())
        assert "default-src 'none'" in policy
        assert ("script-src" in policy) is (path.parent == output)


def test_markdown() -> None:
    html = str(render(README))
    assert '<a href="https://example.org">link</a>' in html
    assert "&lt;script&gt;" in html
    assert "<img" not in html
    assert "[a picture]" in html
    assert render("  \n") == ""


def test_no_file_from_elsewhere_is_published(library: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"tailcut": {}}')
    directory = add(library, "x", config("x", lstchain_config=str(secret)), settings=None)
    (directory / "plot.png").symlink_to(secret)
    write(productions(str(library)), tmp_path / "page")
    names = {path.name for path in (tmp_path / "page/productions/x").iterdir()}
    assert names == {"index.html", "lstmcpipe_config.yml"}


def test_names_that_would_meet_get_a_page_each(library: Path, tmp_path: Path) -> None:
    for name in ("a b", "a_b", "ü", "é"):
        add(library, name)
    write(productions(str(library)), tmp_path / "page")
    assert len(list((tmp_path / "page/productions").iterdir())) == 4


def test_a_page_is_replaced_and_others_are_left_alone(library: Path, tmp_path: Path) -> None:
    add(library, "x")
    output = tmp_path / "page"
    write(productions(str(library)), output)
    (output / "CNAME").write_text("example.org")
    add(library, "y")
    write(productions(str(library)), output)
    assert 'href="productions/y/index.html"' in (output / "index.html").read_text()
    assert (output / "CNAME").is_file()
    (output / "index.html").write_text("<html>mine</html>")
    with pytest.raises(LstluigiError, match="is not a page of this command"):
        write(productions(str(library)), output)
    assert (output / "index.html").read_text() == "<html>mine</html>"


def test_how_much_of_the_products_is_there(library: Path, tmp_path: Path) -> None:
    text = yaml.safe_dump(config("x")).replace("/data/", f"{tmp_path}/data/")
    add(library, "x", text)
    dl2 = tmp_path / f"data/mc/DL2/AllSky/x/TestingDataset/Gamma/{LINE}"
    (dl2 / TEST_NODE).mkdir(parents=True)
    (dl2 / TEST_NODE / f"dl2_x_{TEST_NODE}_merged.h5").touch()
    write(productions(str(library)), tmp_path / "page")
    page = (tmp_path / "page/productions/x/index.html").read_text()
    said = re.findall(r"<code>[^<]*/(DL2|IRF)/[^<]*</code> <small>([^<]*)</small>", page)
    assert said == [("DL2", "(1 of 1 there)"), ("IRF", "(0 of 1 there)")]
    index = (tmp_path / "page/index.html").read_text()
    cells = re.findall(r'<td data-label="(Models|DL2|IRF)"[^>]*>([^<]*)</td>', index)
    assert cells == [("Models", "0 of 1 there"), ("DL2", "1 of 1 there"), ("IRF", "0 of 1 there")]


def test_examples_are_marked(library: Path, tmp_path: Path) -> None:
    add(library, "template_prod")
    add(library, "x")
    write(productions(str(library)), tmp_path / "page")
    index = (tmp_path / "page/index.html").read_text()
    assert index.count('<small class="example">example, not made</small>') == 1
    page = (tmp_path / "page/productions/template_prod/index.html").read_text()
    assert "example, not made" in page


@pytest.mark.parametrize("earlier", [False, True])
def test_a_full_disk_leaves_the_page_as_it_was(
    earlier: bool, library: Path, tmp_path: Path
) -> None:
    output = tmp_path / "deep" / "page"
    add(library, "20230101_x")
    if earlier:
        write(productions(str(library)), output)
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    add(library, "20220101_y")

    def full(production: object, path: Path) -> bool:
        if "y" in path.parent.name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        path.write_bytes(b"image")
        return True

    with pytest.raises(LstluigiError, match=f"{output} cannot be written .No space left"):
        write(productions(str(library)), output, full)
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == before
    assert output.parent.exists() is earlier


def test_a_disk_that_is_full_for_a_copy_is_no_config_that_cannot_be_read(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(library, "x")

    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    name = tmp_path / "page/productions/x/lstmcpipe_config.yml"
    with pytest.raises(LstluigiError, match=f"{name} cannot be written .No space left"):
        write(productions(str(library)), tmp_path / "page")


def test_pointings_are_drawn(library: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    below = "node_theta_100.0_az_5.0_"
    add(library, "x", config("x", stages=steps("x", nodes=(*NODES, below))))
    add(library, "y", "prod_id: y\nstages: {}\n")
    found = productions(str(library))
    assert [(one.label, len(one.nodes)) for one in sets_of(found[0])] == [
        (f"training {LINE}", 2),
        ("test", 1),
    ]
    write(found, tmp_path / "page", draw_production)
    image = tmp_path / "page/productions/x/lstluigi_pointings.png"
    assert image.read_bytes().startswith(b"\x89PNG")
    assert 'src="lstluigi_pointings.png"' in image.with_name("index.html").read_text()
    assert "<img" not in (tmp_path / "page/productions/y/index.html").read_text()
