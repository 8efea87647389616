"""The quick reader of configs as programs write them says what the full reader says, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_corpus import CONFIGS

from lstluigi.config import yaml12
from lstluigi.config.document import Value, YamlList, YamlMapping
from lstluigi.config.plain import read_plain
from lstluigi.errors import ConfigError

LIMIT = yaml12.MAX_VALUES


def everything(value: Value) -> object:
    """A value with the lines of all that is in it."""
    if isinstance(value, YamlMapping):
        inner = {key: everything(item) for key, item in value.items()}
        return "mapping", value.line, list(value.lines.items()), list(inner.items())
    if isinstance(value, YamlList):
        return "list", value.line, value.lines, [everything(item) for item in value]
    return value


def by_the_full_reader(text: str) -> object:
    """What the full reader says; None if something is wrong with the text."""
    builder = yaml12._Builder("text")
    try:
        value, line = builder.document(yaml.parse(text, Loader=yaml12.Loader))
    except (ConfigError, yaml.YAMLError):
        return None
    return None if builder.problems else (line, everything(value))


def check(text: str) -> bool:
    """Compare the readers; true where the quick one has read the text."""
    plain = read_plain(text, LIMIT)
    if plain is not None:
        assert (plain.line, everything(plain)) == by_the_full_reader(text), text
    return plain is not None


WORDS = (
    *("a", "null", "~", "yes", "0.10", "11:30:00", "-1", "--no-image", "-", "--", "---", "..."),
    *("'*/*.h5'", '"x y"', "''", '""', "'a''b'", '"\\n"', "*/*.h5", "a: b", "a:", "a #b", "#b"),
    *("a#b", "[1]", "{a: b}", "&a b", "*a", "!x", "|", ">", "a  b", "http://x", "?", "? a", "a,b"),
    *("node_theta_10.0_az_102.199_", "--pattern '*/*.h5' --no-image", "'a' b", "'a' # c", "é"),
)
word = st.sampled_from(WORDS)
key = st.sampled_from(("a", "b", "c-d", "null", "<<", "'q'", "1", "input"))
line = st.builds(
    lambda indent, dash, name, gap, value, end: f"{' ' * indent}{dash}{name}{gap}{value}{end}",
    st.integers(0, 4),
    st.sampled_from(("", "", "- ", "-", "-  ", "- - ")),
    st.one_of(st.just(""), key.map("{}:".format)),
    st.sampled_from((" ", " ", "", "  ")),
    st.one_of(st.just(""), word),
    st.sampled_from(("", "", "", " ", " # c", "\t", "\r")),
)


@settings(max_examples=1500, deadline=None)
@given(st.lists(line, max_size=7).map("\n".join))
@example("a:\n- b: 1\n  c:\n  - x\n- b: 2\n  c: {}\n")
@example("a: b\n  c\n")
@example("a:\n  b: 1\n c: 2\n")
@example("a:\n    - b\n  - c\n")
@example("a:\n  # c\n  b:\n\nd: 'x'\n")
@example("a: 1\n--- \nb: 2\n")
@example("a:\n  b\n  c\n")
@example("a:\n  b\n  c: d\n")
@example("a:\n  b\n- c\n")
@example("a:\n  null\nb: c\n")
def test_it_says_the_same_or_nothing(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        "# by a program\nprod_id: x\nstages_to_run:\n- a\n- b\nstages:\n  a:\n"
        "  - input:\n      /x\n    output:\n      train: /t\n      test: /u\n"
        "    options: --no-image\n    mem:\n  b: ''\n",
        "  a: 1\n  b:\n    - x: 'y'\n      z: 11:30:00 # hours\n",
    ],
)
def test_what_programs_write_is_read(text: str) -> None:
    assert check(text)
    assert check(yaml.safe_dump(yaml.safe_load(text), sort_keys=False))


def test_a_document_that_is_too_large_is_left_to_the_full_reader() -> None:
    assert read_plain("a: b\n", 7) is None


@pytest.mark.skipif(not CONFIGS, reason="the corpus of real configs is absent")
def test_real_configs_are_read_so() -> None:
    texts = [Path(path).read_text() for path in CONFIGS]
    read = [check(text) for text in texts]
    quick = sum(len(text) for text, done in zip(texts, read, strict=True) if done)
    assert quick > 0.9 * sum(map(len, texts))
