"""Pages of HTML: templates that escape whatever they are given, and whose page is whose."""

from __future__ import annotations

from importlib.resources import files as resources
from pathlib import Path
from typing import TYPE_CHECKING

from lstluigi._version import __version__
from lstluigi.errors import LstluigiError, shown

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["environment", "refuse_another", "template"]


def template(name: str, *packages: str) -> str | None:
    """Return a file of the templates of the first of these packages that has it."""
    for package in packages:
        path = resources(package).joinpath("templates", name)
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return None


def environment(generator: str, *packages: str) -> Environment:
    """Return what renders the templates of packages.

    Parameters
    ----------
    generator : str
        Named in each page, with the version, by which it is known again.
    packages : str
        Where templates are looked for, one after the other.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    found = Environment(
        autoescape=True,
        loader=FunctionLoader(lambda name: template(name, *packages)),
        undefined=StrictUndefined,
    )
    found.globals["generator"] = f"{generator} {__version__}"
    return found


def refuse_another(output: Path, generator: str) -> None:
    """Refuse a directory whose page another program, or a human, has written.

    Raises
    ------
    LstluigiError
        It is no directory, or its `index.html` names another generator.
    """
    page = output / "index.html"
    if output.exists() and not output.is_dir():
        raise LstluigiError(f"{shown(str(output))} is no directory; name another with -o")
    if page.exists() and f'content="{generator} ' not in page.read_text(errors="replace")[:2000]:
        raise LstluigiError(
            f"{shown(str(page))} is not a page of this command; name another directory with -o"
        )
