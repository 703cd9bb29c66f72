"""What machine this is: processor, memory, system, and the versions that matter."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from passkeep import _native

FEATURES = (
    *("aes", "pclmulqdq", "vaes", "vpclmulqdq", "avx2", "avx512f", "sha_ni"),  # x86-64
    *("asimd", "pmull", "sha2", "sha3", "sve"),  # ARM; "aes" has the same name there
)
"""The features of a processor that ciphers and hashes use, as Linux names them."""

MASKS = ("OPENSSL_ia32cap", "OPENSSL_armcap")
"""Variables that hide features from OpenSSL, and from nobody else."""

_PACKAGES = ("cryptography", "numpy", "pyrage", "matplotlib")


def describe(folders: tuple[Path, ...]) -> dict[str, object]:
    """Everything that a result depends on, as far as it can be found out."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": processor(),
        "features": features(),
        "cores": _native.usable_threads(),
        "memory": memory()[0],
        "huge_pages": _chosen("/sys/kernel/mm/transparent_hugepage/enabled"),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip(),
        "file_systems": {str(folder): file_system(folder) for folder in folders},
        "versions": versions(),
        "masked": {name: os.environ[name] for name in MASKS if name in os.environ},
    }


def processor() -> str:
    """The processor's name."""
    found = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()


def features() -> list[str]:
    """Which of the features that matter the processor has; none where nobody tells."""
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    words = set(found[1].split()) if found else set()
    return [name for name in FEATURES if name in words]


def memory() -> tuple[int, int]:
    """Bytes of memory, and how many of them can be had now; zero where nobody tells."""
    sizes = dict(re.findall(r"^(\w+):\s*(\d+) kB$", _read("/proc/meminfo"), re.MULTILINE))
    if "MemTotal" in sizes and "MemAvailable" in sizes:
        return int(sizes["MemTotal"]) * 1024, int(sizes["MemAvailable"]) * 1024
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), 0
    return 0, 0


def file_system(folder: Path) -> str:
    """The kind of file system that a folder is on."""
    path = os.path.realpath(folder)
    best = ("", "unknown")
    for line in _read("/proc/self/mounts").splitlines():
        _, point, kind, *_ = line.split(" ")
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def versions() -> dict[str, str]:
    """Versions of passkeep and what runs inside Python; only of what is installed."""
    found = {"passkeep": _native.VERSION, "python": platform.python_version()}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    with suppress(ImportError):
        from cryptography.hazmat.backends.openssl import backend

        found["openssl in cryptography"] = backend.openssl_version_text()
    return found


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return ""


def _chosen(path: str) -> str:
    """The word in brackets, as the kernel shows a choice."""
    found = re.search(r"\[(\w+)\]", _read(path))
    return found[1] if found else ""
