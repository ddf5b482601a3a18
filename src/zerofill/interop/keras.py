"""Keras 3: a model that was saved with zerofill's ``Zeros`` has it again when it is loaded.

Any layer takes a :class:`zerofill.Zeros` without this module. Importing it registers the class with
Keras under the package name "zerofill". Import it before you save a model and before you load it,
because Keras writes the registered name into the file, and reads the bare name Zeros as its own
class. To load a model that was saved without this module, pass
``custom_objects={"Zeros": zerofill.Zeros}``.
"""

from ..initializers import Zeros
from ._optional import import_optional

__all__ = ["Zeros"]

_keras = import_optional("keras", "3.0")
_keras.saving.register_keras_serializable(package="zerofill", name="Zeros")(Zeros)
