"""Tar archives byte by byte, for what no honest program would write."""

from __future__ import annotations

BLOCK = 512
END = bytes(2 * BLOCK)

FILE, HARD_LINK, LINK, CHARACTER, DISK, FOLDER, FIFO = (b"%d" % kind for kind in range(7))


def block(
    name: bytes,
    kind: bytes = FILE,
    *,
    size: int | bytes = 0,
    link: bytes = b"",
    mode: int = 0o644,
    owner: int = 0,
    magic: bytes = b"ustar\x0000",
) -> bytes:
    """A header block; a size that is bytes fills the field as it is."""
    field = size if isinstance(size, bytes) else b"%011o\0" % size
    parts = [
        *(name.ljust(100, b"\0"), b"%07o\0" % mode, b"%07o\0" % owner, b"%07o\0" % owner),
        *(field.ljust(12, b"\0"), b"%011o\0" % 1, b" " * 8, kind, link.ljust(100, b"\0")),
        magic,
    ]
    return checked(b"".join(parts).ljust(BLOCK, b"\0"))


def checked(header: bytes) -> bytes:
    """A header block with the checksum that it should have."""
    blank = header[:148] + b" " * 8 + header[156:]
    return header[:148] + b"%06o\0 " % sum(blank) + header[156:]


def padded(content: bytes) -> bytes:
    """Content up to the end of its last block."""
    return content + bytes(-len(content) % BLOCK)


def entry(name: bytes, content: bytes = b"evil", kind: bytes = FILE, **fields) -> bytes:
    """A header block and its content."""
    fields.setdefault("size", len(content))
    return block(name, kind, **fields) + padded(content)


def link(name: bytes, target: bytes, kind: bytes = LINK) -> bytes:
    """A symbolic link, or a hard one."""
    return block(name, kind, link=target)


def folder(name: bytes) -> bytes:
    """A folder."""
    return block(name, FOLDER, mode=0o755)


def record(key: bytes, value: bytes) -> bytes:
    """A record of an extended header; its length counts itself."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def pax(records: dict[bytes, bytes], kind: bytes = b"x") -> bytes:
    """An extended header, or with kind b"g" a global one."""
    return entry(b"pax", b"".join(record(*pair) for pair in records.items()), kind)


def long(kind: bytes, value: bytes) -> bytes:
    """GNU's long name (b"L") or long link target (b"K")."""
    return entry(b"././@LongLink", value + b"\0", kind, magic=b"ustar  \0")


def sparse(whole: int, map_text: bytes, data: bytes, name: bytes = b"sparse") -> bytes:
    """A sparse file of GNU's form 1.0."""
    records = {
        b"GNU.sparse.major": b"1",
        b"GNU.sparse.minor": b"0",
        b"GNU.sparse.name": name,
        b"GNU.sparse.realsize": b"%d" % whole,
    }
    return pax(records) + entry(b"x", padded(map_text) + data)
