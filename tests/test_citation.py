"""Files that say how to cite, against what the package says of itself."""

from __future__ import annotations

import configparser
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lstluigi._version import __version__

ROOT = Path(__file__).parents[1]
LSTMCPIPE = "https://arxiv.org/abs/2212.00120"
LSTCHAIN = "10.5281/zenodo.6344673"


@pytest.fixture
def metadata() -> configparser.SectionProxy:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser["metadata"]


def words(metadata: configparser.SectionProxy) -> list[str]:
    return [word.strip() for word in metadata["keywords"].split(",")]


def test_citation_file(metadata: configparser.SectionProxy) -> None:
    found: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(found)
    assert (found["title"], found["version"]) == (metadata["name"], __version__)
    assert found["license"] == metadata["license"]
    assert [author["name"] for author in found["authors"]] == [metadata["author"]]
    assert found["keywords"] == words(metadata)
    assert found["abstract"].strip().rstrip(".") == metadata["description"]
    assert [one.get("url") for one in found["references"]] == [LSTMCPIPE, None]
    assert found["references"][1]["doi"] == LSTCHAIN


def test_codemeta(metadata: configparser.SectionProxy) -> None:
    found: dict[str, Any] = json.loads((ROOT / "codemeta.json").read_text())
    assert (found["name"], found["version"]) == (metadata["name"], __version__)
    assert found["license"].rsplit("/", 1)[1] == metadata["license"]
    assert [author["name"] for author in found["author"]] == [metadata["author"]]
    assert found["keywords"] == words(metadata)
    assert found["description"] == metadata["description"]
    assert [one["url"] for one in found["referencePublication"]] == [LSTMCPIPE]
    assert LSTCHAIN in found["softwareRequirements"][0]["identifier"]


def test_codemeta_names_nothing_that_its_context_does_not_know() -> None:
    """What the context of codemeta 2.0 has no term for would be an address beside the file."""
    found: dict[str, Any] = json.loads((ROOT / "codemeta.json").read_text())
    parts = [found, *(p for value in found.values() if isinstance(value, list) for p in value)]
    types = {part["@type"] for part in parts if isinstance(part, dict)}
    known = {"SoftwareSourceCode", "SoftwareApplication", "Organization", "Person"}
    assert {kind for kind in types if not kind.startswith("schema:")} <= known
    for key in ("developmentStatus", "license"):  # addresses by the context
        assert found[key].startswith("https://")


@pytest.mark.parametrize("page", ["README.md", "docs/citing.md"])
def test_pages_name_what_is_cited(page: str) -> None:
    text = (ROOT / page).read_text()
    assert all(name in text for name in ("CITATION.cff", LSTMCPIPE, LSTCHAIN))
