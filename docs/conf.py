"""Sphinx: ``sphinx-build -W docs build/docs`` builds the documentation as pages for a browser."""

import sys
import types

import zerofill

# Stand-ins for the libraries of the bridges, so that these can be imported for their docstrings.
sys.modules["keras"] = types.SimpleNamespace(__version__="3.0")
sys.modules["jax"] = types.SimpleNamespace(__version__="0.5")
sys.modules["dask"] = types.SimpleNamespace(__version__="2024.1", array=None)
sys.modules["dask.array"] = sys.modules["dask"]
sys.modules["threadpoolctl"] = types.SimpleNamespace(
    __version__="3.2", register=lambda controller: None, LibController=object
)

project = "zerofill"
author = "The zerofill developers"
release = zerofill.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = f"zerofill {release}"

autosummary_generate = False
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
