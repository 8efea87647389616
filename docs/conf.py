"""How the documentation is built: `make docs`."""

from lstluigi import __version__

project = "lstluigi"
author = "The lstluigi developers"
copyright = "2026, the lstluigi developers"
version = release = __version__

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
html_theme = "pydata_sphinx_theme"
html_title = "lstluigi"
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
autodoc_typehints = "signature"
