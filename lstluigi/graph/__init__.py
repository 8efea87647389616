"""Which step makes which path: paths in, edges out. The lowest layer; no file is looked at."""

from lstluigi.graph.links import Graph, GraphProblem, LeftOut
from lstluigi.graph.paths import Made, Read, matches, parent, reaches

__all__ = ["Graph", "GraphProblem", "LeftOut", "Made", "Read", "matches", "parent", "reaches"]
