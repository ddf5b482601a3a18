"""Bridges name a library that is missing or too old; importing zerofill imports none of them."""

import importlib
import importlib.metadata
import re
import subprocess
import sys
import types

import pytest

import zerofill
from zerofill import keras_configs

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
def test_keras_gets_a_config_that_it_can_load(name, monkeypatch):
    keras = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, keras)
    serializer = types.ModuleType(f"{name}.src.saving.serialization_lib")
    exec("def ask(initializer): return initializer.get_config()", serializer.__dict__)
    initializer = zerofill.Zeros("float32", alignment=4096)

    assert serializer.ask(initializer) == {}  # Keras is still being imported
    keras.saving = KerasRegistry()
    assert serializer.ask(initializer) == {}  # Keras would take its own class
    for _ in range(2):
        keras_configs.register_with_keras(zerofill.Zeros)
    assert keras.saving.names == {zerofill.Zeros: "zerofill>Zeros"}
    assert serializer.ask(initializer) == {"alignment": 4096}
    assert serializer.ask(zerofill.Zeros("int8")) == {"dtype": "int8"}

    class Subclass(zerofill.Zeros):
        __slots__ = ()

    assert serializer.ask(Subclass()) == {"dtype": "float32"}  # no class of Keras's has this name
    assert initializer.get_config() == {"dtype": "float32", "alignment": 4096}
