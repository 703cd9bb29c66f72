"""Whatever fails or ends the settings process while it writes, a keyring that opens is left.

Each action is repeated, and each time another system call fails, or the process is killed
just before it.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import passkeep
from passkeep.keyring import Keyring
from support import faults
from support.trees import names

CALLS = (*faults.WRITING, *faults.PUBLISHING)

# Forks a child for each line of JSON. It unlocks the keyring as the page does, and asks
# for one thing while something goes wrong.
SERVER = """
import ctypes, json, os, sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from passkeep.settings.application import Settings
from support.loopback import sealed

shim = ctypes.CDLL(None)
shim.faults_seen.restype = ctypes.c_long

def child(job, report):
    os.environ["PASSKEEP_STATE_DIR"] = job["under"] + "/state"
    settings = Settings(
        Path(job["path"]), folder=None, rp_id="passkeep.localhost",
        origin="http://passkeep.localhost:1", code="", lock_after=300,
    )
    def ask(action, **message):
        status, told = settings.answer(action, message)
        return int(status), told
    _, told = ask("state")
    def box(typed):
        return sealed(typed.encode(), settings.key.public, told["state"]["challenge"])
    opening = {"recovery_key": box(job["digits"])}
    message, new = {}, None
    if job["action"] != "setup/confirm":
        if job["action"] != "open/recovery-key":
            status, told = ask("open/recovery-key", intent="unlock", **opening)
            assert status == 200, told
            message["slot"] = told["state"]["keyring"]["slots"][1]["id"]
    if job["action"].endswith("/confirm"):
        _, shown = ask(job["action"].replace("confirm", "begin"))
        new = shown["result"]["digits"]
        message |= {"offer": shown["result"]["offer"], "typed": box(new)}
    elif job["action"] == "open/recovery-key":
        message |= {"intent": "off", **opening}
    else:
        message |= {"label": "Renamed", "travels": False}
    print(json.dumps({"new": new}), file=report, flush=True)
    words = [job["calls"].encode(), job["under"].encode()]
    numbers = [ctypes.c_long(job["first"]), ctypes.c_long(0)]
    shim.faults_arm(*words, *numbers, job["error"], job["signal"], 0)
    status, told = ask(job["action"], **message)
    seen = shim.faults_seen()
    shim.faults_arm(b"", b"/", ctypes.c_long(0), ctypes.c_long(0), 0, 0, 0)
    answer = {"status": status, "error": told.get("error"), "seen": seen, "new": new}
    answer["after"] = told["state"]["keyring"]["status"]
    print(json.dumps(answer), file=report, flush=True)

for line in sys.stdin:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with os.fdopen(writing, "w") as report:
                child(json.loads(line), report)
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
        os._exit(99)
    os.close(writing)
    with os.fdopen(reading) as report:
        told = report.read().splitlines()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(json.dumps({"code": code, **json.loads(told[-1] if told else "{}")}), flush=True)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Callable[..., dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("shim")
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, Path(__file__).parent],
        env=os.environ | {"LD_PRELOAD": str(faults.build(folder))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def run(**job: Any) -> dict[str, Any]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps({"calls": ",".join(CALLS), **job}) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert answer["code"] != 99
            return answer

        yield run
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def opens(path: Path, *keys: str | None) -> bool:
    """Whether a file is a keyring that one of these recovery keys opens."""
    for digits in keys:
        try:
            keyring = Keyring.load(path)
            keyring.unlock(recovery_key=digits, state=passkeep.State(path.parent / "fresh"))
        except passkeep.WrongKeyError:
            continue
        return True
    return False


@pytest.mark.parametrize(
    "action", ["rename", "travels", "recovery/confirm", "setup/confirm", "open/recovery-key"]
)
@pytest.mark.parametrize(
    "fault", [{"error": errno.EIO, "signal": 0}, {"error": 0, "signal": signal.SIGKILL}],
    ids=["error", "kill"],
)  # fmt: skip
def test_no_fault_costs_a_keyring(server, quick, tmp_path, action, fault):
    def attempt(first: int, **fault: int) -> dict[str, Any]:
        folder = tmp_path / f"{first}"
        folder.mkdir()
        path = folder / "keyring.json"
        if action != "setup/confirm":
            path.write_bytes(quick.text)
        job = {"action": action, "path": str(path), "digits": quick.digits, "under": str(folder)}
        return server(first=first, **job, **fault) | {"folder": folder, "keyring": path}

    without = attempt(0, error=0, signal=0)
    assert without["status"] == 200, without
    assert without["seen"] >= 3
    failures = unsynced = 0
    for first in range(1, without["seen"] + 1):
        done = attempt(first, **fault)
        folder, path = done["folder"], done["keyring"]
        if fault["signal"]:
            assert done["code"] == -signal.SIGKILL
        else:
            assert done["code"] == 0
            failures += done["status"] != 200
            code = done["error"] and done["error"]["code"]
            assert code in {None, "system", "not-synced"}, done
            if code == "system" and action not in {"open/recovery-key", "setup/confirm"}:
                assert path.read_bytes() == quick.text
            if code == "not-synced":
                after = {"open/recovery-key": "none", "setup/confirm": "locked"}
                assert done["after"] == after.get(action, "unlocked")
                assert action == "open/recovery-key" or path.read_bytes() != quick.text
            unsynced += code == "not-synced"
        kept = [folder / name for name in names(folder) if "-off-" in name]
        if action == "setup/confirm":
            assert not path.exists() or opens(path, done["new"])
        elif action == "open/recovery-key":
            found = [one for one in (path, *kept) if one.exists()]
            assert found
            assert all(one.read_bytes() == quick.text for one in found)
        else:
            assert opens(path, quick.digits, done["new"])
        if done.get("status") == 200:
            # A lock that could not be removed is nobody's, and the next change takes it.
            hidden = {name for name in names(folder) if name.startswith(".")}
            assert hidden <= {".keyring.json.passkeep-lock"}
    assert fault["signal"] or (failures > unsynced > 0)
