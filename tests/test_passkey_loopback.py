"""The sockets of the loopback page: both families, exclusively, for this user."""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import Any

import pytest

from passkeep.passkey import loopback

FAMILIES = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]


@pytest.mark.parametrize("taken", FAMILIES)
def test_a_port_that_a_stranger_half_holds_is_not_used(taken: Any) -> None:
    family, address = taken
    with socket.socket(family) as squatter:
        squatter.bind((address, 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        first, second = loopback.bind_both(port)
        with first, second:
            assert first.getsockname()[1] == second.getsockname()[1] != port


@pytest.mark.parametrize(("family", "address"), FAMILIES)
def test_nobody_can_share_the_port(family: int, address: str) -> None:
    first, second = loopback.bind_both()
    with first, second:
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            with socket.socket(family) as squatter:
                squatter.setsockopt(socket.SOL_SOCKET, option, 1)
                with pytest.raises(OSError) as caught:
                    squatter.bind((address, first.getsockname()[1]))
                assert caught.value.errno == errno.EADDRINUSE


def test_a_machine_without_ipv6_works(monkeypatch: pytest.MonkeyPatch) -> None:
    listen = loopback._listen

    def without(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "no IPv6 here")
        return listen(family, address, port)

    monkeypatch.setattr(loopback, "_listen", without)
    (only,) = loopback.bind_both()
    with only:
        assert only.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_the_owner_of_a_connection_is_found(address: str) -> None:
    """Also where a program reaches the IPv4 socket through an IPv6 one of its own."""
    sockets = loopback.bind_both()
    with sockets[0], sockets[1]:
        listener = sockets[1] if address == "::1" else sockets[0]
        local = listener.getsockname()[:2]
        client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        client.connect((address, local[1]))
        accepted, (host, port, *_) = listener.accept()
        with accepted:
            ends = loopback._endpoint(host, port), loopback._endpoint(*local)
            assert list(loopback._socket_uids(*ends)) == [os.getuid()]
            assert loopback.peer_is_trusted((host, port), local)
            # A closed end is still listed, as root's. It must not be taken for root.
            client.close()
            assert not loopback.peer_is_trusted((host, port), local)


def test_only_linux_can_tell_users_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert loopback.peer_is_trusted(("127.0.0.1", 1), ("127.0.0.1", 2))
