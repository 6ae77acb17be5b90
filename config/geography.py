"""Spare every start the search for geography libraries that the product does not use.

strawberry_django asks for GDAL when it is imported, and Django looks for it under a dozen names,
each with a run of the compiler: 0.9 of the 2.6 seconds that a command took to start.
"""

from __future__ import annotations

import ctypes.util

_find_library = ctypes.util.find_library


def skip() -> None:
    """Answer at once that GDAL is not there; every other library is looked for as before."""
    ctypes.util.find_library = _find_all_but_gdal


def _find_all_but_gdal(name: str) -> str | None:
    return None if name.lower().startswith("gdal") else _find_library(name)
