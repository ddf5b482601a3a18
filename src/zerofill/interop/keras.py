"""Keras: a model that was saved with zerofill's ``Zeros`` has it again when it is loaded.

Keras finds :class:`zerofill.Zeros` by the name "zerofill>Zeros" once that is registered. zerofill
registers it when it is imported after Keras, and when a model is saved or copied. A program that
loads a model has to import zerofill too, after Keras; or, in any order, this module, which imports
Keras and registers the class. For a model whose file has only the bare name "Zeros", pass
``custom_objects={"Zeros": zerofill.Zeros}`` to ``load_model``.
"""

from ..initializers import Zeros
from ..keras_registry import register_with_keras
from ._optional import import_optional

__all__ = ["Zeros"]

import_optional("keras", "3.0")
register_with_keras(Zeros)
