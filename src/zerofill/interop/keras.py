"""Keras 3: models that were saved with zerofill's ``Zeros`` have it back when they are loaded.

Any layer takes a :class:`zerofill.Zeros` as it is. Importing this module registers the class with
Keras under the package name "zerofill": without that, Keras takes an initializer called Zeros in a
saved model for its own.
"""

from ..initializers import Zeros
from ._library import library

__all__ = ["Zeros"]

_keras = library("keras", "3.0", lambda keras: hasattr(keras, "ops"))
_keras.saving.register_keras_serializable(package="zerofill", name="Zeros")(Zeros)
