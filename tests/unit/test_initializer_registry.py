"""get, serialize and deserialize, in the forms of TensorFlow and Keras."""

import json
import sys

import numpy as np
import pytest

import zerofill
from zerofill import Zeros, initializers


def test_names_and_aliases():
    assert initializers.zeros is Zeros
    assert initializers.zeros_initializer is Zeros
    assert zerofill.zeros_initializer is Zeros
    assert issubclass(Zeros, initializers.Initializer)


@pytest.mark.parametrize("name", ["zeros", "Zeros", "zero"])
def test_get_by_name(name):
    assert initializers.get(name) == Zeros()
    assert initializers.get({"class_name": name, "config": {"dtype": "int8"}}) == Zeros("int8")
    assert initializers.deserialize(name) == Zeros()


class Subclass(Zeros):
    """A user's subclass without anything of its own."""


def test_get_passes_on_and_instantiates():
    def function(shape, dtype=None):
        return shape

    initializer = Zeros("int8")
    assert initializers.get(None) is None
    assert initializers.get(initializer) is initializer
    assert initializers.get(function) is function
    assert initializers.get(Zeros) == Zeros()
    assert initializers.get(Subclass) == Subclass()


@pytest.mark.parametrize(
    "identifier",
    ["nope", "ZEROS", "", 5, True, [], b"zeros", 1.5, ("zeros",), np.zeros(2)],
    ids=repr,
)
def test_get_refuses_anything_else_and_names_it(identifier):
    with pytest.raises(ValueError, match="Could not interpret initializer identifier") as raised:
        initializers.get(identifier)
    assert repr(identifier) in str(raised.value)


FORMS = [
    {"class_name": "Zeros", "config": {"dtype": "int8"}},
    {
        "module": "tensorflow.python.ops.init_ops",
        "class_name": "Zeros",
        "config": {"dtype": "int8"},
        "registered_name": "Zeros",
    },
    {
        "module": "zerofill.initializers",
        "class_name": "Zeros",
        "config": {"dtype": "int8"},
        "registered_name": None,
    },
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_deserialize_takes_each_librarys_form(form):
    before = json.dumps(form)
    assert initializers.deserialize(form) == Zeros("int8")
    assert initializers.get(form) == Zeros("int8")
    assert json.dumps(form) == before


def test_deserialize_takes_keras_form_without_a_config():
    keras = {
        "module": "keras.initializers",
        "class_name": "Zeros",
        "config": {},
        "registered_name": None,
    }
    assert initializers.deserialize(keras) == Zeros()
    assert initializers.deserialize({"class_name": "Zeros", "config": None}) == Zeros()
    assert initializers.deserialize({"class_name": "Zeros"}) == Zeros()
    assert initializers.deserialize(None) is None


def test_serialize():
    assert initializers.serialize(Zeros("int8")) == {
        "module": "zerofill.initializers",
        "class_name": "Zeros",
        "config": {"dtype": "int8"},
        "registered_name": None,
    }
    assert initializers.serialize(None) is None
    for wrong in (Zeros, "zeros", 5, len):
        with pytest.raises(ValueError, match="only an Initializer can be serialized"):
            initializers.serialize(wrong)


@pytest.mark.parametrize(
    ("config", "error", "words"),
    [
        ("nope", ValueError, "nope"),
        ({}, ValueError, "class_name"),
        ({"class_name": "Ones", "config": {}}, ValueError, "Ones"),
        ({"class_name": ["Zeros"], "config": {}}, ValueError, "class_name"),
        ({"class_name": "os.system", "config": {"command": "true"}}, ValueError, "os.system"),
        ({"module": "os", "class_name": "Zeros", "config": {}}, ValueError, "'os'"),
        ({"module": 5, "class_name": "Zeros", "config": {}}, ValueError, "5"),
        ({"class_name": "Zeros", "config": {"seed": 1}}, TypeError, "seed"),
        ({"class_name": "Zeros", "config": "x"}, TypeError, "'x'"),
        (5, ValueError, "5"),
        ([], ValueError, "must be a dict"),
    ],
)
def test_deserialize_refuses_and_names_what_it_does_not_know(config, error, words):
    with pytest.raises(error, match=words):
        initializers.deserialize(config)


@pytest.mark.parametrize(
    "config",
    [
        {"class_name": "Zeros", "config": {"dtype": "antigravity"}},
        {"class_name": "Zeros", "config": {"dtype": "antigravity.geohash"}},
        {"class_name": "Zeros", "config": {"dtype": {"class": "antigravity", "x": "print(1)"}}},
        {"class_name": "Zeros", "config": {"dtype": ["__import__('antigravity')"]}},
        {"class_name": "antigravity", "config": {}},
        {"module": "antigravity", "class_name": "Zeros", "config": {}},
        {"class_name": "Zeros", "config": {}, "registered_name": "antigravity>x", "module": "x"},
    ],
)
def test_nothing_that_a_config_names_is_imported(config):
    with pytest.raises((TypeError, ValueError)):
        initializers.deserialize(config)
    assert "antigravity" not in sys.modules


def test_the_base_class():
    base = initializers.Initializer()
    assert base.get_config() == {}
    assert type(base.clone()) is initializers.Initializer
    with pytest.raises(NotImplementedError, match="Initializer does not say"):
        base((2, 2))
