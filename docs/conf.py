"""How the documentation is built: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

from lstluigi import __version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "lstluigi"
author = "The lstluigi developers"
copyright = "2026, the lstluigi developers"
version = release = __version__

extensions = [
    "config_tables",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "pipeline_graphs",
    "sphinx_design",
    "stage_tables",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "_ext", "examples"]
html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_nav_level": 1,
    "secondary_sidebar_items": ["page-toc"],
}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = "lstluigi"
html_show_sourcelink = False
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
