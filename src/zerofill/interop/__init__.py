"""Bridges to other libraries: a module each, to be imported by name.

Importing :mod:`zerofill` imports none of them, and importing one of them imports its library.
"""

__all__: list[str] = []
