"""Bridges to other libraries, one module for each. Import the one that you need by its name.

Importing :mod:`zerofill` imports none of them; importing one of them imports its library.
"""

__all__: list[str] = []
