//! System calls that are tried again when a signal interrupts them, which file
//! systems in user space and on networks let happen at any of them.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, Stat, openat, statat};
use rustix::io::{Errno, retry_on_intr};
use rustix::path::Arg;

/// Opens beneath a directory; the descriptor is not inherited.
pub(crate) fn open(
    dir: BorrowedFd,
    name: impl Arg + Copy,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd, Errno> {
    retry_on_intr(|| openat(dir, name, flags | OFlags::CLOEXEC, mode))
}

/// What a name stands for; a link is not followed.
pub(crate) fn about(dir: BorrowedFd, name: impl Arg + Copy) -> Result<Stat, Errno> {
    retry_on_intr(|| statat(dir, name, AtFlags::SYMLINK_NOFOLLOW))
}

/// Opens a directory that is not a link.
pub(crate) fn open_directory(parent: BorrowedFd, name: impl Arg + Copy) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    open(parent, name, flags, Mode::empty())
}
