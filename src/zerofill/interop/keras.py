"""Keras: a model that was saved with zerofill's ``Zeros`` has it again when it is loaded.

Without this module, a model with :class:`zerofill.Zeros` is saved, copied and loaded as one with
``keras.initializers.Zeros``, in every program with Keras: that makes the same values, and takes no
options. Importing this module registers the class with Keras, as "zerofill>Zeros". Models are then
saved with the options that differ from their defaults; a program that loads such a model imports
this module too, in any order, or Keras says "Zeros() takes no arguments".
"""

from ..initializers import Zeros
from ..keras_configs import register_with_keras
from ._optional import import_optional

__all__ = ["Zeros"]

import_optional("keras", "3.0")
register_with_keras(Zeros)
