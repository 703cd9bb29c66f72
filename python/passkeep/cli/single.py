"""`passkeep encrypt` and `decrypt`: single streams, age style."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from passkeep import stream
from passkeep._native import Hasher
from passkeep.age import scrypt
from passkeep.cli import options, taps, ways
from passkeep.cli.ending import say
from passkeep.cli.opening import Opener
from passkeep.cli.progress import bar
from passkeep.cli.terminal import is_terminal, require_person
from passkeep.digests import Algorithm
from passkeep.keyring import passwords
from passkeep.output import check_target
from passkeep.sealed import Cipher


@click.command()
@click.argument("file", type=options.INPUT, default="-")
@click.option("-o", "--output", type=options.FILE, default="-", help="Default: standard output.")
@click.option("-a", "--armor", is_flag=True, help="Write text instead of binary.")
@click.option("-p", "--passphrase", is_flag=True, help="Encrypt with a password, asked for twice.")
@options.to_option
@taps.option
@options.keyring_option
@options.secret_options
@options.cipher_option
@options.digest_option
@options.force_option
@options.sync_option
@options.threads_option
@options.json_option
def encrypt_command(
    file: Path,
    output: Path,
    armor: bool,
    passphrase: bool,
    recipients: tuple[str, ...],
    way: str | None,
    keyring: Path | None,
    password_env: str | None,
    password_fd: int | None,
    cipher: Cipher,
    digest: Algorithm | None,
    force: bool,
    sync: bool,
    threads: int | None,
    as_json: bool,
) -> None:
    """Encrypt a file, or standard input, to an age file or an AES container.

    To recipients (--to), to a keyring, or with a password. A single stream
    carries no keyring: keep the keyring, or use `passkeep backup`. Only encrypting
    to a passkey (--to AGE-PLUGIN-FIDO2PRF-1…) asks somebody: it takes a tap.
    """
    taps.refuse_unused(recipients, way)
    options.refuse_json_on_standard_output(output, as_json=as_json)
    if output == options.STANDARD_STREAM and not armor and is_terminal(sys.stdout):
        raise click.UsageError("This is binary: use -o FILE, --armor, or redirect standard output.")
    password = options.read_password(password_env, password_fd)
    if passphrase and password is None:
        require_person("to choose a password", "--password-env or --password-fd", unseen=True)
        check_target(options.sink(output), overwrite=force)
        password = _new_passphrase()
    hasher = None if digest is None else Hasher(digest)
    with bar("Encrypting", options.size(file)) as progress:
        size = stream.encrypt_file(
            options.source(file),
            options.sink(output),
            to=_to(recipients, way, keyring, password),
            cipher=cipher,
            armored=armor,
            overwrite=force,
            sync=sync,
            threads=threads,
            digest=hasher,
            progress=progress,
        )
    if as_json:
        _show_json(output, size, hasher)
    elif hasher is not None:
        say(f"{hasher.hexdigest()}  {output}")


@click.command()
@click.argument("file", type=options.INPUT, default="-")
@click.option("-o", "--output", type=options.FILE, default="-", help="Default: standard output.")
@options.force_option
@options.sync_option
@options.threads_option
@options.json_option
@ways.unlock_options
def decrypt_command(
    file: Path,
    output: Path,
    force: bool,
    sync: bool,
    threads: int | None,
    as_json: bool,
    given: ways.Ways,
) -> None:
    """Decrypt a sealed file, or standard input.

    With -o the output appears only when everything was verified. Standard
    output gets each part as soon as it is verified; check the exit code.
    """
    options.refuse_json_on_standard_output(output, as_json=as_json)
    source = options.source(file)
    if isinstance(source, int) and is_terminal(sys.stdin):
        raise click.UsageError("Name a file, or redirect standard input.")
    with bar("Decrypting", options.size(file)) as progress:
        size = stream.decrypt_file(
            source,
            options.sink(output),
            Opener(given),
            overwrite=force,
            sync=sync,
            threads=threads,
            progress=progress,
        )
    if as_json:
        _show_json(output, size)


def _show_json(output: Path, size: int, digest: Hasher | None = None) -> None:
    """Tells the plaintext size, and the digest of what was sealed."""
    value: dict[str, object] = {"output": str(output), "bytes": size}
    if digest is not None:
        value["digest"] = {"algorithm": digest.name, "hex": digest.hexdigest()}
    click.echo(json.dumps(value))


def _to(
    recipients: tuple[str, ...], way: str | None, keyring: Path | None, password: str | None
) -> stream.Recipients:
    """Who to encrypt to: a keyring, unless recipients or a password are named."""
    if recipients and password is not None:
        raise click.UsageError("Encrypt to recipients or with a password, not both.")
    if password is not None:
        return scrypt.Password(passwords.prepare(password))
    if recipients:
        return taps.recipients(recipients, way)
    return ways.load_sealing(keyring).pinned()


def _new_passphrase() -> str:
    typed: str = click.prompt(
        "Password (leave it empty for six generated words)",
        hide_input=True,
        default="",
        show_default=False,
        confirmation_prompt=True,
        err=True,
    )
    if typed:
        return typed
    generated = passwords.generate()
    click.echo(f"Your password: {generated}", err=True)
    return generated
