"""Comments of a YAML file, which a reader of its values does not see."""

from __future__ import annotations

from collections import defaultdict

import yaml

from lstluigi.config.yaml12 import Loader

#: Comments as (line, text): the text without its ``#``.
Comments = list[tuple[int, str]]


def comments_of(text: str) -> Comments:
    """Every comment that holds a letter or digit, with its line, from 1.

    Parameters
    ----------
    text : str
        A YAML document that can be read.
    """
    inside: set[int] = set()
    ends: dict[int, int] = defaultdict(int)
    for token in yaml.scan(text, Loader=Loader):
        first, last = token.start_mark.line, token.end_mark.line
        ends[last] = max(ends[last], token.end_mark.column)
        if isinstance(token, yaml.ScalarToken) and last > first:
            inside.update(range(first, last))
    found = []
    for number, line in enumerate(text.splitlines()):
        _, mark, comment = line[ends[number] :].partition("#")
        if mark and number not in inside and any(map(str.isalnum, comment)):
            found.append((number + 1, comment.strip("# \t")))
    return found
