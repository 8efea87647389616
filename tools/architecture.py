"""Draw the rooms of lstluigi in ARCHITECTURE.md, from the contract in pyproject.toml.

Usage: python tools/architecture.py [--check]
"""

from __future__ import annotations

import ast
import sys
import textwrap
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- rooms: written by tools/architecture.py -->\n", "<!-- end of rooms -->\n"


def floors() -> list[list[str]]:
    """Return the rooms of each floor from the top, as the layers of the contract name them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [layers] = [c["layers"] for c in settings["contracts"] if c["type"] == "layers"]
    return [layer.split(" | ") for layer in layers]


def summary(module: str) -> str:
    """Return the first sentence of a room's docstring."""
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text())) or ""
    return " ".join(text.partition("\n\n")[0].split())


def picture() -> str:
    """Return the rooms as text, the highest floor first."""
    rows = []
    levels = floors()
    for floor, rooms in zip(range(len(levels), 0, -1), levels, strict=True):
        for room in rooms:
            name = room.removeprefix("lstluigi.")
            is_folder = ROOT.joinpath(*room.split(".")).is_dir()
            label = f"{name}/" if is_folder else f"{name}.py"
            first, *rest = textwrap.wrap(summary(room), 96)
            number = f"{floor}" if room == rooms[0] else " "
            rows += [f" {number}  {label:<13} {first}", *(" " * 18 + line for line in rest)]
    return "```text\n" + "\n".join(rows) + "\n```\n"


def main(arguments: list[str]) -> int:
    """Write the picture, or with --check exit with 1 if it differs."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    drawn = f"{before}{BEGIN}{picture()}{END}{after}"
    if arguments == ["--check"]:
        return int(page != drawn)
    PAGE.write_text(drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
