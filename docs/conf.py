"""Sphinx: ``sphinx-build -W docs build/docs`` builds the documentation as pages for a browser."""

import pathlib
import sys
import tempfile
import types
import zlib

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

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx", "numpydoc"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = f"zerofill {release}"

autosummary_generate = False
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # or overloads are listed; numpydoc's sections have the types

# The names of other projects that the docstrings link to, with their pages. The inventories are
# made of these, and not downloaded, so that the pages are built without a network.
LINKED = {
    "numpy": (
        "https://numpy.org/doc/stable/",
        {
            f"numpy.{name}": f"reference/generated/numpy.{name}.html"
            for name in ("empty", "zeros", "zeros_like", "full", "ndarray", "dtype")
        },
    ),
    "dask": (
        "https://docs.dask.org/en/stable/",
        {"dask.array.zeros": "generated/dask.array.zeros.html"},
    ),
    "jax": (
        "https://docs.jax.dev/en/latest/",
        {
            f"jax.{name}": f"_autosummary/jax.{name}.html"
            for name in ("jit", "numpy.zeros", "nn.initializers.zeros")
        },
    ),
}


_folder = tempfile.TemporaryDirectory()  # goes when the build ends


def _inventory(project: str, pages: dict[str, str]) -> str:
    """Write an inventory in version 2 of Sphinx's format; return its path."""
    header = (
        f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    lines = "".join(f"{name} py:function 1 {page}#$ -\n" for name, page in pages.items())
    file = pathlib.Path(_folder.name, f"{project}.inv")
    file.write_bytes(header.encode() + zlib.compress(lines.encode()))
    return str(file)


intersphinx_mapping = {
    project: (address, _inventory(project, pages)) for project, (address, pages) in LINKED.items()
}
