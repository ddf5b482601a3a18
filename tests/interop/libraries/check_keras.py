"""Keras 3, on the backend KERAS_BACKEND: models are saved and loaded with zerofill's Zeros."""

import json
import subprocess
import sys

import numpy as np
import pytest

import zerofill

keras = pytest.importorskip("keras")

import zerofill.interop.keras  # noqa: E402

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


def run(code, path):
    """Run code with the name of a file in a new process, where the bridge is not imported."""
    code = f"import sys, keras, zerofill; file = sys.argv[1]; {code}"
    return subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)


# The content of a saved file does not depend on the backend, and these tests need a process each.
once = pytest.mark.skipif(keras.backend.backend() != "jax", reason="tested with JAX")
SAVE = """
layer = keras.layers.Dense(4, kernel_initializer=zerofill.Zeros(alignment=4096))
keras.Sequential([keras.Input((3,)), layer]).save(file)
"""


@once
def test_a_model_that_was_saved_without_the_bridge_comes_back_by_name(tmp_path):
    path = tmp_path / "model.keras"
    saved = run(SAVE, path)
    assert saved.returncode == 0, saved.stderr
    with pytest.raises(TypeError, match="Zeros"):
        keras.models.load_model(path)
    model = keras.models.load_model(path, custom_objects={"Zeros": zerofill.Zeros})
    assert model.layers[0].kernel_initializer == INITIALIZER


@once
def test_a_model_that_was_saved_with_the_bridge_needs_it(tmp_path):
    path = tmp_path / "model.keras"
    make_model().save(path)
    without = run("keras.models.load_model(file)", path)
    assert without.returncode != 0
    assert "zerofill>Zeros" in without.stderr
