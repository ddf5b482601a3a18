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


# The content of a saved file does not depend on the backend, and these tests need a process each.
once = pytest.mark.skipif(keras.backend.backend() != "jax", reason="tested with JAX")
SAVE = """
layer = keras.layers.Dense(4, kernel_initializer=zerofill.Zeros({options}))
model = keras.Sequential([keras.Input((3,)), layer])
model.save(file)
print(keras.models.clone_model(model).layers[0].kernel_initializer)
"""
LOAD = "print(keras.models.load_model(file).layers[0].kernel_initializer)"


def run(imports, code, file):
    """Run code with the name of a file in a new process; return what it printed."""
    code = f"import sys, {imports}; file = sys.argv[1]\n{code}"
    command = [sys.executable, "-c", code, file]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@once
@pytest.mark.parametrize("options", ["", "'float16', alignment=4096, commit='lazy'"])
@pytest.mark.parametrize("saving", ["keras, zerofill", "zerofill, keras"])
def test_every_program_loads_what_one_saved_without_the_bridge(saving, options, tmp_path):
    copied = run(saving, SAVE.format(options=options), tmp_path / "model.keras")
    assert "keras.src.initializers.constant_initializers.Zeros" in copied
    for loading in ("keras", "keras, zerofill", "zerofill, keras", "zerofill.interop.keras, keras"):
        assert "keras.src" in run(loading, LOAD, tmp_path / "model.keras")


IN_ANY_ORDER = ["keras, zerofill.interop.keras", "zerofill.interop.keras, keras"]


@once
@pytest.mark.parametrize("loading", IN_ANY_ORDER)
def test_with_the_bridge_the_options_are_saved(loading, tmp_path):
    code = SAVE.format(options="alignment=4096")
    for imports, action in (("keras, zerofill.interop.keras", code), (loading, LOAD)):
        printed = run(imports, action, tmp_path / "model.keras")
        assert printed == "Zeros(alignment=4096)\n"


@once
def test_with_the_bridge_a_model_without_options_loads_everywhere(tmp_path):
    code = SAVE.format(options="")
    assert run("keras, zerofill.interop.keras", code, tmp_path / "model.keras") == "Zeros()\n"
    assert "keras.src" in run("keras", LOAD, tmp_path / "model.keras")
