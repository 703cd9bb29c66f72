//! Temporary folders of runs that were killed. A run keeps its own locked, so
//! that nobody takes it for one that was left behind.

use std::ffi::OsStr;
use std::fs::{Permissions, read_dir, remove_dir_all, set_permissions};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags, Stat, flock, fstat, lstat, open};
use rustix::io::{Errno, retry_on_intr};

use crate::walk::file_id;

/// Hexadecimal digits at the end of a temporary name.
pub(crate) const DIGITS: usize = 12;

/// Opens and locks a folder that was just made; `None` where another run took it
/// for a leftover and removes it.
pub(crate) fn claim(path: &Path) -> Result<Option<(OwnedFd, Stat)>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = match retry_on_intr(|| open(path, flags, Mode::empty())) {
        Err(Errno::NOENT) => return Ok(None),
        other => other?,
    };
    let locked = retry_on_intr(|| flock(&dir, FlockOperation::NonBlockingLockExclusive));
    // Where a file system has no locks, nobody removes anything either.
    if locked == Err(Errno::WOULDBLOCK) {
        return Ok(None);
    }
    let stat = fstat(&dir)?;
    let same = lstat(path).is_ok_and(|now| file_id(&now) == file_id(&stat));
    Ok(same.then_some((dir, stat)))
}

/// Removes folders named `prefix` and digits, if they are of the same user and
/// no run holds them. What cannot be removed is left.
pub(crate) fn remove(parent: &Path, prefix: &[u8], own: &Stat) {
    for entry in read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let digits = name.as_bytes().strip_prefix(prefix).unwrap_or_default();
        let hexadecimal = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != DIGITS || !digits.iter().all(hexadecimal) {
            continue;
        }
        remove_unlocked(&parent.join(OsStr::from_bytes(name.as_bytes())), own);
    }
}

fn remove_unlocked(path: &Path, own: &Stat) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(dir) = open(path, flags, Mode::empty()) else {
        return;
    };
    let unlocked = flock(dir.as_fd(), FlockOperation::NonBlockingLockExclusive).is_ok();
    if unlocked && fstat(&dir).is_ok_and(|stat| stat.st_uid == own.st_uid) {
        remove_tree(path);
    }
}

/// Removes a folder of our own with all that is in it.
pub(crate) fn remove_tree(path: &Path) {
    if remove_dir_all(path).is_err() {
        // Folders that were made read-only keep what they hold.
        make_writable(path);
        // Nothing more can be done about a folder that cannot be removed; its
        // name tells what it is.
        let _ = remove_dir_all(path);
    }
}

fn make_writable(folder: &Path) {
    let _ = set_permissions(folder, Permissions::from_mode(0o700));
    for entry in read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_writable(&entry.path());
        }
    }
}
