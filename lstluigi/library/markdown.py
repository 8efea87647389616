"""Readmes as HTML in which nothing can run and nothing is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["render"]


def render(text: str) -> Markup | str:
    """Render Markdown; HTML in it is shown as text, images as their descriptions.

    Parameters
    ----------
    text : str
        A readme, from anybody.

    Returns
    -------
    Markup or str
        Safe to put into a page; empty if there is nothing.
    """
    if not text.strip():
        return ""
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("image", _image)
    return Markup(parser.render(text))


def _image(renderer: Any, tokens: Any, index: int, options: Any, environment: Any) -> str:
    """Name an image: those beside the readme stand below it, and others would be fetched."""
    from markupsafe import escape

    return str(escape(f"[{tokens[index].content or tokens[index].attrs.get('src', 'image')}]"))
