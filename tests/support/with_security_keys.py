"""The command line on a machine with software keys plugged in: FILE,FILE,… ARGUMENTS….

The real command line, except that python-fido2 finds these keys and no others. What they
hold afterwards is written back to the files.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import fido2.hid

sys.path.insert(0, str(Path(__file__).parents[1]))

from passkeep.cli import main
from support import softkey_file, softkey_hid

_, files, *arguments = sys.argv
keys = {path: softkey_file.load(path) for path in map(Path, filter(None, files.split(",")))}
fido2.hid.list_descriptors = lambda: softkey_hid.describe(list(keys.values()))
fido2.hid.open_connection = softkey_hid.connect(list(keys.values()))
for untouched in list(keys.values())["NOBODY_TOUCHES" not in os.environ :]:
    untouched.touch = lambda: None  # people touch the first one
try:
    main(arguments)
finally:
    for path, key in keys.items():
        softkey_file.save(key, path)
