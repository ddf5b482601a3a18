"""Keras 3: models that were saved with zerofill's ``Zeros`` have it back when they are loaded.

Any layer takes a :class:`zerofill.Zeros` as it is. Importing this module registers the class with
Keras under the package name "zerofill". That has to be done before a model is saved and before it
is loaded: Keras writes the registered name into the file, and takes an initializer that is just
called Zeros for its own. Models that were saved without it are loaded with
``custom_objects={"Zeros": zerofill.Zeros}``.
"""

from ..initializers import Zeros
from ._library import library

__all__ = ["Zeros"]

_keras = library("keras", "3.0")
_keras.saving.register_keras_serializable(package="zerofill", name="Zeros")(Zeros)
