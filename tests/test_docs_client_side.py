"""docs/passkeys.md, "A server that must not see it": the page opens what passkeep sealed."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path

import passkeep
from support.browser import Chromium
from support.cli import ok
from support.npm import AgeEncryption, serve

PAGE = (Path(__file__).parents[1] / "docs" / "passkeys.md").read_text("utf-8")
(CLIENT,) = re.findall(r"^// client\.js\nimport .*?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FUNCTIONS = CLIENT.replace("export ", "")


def test_the_page_opens_what_the_server_cannot(tree, tmp_path):
    (tree / "sub" / "large.bin").write_bytes(bytes(100))
    backup = tmp_path / "b.tar.age"
    with Chromium() as chromium, serve() as port:
        page = AgeEncryption(chromium, port, "localhost")
        made = page.run(f"{FUNCTIONS} return turnOn(options)", "Notes")
        kept = made["forServer"]
        passkeep.backup(tree, backup, to=kept["recipient"])
        opened = page.run(f"{FUNCTIONS} return open(data, options)", kept, backup.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(opened)) as tar:
        assert tar.extractfile("tree/letter.txt").read() == b"Dear Ada"
    assert made["identity"] not in json.dumps(kept)
    paper = tmp_path / "paper"
    paper.write_text(made["identity"])
    ok("restore", backup, "-C", tmp_path / "out", "--identity", paper)
    assert (tmp_path / "out" / "tree" / "letter.txt").read_text() == "Dear Ada"
