"""The public names are those in __all__, and the types are shipped."""

import importlib.metadata
import pathlib
import pkgutil

import pytest

import zerofill


def test_all_is_the_truth():
    modules = {"benchmark", "cli", "creation", "diagnostics", "dtype_serialization", "dtypes"}
    modules |= {"initializers", "interop", "keras_configs", "keywords", "numpy_handler"}
    modules |= {"compare", "counters", "launch", "option_values", "profile", "profiler"}
    modules |= {"picklers", "runtime", "sharing", "sizes", "transport"}
    public = {name for name in vars(zerofill) if not name.startswith("_")}
    assert public - modules | {"initializers"} == set(zerofill.__all__)
    assert sorted(zerofill.__all__) == zerofill.__all__


def test_every_module_says_what_it_is_for():
    for info in pkgutil.iter_modules(zerofill.__path__):
        if info.name in ("__main__", "_zerofill"):
            continue
        module = importlib.import_module(f"zerofill.{info.name}")
        assert module.__doc__, info.name
        assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("name", ["py.typed", "_zerofill.pyi"])
def test_types_are_shipped(name):
    assert (pathlib.Path(zerofill.__file__).parent / name).is_file()


def test_the_version_is_the_packages():
    assert importlib.metadata.version("zerofill") == zerofill.__version__


def test_names_pickle_as_the_public_ones():
    import pickle

    assert pickle.loads(pickle.dumps(zerofill.zeros)) is zerofill.zeros
    assert pickle.loads(pickle.dumps(zerofill.Zeros)) is zerofill.Zeros
    assert zerofill.zeros.__module__ == zerofill.clear.__module__ == "zerofill"
