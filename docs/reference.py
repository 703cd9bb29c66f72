"""Builds the API reference from the docstrings: `make docs`.

Usage: reference.py FOLDER. Warnings are errors.
"""

import sys
import warnings
from pathlib import Path

import pdoc
import pdoc.render

import passkeep
import passkeep.passkey

LAZY = (passkeep, passkeep.passkey)


def main() -> None:
    """Writes one page for each public module."""
    warnings.simplefilter("error")
    for module in LAZY:
        for name in module.__all__:
            # Some are loaded when they are used, and are looked for where they are then.
            setattr(module, name, getattr(module, name))
    pdoc.render.configure(docformat="google")
    pdoc.pdoc("passkeep", "passkeep.web", output_directory=Path(sys.argv[1]))


main()
