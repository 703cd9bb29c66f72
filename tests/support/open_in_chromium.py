"""Hand an address to the Chromium that a test runs: ``open_in_chromium.py SOCKET URL``.

Meant for the BROWSER variable, which Python's webbrowser module honours. Standard library
only, because it runs in whatever interpreter the program under test has.
"""

from __future__ import annotations

import socket
import sys


def main() -> int:
    _, path, url = sys.argv
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        with connection.makefile("rw", encoding="utf-8") as stream:
            stream.write(url + "\n")
            stream.flush()
            return 0 if stream.readline().strip() == "opened" else 1


if __name__ == "__main__":
    sys.exit(main())
