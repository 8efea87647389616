"""YAML as text: what YAML 1.2 says where YAML 1.1 differs, lines, and bounds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstluigi.config import yaml12
from lstluigi.errors import ConfigError


@pytest.fixture(params=["C", "Python"], autouse=True)
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of PyYAML's parsers."""
    if request.param == "C" and not yaml.__with_libyaml__:
        pytest.skip("PyYAML without libyaml")
    if request.param == "Python":
        monkeypatch.setattr(yaml12, "Loader", yaml.SafeLoader)


def read(tmp_path: Path, content: str | bytes) -> yaml12.Value:
    file = tmp_path / "config.yml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    value, _, problems = yaml12.read_yaml(file, "config.yml")
    assert problems == []
    return value


def refusal(tmp_path: Path, content: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, content)
    (problem,) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize(
    "scalar",
    [
        "11:30:00",
        "03-00:00:00",
        "yes",
        "no",
        "on",
        "off",
        "0.10",
        "010",
        "1e3",
        "2024-01-01",
        "0x1F",
    ],
)
def test_scalars_keep_their_text(tmp_path: Path, scalar: str) -> None:
    assert read(tmp_path, f"a: {scalar}\n") == {"a": scalar}


@pytest.mark.parametrize("scalar", ["", "~", "null", "Null", "NULL"])
def test_null_only_unquoted(tmp_path: Path, scalar: str) -> None:
    assert read(tmp_path, f"a: {scalar}\nb: '{scalar}'\n") == {"a": None, "b": scalar}


def test_lines_of_keys_and_items(tmp_path: Path) -> None:
    value = read(tmp_path, "# a comment\na: 1\nb:\n- x: 1\n  y: 2\n\n- x: 3\n")
    assert isinstance(value, yaml12.YamlMapping)
    assert value.lines == {"a": 2, "b": 3}
    steps = value["b"]
    assert isinstance(steps, yaml12.YamlList)
    assert steps.lines == [4, 7]
    assert [step.lines for step in steps if isinstance(step, yaml12.YamlMapping)] == [
        {"x": 4, "y": 5},
        {"x": 7},
    ]


def test_alias_is_the_value_it_stands_for(tmp_path: Path) -> None:
    assert read(tmp_path, "a: &s {mem: 6GB}\nb: *s\nc: &t x\nd: *t\n") == {
        "a": {"mem": "6GB"},
        "b": {"mem": "6GB"},
        "c": "x",
        "d": "x",
    }


def test_duplicate_key_names_both_lines(tmp_path: Path) -> None:
    file = tmp_path / "config.yml"
    file.write_text("a: 1\nb: {c: 1}\na: 2\n")
    value, _, problems = yaml12.read_yaml(file, "config.yml")
    assert value == {"a": "1", "b": {"c": "1"}}
    (problem,) = problems
    assert problem.where == "config.yml, line 3, key 'a'"
    assert "line 1" in problem.what


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("a:\n\tb: 1\n", 2, "a tab stands here"),
        ("a: 1\nb:\n  c: 1\n\td: 2\n", 4, "a tab stands here"),
        ("a: [1\nb: 2\n", 1, "opened here and not closed"),
        ("a: 1\nb: 'open\nc: 2\n", 2, "a quote is opened here and never closed"),
        ('a: 1\nb: "open\nc: 2\n', 2, "a quote is opened here and never closed"),
        ("a: 1\nb:2\nc: 3\n", 2, "neither 'key: value' nor"),
        ("a: 1\nb\n  c: 3\n", 2, "neither 'key: value' nor"),
        ("a: 1\nb: c: 3\n", 2, "a key is not allowed here"),
        ("a:\n  b: 1\n c: 2\n", 3, "not indented like the other keys"),
        ("a: 1\nb: @x\n", 2, "no value begins with the character"),
        ("a: 1\nb: *x y\n:: %\n", 2, ""),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", 3, "the merge key '<<' is not read"),
        ('é: 1\nb: "\x01"\n', 2, "control character"),
        (b"a: 1\nb: \xff\xfe\n", 2, "UTF-8"),
        ("a: 1\n---\nb: 2\n", 3, "second document"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "tag"),
        ("a: !!int 3\n", 1, "tag"),
        ("a: 1\n[b]: 2\n", 2, "key is not text"),
        ("a: 1\n{b: 1}: 2\n", 2, "key is not text"),
        ("a: 1\n~: 2\n", 2, "key is not text"),
        ("a: 1\nb: *nowhere\n", 2, "no anchor"),
        ("a: &a [*a]\n", 1, "no anchor"),
        ("a: 1\nb: " + "[" * 5000 + "\n", 2, "nested"),
        ("a: 1\nb: " + "{x: " * 5000 + "\n", 2, "nested"),
    ],
)
def test_refused_with_its_line(tmp_path: Path, content: str | bytes, line: int, words: str) -> None:
    sentence = refusal(tmp_path, content)
    assert sentence.startswith(f"config.yml, line {line}")
    assert words in sentence
    assert "\n" not in sentence


def test_alias_bomb_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "aliases" in refusal(tmp_path, "\n".join(lines))


def test_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbfa: 1\n") == {"a": "1"}


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml12, "MAX_BYTES", 10)
    assert "larger" in refusal(tmp_path, "a: 123456789\n")


def test_what_is_no_readable_file(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.yml", tmp_path, tmp_path / "nul\0.yml", Path("/dev/zero")):
        with pytest.raises(ConfigError) as caught:
            yaml12.read_yaml(path, "config.yml")
        assert str(caught.value.problems[0]).startswith("config.yml: ")


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.one_of(
        st.text(alphabet="ab:-?[]{}&*!|>'\"%@`,# \n\t~\0\x85\u2028é", max_size=40),
        st.binary(max_size=30),
    )
)
def test_any_file_is_read_or_refused_in_a_sentence(tmp_path: Path, content: str | bytes) -> None:
    file = tmp_path / "config.yml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        value, _, problems = yaml12.read_yaml(file, "config.yml")
    except ConfigError as error:
        problems = list(error.problems)
        value = None
    assert value is None or isinstance(value, str | yaml12.YamlMapping | yaml12.YamlList)
    assert all(str(problem).isprintable() for problem in problems)


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.recursive(
        st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.text(alphabet="abc- $`'", min_size=1, max_size=5), inner, max_size=3
            )
        ),
        max_leaves=12,
    )
)
def test_what_yaml_writes_is_read_back(tmp_path: Path, value: object) -> None:
    assert read(tmp_path, yaml.safe_dump(value, allow_unicode=True, default_style='"')) == value


def test_of_a_directory_the_configs_in_it_are_named(tmp_path: Path) -> None:
    def mend() -> str:
        with pytest.raises(ConfigError) as caught:
            yaml12.read_yaml(tmp_path, str(tmp_path))
        (problem,) = caught.value.problems
        assert problem.what == "this is a directory"
        return problem.mend

    assert "holds no production config" in mend()
    (tmp_path / "note.txt").touch()
    (tmp_path / "gone.yml").symlink_to("/nowhere")
    (tmp_path / "my.yaml").touch()
    assert mend() == f"give the path of the config in it: {tmp_path}/my.yaml"
    for number in range(9):
        (tmp_path / f"{number}.yml").touch()
    told = mend()
    assert f"{tmp_path}/0.yml or {tmp_path}/1.yml" in told
    assert told.endswith("(and 5 more)")


def test_what_has_the_name_of_a_config_and_is_none(tmp_path: Path) -> None:
    file = tmp_path / "my.yml"
    file.symlink_to("/nowhere")
    with pytest.raises(ConfigError, match="this is a link to nothing"):
        yaml12.read_yaml(file, str(file))
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ConfigError, match="this is not a file"):
        yaml12.read_yaml(file, str(file))
