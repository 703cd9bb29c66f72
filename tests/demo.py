"""The whole path, for people to watch: `make demo`.

Makes a keyring (a passkey in a real headless Chromium, a password, a recovery
key), backs up a real tree unattended, restores it with each of the three ways
in from the backup file alone, and compares every byte, mode and link.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from support.browser import Chromium
from support.trees import differences

PASSWORD = "brisk-otter-velvet-canyon-ripple-ledger"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", type=Path, default=Path(sysconfig.get_path("stdlib")))
    tree = parser.parse_args().tree.resolve()
    with tempfile.TemporaryDirectory(prefix="passkeep-demo-") as folder, Chromium() as chromium:
        return Demo(Path(folder), chromium).run(tree)


class Demo:
    def __init__(self, folder: Path, chromium: Chromium) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            **chromium.environment,
            "PASSKEEP_STATE_DIR": str(folder / "state"),
            "XDG_DATA_HOME": str(folder / "data"),
            "DEMO_PASSWORD": PASSWORD,
        }

    def run(self, tree: Path) -> int:
        keyring, backup = self.folder / "keyring.json", self.folder / "backup.tar.age"
        recovery = self.folder / "recovery-key.txt"

        self.step("A keyring: recovery key, password, and a passkey in Chromium")
        self.passkeep(
            *("init", "--keyring", keyring, "--password-env", "DEMO_PASSWORD"),
            *("--recovery-key-out", recovery, "--label", "Demo passkey"),
        )
        self.passkeep("key", "show", "--keyring", keyring)

        self.step(f"An unattended backup of {tree}")
        seconds = self.passkeep("backup", tree, "-o", backup, "--keyring", keyring)
        size = backup.stat().st_size
        print(f"{size:,} bytes, sealed at {size / seconds / 1e6:,.0f} MB/s, everything included")

        # From here on there is nothing but the backup and one way in.
        keyring.unlink()
        ways = {
            "passkey": ("--with", "passkey"),
            "password": ("--password-env", "DEMO_PASSWORD"),
            "recovery key": ("--recovery-key-file", recovery),
        }
        different = 0
        for way, options in ways.items():
            self.step(f"Restore with the {way}")
            target = self.folder / way.replace(" ", "-")
            seconds = self.passkeep("restore", backup, "-C", target, *options)
            found = differences(tree, target / tree.name)
            print(*found[:10], sep="\n", end="\n" if found else "")
            verdict = "identical" if not found else f"{len(found)} DIFFERENCES"
            print(f"{verdict}, at {size / seconds / 1e6:,.0f} MB/s, everything included")
            different += bool(found)
        self.step("Done: three identical restores" if not different else "FAILED")
        return 1 if different else 0

    def step(self, title: str) -> None:
        print(f"\n=== {title}", flush=True)

    def passkeep(self, *arguments: object) -> float:
        """Runs the command line as a person would, and returns the seconds it took."""
        words = [str(word) for word in arguments]
        print("$ passkeep", *words, flush=True)
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "passkeep", *words],
            check=True,
            env=self.environment,
            stdin=subprocess.DEVNULL,
        )
        return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
