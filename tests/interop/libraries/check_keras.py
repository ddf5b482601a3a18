"""Keras 3, on the backend KERAS_BACKEND: models are saved and loaded with zerofill's Zeros."""

import json
import subprocess
import sys

import numpy as np
import pytest

import zerofill

keras = pytest.importorskip("keras")
import zerofill.interop.keras  # noqa: E402  # registers Zeros; programs without it are below

INITIALIZER = zerofill.Zeros(alignment=4096)


def make_model():
    return keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(
                4, kernel_initializer=INITIALIZER, bias_initializer=zerofill.Zeros()
            ),
        ]
    )


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "bfloat16", "float16"])
def test_a_layer_takes_it(policy):
    layer = keras.layers.Dense(4, kernel_initializer=INITIALIZER, dtype=policy)
    layer.build((None, 3))
    kernel = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(layer.kernel, "float32")))
    assert kernel.shape == (3, 4)
    assert not kernel.any()


def test_a_saved_model_has_ours_back(tmp_path):
    model = make_model()
    model.layers[0].set_weights([np.ones((3, 4)), np.ones(4)])
    model.save(tmp_path / "model.keras")
    layer = keras.models.load_model(tmp_path / "model.keras").layers[0]
    assert type(layer.kernel_initializer) is zerofill.Zeros
    assert layer.kernel_initializer == INITIALIZER
    assert layer.get_weights()[0].sum() == 12


def test_a_copied_model_has_ours():
    copied = keras.models.clone_model(make_model())
    assert copied.layers[0].kernel_initializer == INITIALIZER


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "qint8", ">f8", "m8[ms]"])
def test_serialization_round_trip(dtype):
    initializer = zerofill.Zeros(dtype, order="F", commit="lazy")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(initializer)))
    assert config["registered_name"] == "zerofill>Zeros"
    assert keras.saving.deserialize_keras_object(config) == initializer
    assert keras.initializers.get(initializer) is initializer


def test_kerass_own_config_is_taken():
    assert zerofill.Zeros.from_config(keras.initializers.Zeros().get_config()) == zerofill.Zeros()
    theirs = keras.initializers.serialize(keras.initializers.Zeros())
    assert zerofill.initializers.deserialize(theirs) == zerofill.Zeros()


def test_a_file_with_the_bare_name_is_read_with_custom_objects():
    config = keras.saving.serialize_keras_object(INITIALIZER)
    old = {**config, "registered_name": "Zeros"}
    restored = keras.initializers.deserialize(old, custom_objects={"Zeros": zerofill.Zeros})
    assert restored == INITIALIZER


def test_kerass_own_zeros_stay_what_they_are():
    assert type(keras.initializers.get("zeros")) is keras.initializers.Zeros
    theirs = keras.initializers.serialize(keras.initializers.Zeros())
    assert type(keras.initializers.deserialize(theirs)) is keras.initializers.Zeros


# The content of a saved file does not depend on the backend, and importing Keras takes seconds.
once = pytest.mark.skipif(keras.backend.backend() != "jax", reason="tested with JAX")
MODELS = {"options": {"dtype": "float16", "alignment": 4096, "commit": "lazy"}, "plain": {}}
SAVE = f"""
for name, options in {MODELS}.items():
    layer = keras.layers.Dense(4, kernel_initializer=zerofill.Zeros(**options))
    model = keras.Sequential([keras.Input((3,)), layer])
    model.save(folder / f"{{name}}.keras")
    print(keras.models.clone_model(model).layers[0].kernel_initializer)
"""
LOAD = """
for file in sorted(folder.rglob("*.keras")):
    print(keras.models.load_model(file).layers[0].kernel_initializer)
"""
THEIRS = "<keras.src.initializers.constant_initializers.Zeros "


def run(imports, code, folder):
    """Run code with a folder, which is made, in a new process; return the lines that it printed."""
    folder.mkdir(exist_ok=True)
    code = f"import pathlib, sys, {imports}; folder = pathlib.Path(sys.argv[1])\n{code}"
    command = [sys.executable, "-c", code, folder]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return printed.splitlines()


@once
def test_every_program_loads_what_one_saved_without_the_bridge(tmp_path):
    for number, saving in enumerate(["keras, zerofill", "zerofill, keras"]):
        copied = run(saving, SAVE, tmp_path / str(number))
        assert [line.startswith(THEIRS) for line in copied] == [True] * 2
    for loading in ("keras", "keras, zerofill", "zerofill, keras", "zerofill.interop.keras, keras"):
        loaded = run(loading, LOAD, tmp_path)
        assert [line.startswith(THEIRS) for line in loaded] == [True] * 4


@once
def test_with_the_bridge_the_options_are_saved(tmp_path):
    ours = [repr(zerofill.Zeros(**options)) for options in MODELS.values()]
    assert run("keras, zerofill.interop.keras", SAVE, tmp_path) == ours
    for loading in ("keras, zerofill.interop.keras", "zerofill.interop.keras, keras"):
        assert run(loading, LOAD, tmp_path) == ours
    (tmp_path / "options.keras").unlink()  # without them, every program can load it
    (loaded,) = run("keras", LOAD, tmp_path)
    assert loaded.startswith(THEIRS)
