"""Graphs of pipelines, drawn from the very classes that generate their configs.

``pipeline-graph`` asks a config class for its steps, with nodes of the catalogue, reads the graph
off their paths as a run does, and draws it as `lstluigi graph` does.
"""

from __future__ import annotations

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lstluigi.report.graph.boxes import drawing
from lstluigi.report.graph.graphs import svg
from lstluigi.request.pipelines import create, read_back


class PipelineGraph(SphinxDirective):
    """The graph of a config class, with its arguments as ``name=value name=value``."""

    required_arguments = 1
    option_spec = {"arguments": directives.unchanged}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Ask the class, and draw what it says."""
        words = self.options.get("arguments", "").split()
        given = dict(word.split("=", 1) for word in words)
        name = self.arguments[0]
        arguments = {"prod_id": "PROD_ID", "nodes": "catalogue", **given}
        config = create(name, arguments)
        picture = drawing(read_back(config, config.text(config.content())))
        return [nodes.container("", nodes.raw("", svg(picture, name), format="html"))]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("pipeline-graph", PipelineGraph)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
