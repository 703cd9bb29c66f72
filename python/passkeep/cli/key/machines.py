"""`passkeep key export`, `pin` and `trust`: what other machines and tools get."""

from __future__ import annotations

import json
from pathlib import Path

import click

from passkeep.age.fido2prf import Credential
from passkeep.cli import options, ways
from passkeep.cli.ending import printable, say
from passkeep.cli.key import parts
from passkeep.errors import KeyringError
from passkeep.keyring import Keyring, PublicKeyring, State
from passkeep.keyring.storage import write_guarded
from passkeep.keyring.strict_json import untrusted
from passkeep.output import check_target, refuse_same_file

_FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.command("export")
@click.option(
    "--public",
    is_flag=True,
    help="The public parts: all that an unattended backup needs, and nothing that opens.",
)
@click.option(
    "--identity-out",
    type=options.NAMED_FILE,
    metavar="FILE",
    help="Write the root as an age identity file: whoever has it opens every backup.",
)
@click.option(
    "--passkeys",
    is_flag=True,
    help="The passkeys as an age identity file (AGE-PLUGIN-FIDO2PRF-1…), which is not secret.",
)
@click.option("-o", "--output", type=options.FILE, default="-", help="Default: standard output.")
@options.force_option
@ways.unlock_options
def export_command(
    public: bool,
    identity_out: Path | None,
    passkeys: bool,
    output: Path,
    force: bool,
    given: ways.Ways,
) -> None:
    """Export a keyring: for a machine that only backs up, or for stock age tools.

    --public needs nothing secret. --identity-out opens the keyring first; its file
    is secret, and restores with `age -d -i FILE`. --passkeys only says which
    passkeys there are, for age-encryption in a browser and `passkeep encrypt --to`.
    """
    if [public, passkeys, identity_out is not None].count(True) != 1:
        raise click.UsageError("Choose --public, --passkeys or --identity-out.")
    if identity_out is not None:
        if output != options.STANDARD_STREAM:
            raise click.UsageError("--output goes with --public and --passkeys.")
        refuse_same_file(given.keyring or options.default_keyring(), identity_out)
        _export_identity(given, identity_out, force=force)
        return
    if passkeys:
        text, told = _passkeys(parts.load(given)), "Nothing in it is secret."
    else:
        exported = parts.load(given).pinned()
        text, told = exported.to_bytes(), f"SHA-256 {exported.fingerprint}"
    if output == options.STANDARD_STREAM:
        click.echo(text, nl=False)
        return
    # Not even with --force: backups may not open without the keyring.
    refuse_same_file(given.keyring or options.default_keyring(), output)
    write_guarded(output, text, overwrite=force)
    say(f"Wrote {output}. {told}")


@click.command("pin")
@_FILE
@options.json_option
def pin_command(file: Path, as_json: bool) -> None:
    """Seal only to this keyring, or public export, on this machine from now on.

    A machine pins what it seals to first anyway. Do it beforehand, and compare the
    SHA-256 with the one that `passkeep key export` showed.
    """
    pinned = ways.load_sealing(file).pinned()
    _show(pinned, as_json, f"This machine seals only to {file} from now on.")


@click.command("trust")
@_FILE
@options.json_option
def trust_command(file: Path, as_json: bool) -> None:
    """Trust a keyring, or a public export, that changed since this machine used it.

    Compare the SHA-256 with the one that `passkeep key export` showed.
    """
    sealing = ways.load_sealing(file)
    public = sealing.public() if isinstance(sealing, Keyring) else sealing
    State().trust(public.id, public.fingerprint, public.origin)
    _show(public, as_json, f"This machine now uses {file}.")


def _export_identity(given: ways.Ways, out: Path, *, force: bool) -> None:
    check_target(out, overwrite=force)
    keyring, _, root = parts.opened(given)
    lines = [
        f"# passkeep: the root of keyring {keyring.id}, newest identity first.",
        "# SECRET: it opens every backup of this keyring.",
        *(str(identity) for identity in root.identities),
    ]
    write_guarded(out, ("\n".join(lines) + "\n").encode(), overwrite=force)
    say(f"Wrote {out}. Whoever has this file opens every backup made until now.")
    say("If it gets into the wrong hands, make a new root: `passkeep key rotate`.")


def _passkeys(keyring: Keyring) -> bytes:
    """An identity file with every passkey of a keyring."""
    lines = [
        f"# passkeep: the passkeys of keyring {keyring.id}. Not secret: using one takes a tap."
    ]
    for slot in keyring.slots:
        if slot.credential is not None:
            with untrusted("a slot's passkey"):
                credential = Credential.from_string(slot.credential.identity)
            lines += [f"# {printable(slot.label)}", credential.to_string()]
    if len(lines) == 1:
        raise KeyringError(
            "the keyring has no passkey", hint="Add one: `passkeep key add passkey`."
        )
    return ("\n".join(lines) + "\n").encode()


def _show(public: PublicKeyring, as_json: bool, text: str) -> None:
    if as_json:
        click.echo(json.dumps({"id": public.id, "sha256": public.fingerprint}))
    else:
        say(f"{text} SHA-256 {public.fingerprint}")
