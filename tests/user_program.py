"""What a user's typed program looks like. Checked with mypy --strict, and run."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

import passkeep


def make_keyring(path: Path) -> str:
    """Makes a keyring with a recovery key and a password; returns the digits."""
    keyring = passkeep.Keyring.create()
    digits = keyring.new_recovery_key()
    keyring.confirm_recovery_key(digits)
    slot: passkeep.Slot = keyring.add_password("brisk otter velvet canyon ripple ledger")
    print(slot.label, slot.kind)
    keyring.save(path)
    return digits


def back_up(folder: Path, keyring_path: Path, backup: Path) -> passkeep.TreeReport:
    """Backs a folder up, stops on request, and tells what went wrong."""
    token = passkeep.CancelToken()
    hasher = passkeep.Hasher("blake3")
    try:
        return passkeep.backup(
            folder,
            backup,
            to=passkeep.Keyring.load(keyring_path),
            cipher="aes-256-gcm",
            digest=hasher,
            progress=lambda done: None,
            cancel=token,
        )
    except passkeep.PartialError as error:
        print(error, error.hint, error.report)
        raise
    finally:
        print(hasher.hexdigest())


def back_up_many(folders: list[Path], to: passkeep.Recipient, journal: Path) -> int:
    """Many folders in one run, which goes on where it was."""
    jobs = [passkeep.Job(one, one.with_suffix(".age"), to=to, compress=3) for one in folders]
    sealed = 0
    for result in passkeep.run_jobs(jobs, journal=journal, workers=2):
        if result.error is not None:
            print(result.job.destination, result.error.kind, result.error.message)
        sealed += result.sealed or 0
    return sealed


def seal_numbers(numbers: npt.NDArray[np.float64], identity: passkeep.Identity) -> int:
    """Numbers go there and back in buffers of the program's own."""
    to = identity.recipient
    out = np.empty(passkeep.sealed_size(numbers.nbytes, to=to), dtype=np.uint8)
    size: int = passkeep.encrypt_into(numbers, out, to=to)
    again = np.empty_like(numbers)
    passkeep.decrypt_into(out[:size], again, identity)
    assert (again == numbers).all()
    return size


def main(folder: Path) -> None:
    """Everything once."""
    (folder / "tree").mkdir()
    (folder / "tree" / "file").write_text("hello")
    digits = make_keyring(folder / "keyring.json")
    backup = folder / "tree.tar.sealed"
    report = back_up(folder / "tree", folder / "keyring.json", backup)
    print(report.files, report.bytes)

    unlock = passkeep.Unlock(recovery_key=digits)
    entries: list[passkeep.TreeEntry] = []
    passkeep.list_backup(backup, unlock, visit=entries.append)
    print([entry.path for entry in entries])
    root: passkeep.RootIdentity = passkeep.Keyring.load(folder / "keyring.json").unlock(
        recovery_key=digits
    )
    passkeep.restore(backup, folder / "restored", root)

    identity = passkeep.Identity.generate()
    print(seal_numbers(np.arange(1000, dtype=np.float64), identity))
    sealed: bytes = passkeep.encrypt(b"text", to=[identity.recipient, str(identity.recipient)])
    assert passkeep.decrypt(sealed, identity) == b"text"
    with passkeep.open(folder / "file.age", "wb", to=identity.recipient) as writer:
        writer.write(b"some bytes")
    with passkeep.open(folder / "file.age", identity=identity) as reader:
        reader.seek(5)
        assert reader.read() == b"bytes"
    batch = passkeep.Batch.create(to=identity.recipient)
    assert batch.open("name", batch.seal("name", b"object")) == b"object"
    passkeep.rewrap(folder / "file.age", folder / "new.age", identity, to=identity.recipient)
    print(passkeep.digest(folder / "new.age", "sha256").hexdigest())
    print(back_up_many([folder / "tree"], identity.recipient, folder / "journal"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
