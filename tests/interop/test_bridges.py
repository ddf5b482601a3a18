"""Bridges name a library that is missing or too old; importing zerofill imports none of them."""

import importlib
import importlib.metadata
import re
import subprocess
import sys
import types

import pytest

import zerofill

# Each with a version that is just too old.
BRIDGES = {"dask": "2023.12.1", "jax": "0.4.33", "keras": "2.15.0", "threadpoolctl": "3.1.0"}

pytestmark = pytest.mark.thread_unsafe


@pytest.fixture
def bridge(request, monkeypatch):
    """Return the name of a bridge that is not imported yet, and a function that imports it."""
    name = f"zerofill.interop.{request.param}"
    monkeypatch.delitem(sys.modules, name, raising=False)
    yield request.param, lambda: importlib.import_module(name)
    sys.modules.pop(name, None)


@pytest.mark.parametrize("bridge", BRIDGES, indirect=True)
def test_a_missing_library_is_named_and_how_to_get_it(bridge, monkeypatch):
    name, import_it = bridge
    monkeypatch.setitem(sys.modules, name, None)
    (requirement,) = (
        extra.partition(";")[0].strip()
        for extra in importlib.metadata.requires("zerofill")
        if re.search(rf"extra == .{name}.", extra)
    )
    words = f"needs {name}, which is not installed; install it with: pip install '{requirement}'"
    with pytest.raises(ModuleNotFoundError, match=re.escape(words)):
        import_it()


@pytest.mark.parametrize("bridge", BRIDGES, indirect=True)
def test_an_old_library_is_named_with_its_version(bridge, monkeypatch):
    name, import_it = bridge
    old = types.ModuleType(name)
    old.__version__ = BRIDGES[name]
    monkeypatch.setitem(sys.modules, name, old)
    words = rf"needs {name} [0-9.]+ or newer, and {re.escape(old.__version__)} is installed; .*pip"
    with pytest.raises(ImportError, match=words):
        import_it()


def test_importing_zerofill_imports_no_other_library():
    code = (
        "import sys, zerofill, zerofill.interop, zerofill.cli; "
        "print({'dask', 'jax', 'keras', 'threadpoolctl', 'tensorflow', 'torch', 'pyarrow', 'rich',"
        " 'distributed', 'ml_dtypes'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("set()\n", "")


class KerasRegistry:
    """Stands for ``keras.saving``; as in Keras 2, a name can be registered once."""

    def __init__(self) -> None:
        self.names = {}

    def get_registered_name(self, cls: type) -> str:
        return self.names.get(cls, cls.__name__)

    def register_keras_serializable(self, package: str, name: str):
        def register(cls: type) -> type:
            assert cls not in self.names
            self.names[cls] = f"{package}>{name}"
            return cls

        return register


@pytest.mark.parametrize("name", ["keras", "tf_keras"])
def test_a_config_registers_the_initializer_with_keras_once(name, monkeypatch):
    keras = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, keras)
    assert zerofill.Zeros().get_config() == {"dtype": "float32"}  # Keras is still being imported
    keras.saving = KerasRegistry()
    for _ in range(2):
        assert zerofill.Zeros().get_config() == {"dtype": "float32"}
    assert keras.saving.names == {zerofill.Zeros: "zerofill>Zeros"}
