"""Sockets that only this user's programs on this machine reach.

A page on ``localhost`` is reached through 127.0.0.1 or [::1], whichever the browser
prefers. Holding one of them is not enough: a stranger who listens on the other one at
the same port would be asked instead. So both are bound, exclusively, or the port is not
used at all.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

_ATTEMPTS = 32  # a free port on 127.0.0.1 is nearly always free on [::1] too
_NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}
_ROOT = 0
_ESTABLISHED = "01"  # include/net/tcp_states.h


def bind_both(port: int = 0) -> list[socket.socket]:
    """Listen on one port of 127.0.0.1 and [::1].

    Args:
        port: The port to try first; 0 for one that the system chooses.

    Returns:
        The IPv4 socket, and the IPv6 one unless this machine has no IPv6.

    Raises:
        OSError: No port was free on both.
    """
    for _ in range(_ATTEMPTS):
        try:
            first = _listen(socket.AF_INET, "127.0.0.1", port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            port = 0
            continue
        try:
            return [first, _listen(socket.AF_INET6, "::1", first.getsockname()[1])]
        except OSError as error:
            if error.errno in _NO_IPV6:
                return [first]
            first.close()
            if error.errno != errno.EADDRINUSE:
                raise
            port = 0
    raise OSError(errno.EADDRINUSE, "no port is free on both 127.0.0.1 and [::1]")


def peer_is_trusted(peer: tuple[str, int], local: tuple[str, int]) -> bool:
    """Say whether the other end of a connection belongs to this user, or to root.

    Root could read this process's memory anyway, and relays between a virtual machine
    and its host (WSL) run as root. Only Linux can tell: elsewhere, and where the tables
    cannot be read, the answer is yes, and the bearer token has to do.

    Args:
        peer: Address and port of the other end.
        local: Address and port of this end.
    """
    if sys.platform != "linux":
        return True
    try:
        uids = list(_socket_uids(_endpoint(*peer), _endpoint(*local)))
    except OSError:
        return True
    return bool(uids) and set(uids) <= {os.getuid(), _ROOT}


def _listen(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Without SO_REUSEADDR a bind is exclusive, except on Windows, which has to be told.
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        listener.bind((address, port))
        listener.listen(16)
    except OSError:
        listener.close()
        raise
    return listener


def _endpoint(address: str, port: int) -> set[str]:
    """Return an address and port as the two ways in which the kernel's tables spell them.

    A 32-bit word is printed in the byte order of the machine. A program that uses an IPv6
    socket for an IPv4 connection is listed with a mapped address.
    """
    ip = ip_address(address)
    forms: list[IPv4Address | IPv6Address] = [ip]
    if isinstance(ip, IPv4Address):
        forms.append(IPv6Address(f"::ffff:{ip}"))
    return {
        "".join(
            f"{int.from_bytes(form.packed[i : i + 4], sys.byteorder):08X}"
            for i in range(0, len(form.packed), 4)
        )
        + f":{port:04X}"
        for form in forms
    }


def _socket_uids(peer: set[str], local: set[str]) -> Iterator[int]:
    """Yield the owner of every established socket that leads from ``peer`` to ``local``.

    A socket that its program has closed already is listed as root's: it does not count.
    """
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:
            if table.endswith("6"):
                continue
            raise
        for line in lines:
            _, source, target, state, _, _, _, uid, *_ = line.split()
            if source in peer and target in local and state == _ESTABLISHED:
                yield int(uid)
