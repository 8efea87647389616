"""Lists in one argument, as a user writes them and as lstluigi does."""

from __future__ import annotations

import pytest

from lstluigi.production.selection import joined, split


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", ()),
        ("a", ("a",)),
        ("a,,b,", ("a", "b")),
        ("merge_dl1:3,*/Test [1]/*", ("merge_dl1:3", "*/Test [1]/*")),
        ('"a,b.h5",c.h5', ("a,b.h5", "c.h5")),
        ('a"b,c', ('a"b', "c")),
        (r"a\b", (r"a\b",)),
    ],
)
def test_split(text: str, items: tuple[str, ...]) -> None:
    assert split(text) == items


@pytest.mark.parametrize("items", [("a",), ("a, b", 'c"d"', '"e', "f'g\\", " h ", "é[1]*?")])
def test_what_is_joined_is_split_again(items: tuple[str, ...]) -> None:
    assert split(joined(items)) == items


def test_plain_items_stay_as_they_are() -> None:
    assert joined(["/a b/c.h5", "train_pipe"]) == "/a b/c.h5,train_pipe"


def test_two_lines_are_refused() -> None:
    with pytest.raises(ValueError, match="no list"):
        split("a\nb")
