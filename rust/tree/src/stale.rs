//! Temporary files and folders of runs that were killed. A run keeps its own
//! locked, so that nobody takes them for some that were left behind.

use std::ffi::CStr;
use std::fs::read_dir;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, Stat, chmodat, fchmod, flock, fstat,
    lstat, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};

use crate::calls::{about, open, open_directory};
use crate::walk::file_id;

/// Hexadecimal digits at the end of a temporary name.
pub(crate) const DIGITS: usize = 12;

/// What stands before the digits.
pub(crate) const MARK: &[u8] = b".passkeep-";

/// Locks a file that was just made; `false` where another run took it for a
/// leftover and removes it.
pub(crate) fn claim_file(file: BorrowedFd) -> Result<bool, Errno> {
    Ok(lock(file) && fstat(file)?.st_nlink > 0)
}

/// Removes the files in a folder that were left there, if they are of the same user
/// and no run holds them. What cannot be removed is left.
pub(crate) fn remove_files(dir: BorrowedFd, own: &Stat) {
    for entry in Dir::read_from(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if is_temporary(name.to_bytes(), MARK) && is_left(dir, name, own) {
            let _ = unlinkat(dir, name, AtFlags::empty());
        }
    }
}

fn is_left(dir: BorrowedFd, name: &CStr, own: &Stat) -> bool {
    // A further name of a file takes no room, and its run may be about to move it.
    let candidate = |stat: &Stat| {
        let kind = FileType::from_raw_mode(stat.st_mode);
        kind == FileType::RegularFile && stat.st_uid == own.st_uid && stat.st_nlink == 1
    };
    if !about(dir, name).is_ok_and(|stat| candidate(&stat)) {
        return false;
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = open(dir, name, flags, Mode::empty());
    file.is_ok_and(|file| {
        flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
            && fstat(&file).is_ok_and(|stat| candidate(&stat))
    })
}

fn is_temporary(name: &[u8], prefix: &[u8]) -> bool {
    let digits = name.strip_prefix(prefix).unwrap_or_default();
    let hexadecimal = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    digits.len() == DIGITS && digits.iter().all(hexadecimal)
}

/// Locks what is this run's own; `false` where another run holds it. Where a file
/// system has no locks, nobody removes anything either.
fn lock(own: BorrowedFd) -> bool {
    let locked = retry_on_intr(|| flock(own, FlockOperation::NonBlockingLockExclusive));
    locked != Err(Errno::WOULDBLOCK)
}

/// Opens and locks a folder that was just made, and marks it as a run's own; `None`
/// where another run took it for a leftover and removes it.
pub(crate) fn claim(path: &Path) -> Result<Option<(OwnedFd, Stat)>, Errno> {
    let dir = match open_directory(CWD, path) {
        Err(Errno::NOENT) => return Ok(None),
        other => other?,
    };
    if !lock(dir.as_fd()) {
        return Ok(None);
    }
    let stat = fstat(&dir)?;
    let same = lstat(path).is_ok_and(|now| file_id(&now) == file_id(&stat));
    if !same {
        return Ok(None);
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    open(dir.as_fd(), mark(path), flags, Mode::RUSR | Mode::WUSR)?;
    Ok(Some((dir, stat)))
}

/// Takes the mark of a folder away that becomes what it was made for.
pub(crate) fn unmark(path: &Path, dir: BorrowedFd) -> Result<(), Errno> {
    match unlinkat(dir, mark(path), AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

/// The name of the file that tells a temporary folder from one that was only given
/// such a name: whoever may rename in a folder may not remove what is in the folders
/// of others, and nor should we for them.
fn mark(path: &Path) -> &[u8] {
    let name = path.as_os_str().as_bytes();
    &name[name.len().saturating_sub(MARK.len() + DIGITS)..]
}

/// Removes folders named `prefix` and digits, if they are of the same user, bear the
/// mark and no run holds them. What cannot be removed is left.
pub(crate) fn remove(parent: &Path, prefix: &[u8], own: &Stat) {
    for entry in read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if is_temporary(name.as_bytes(), prefix) {
            remove_unlocked(&parent.join(name), own);
        }
    }
}

fn remove_unlocked(path: &Path, own: &Stat) {
    let Ok(dir) = open_directory(CWD, path) else {
        return;
    };
    let unlocked = flock(dir.as_fd(), FlockOperation::NonBlockingLockExclusive).is_ok();
    if unlocked && fstat(&dir).is_ok_and(|stat| stat.st_uid == own.st_uid) {
        if about(dir.as_fd(), mark(path)).is_ok() {
            empty(dir.as_fd(), mark(path));
        }
        // One that was never marked goes if there is nothing in it.
        let _ = unlinkat(CWD, path, AtFlags::REMOVEDIR);
    }
}

/// Removes a folder of our own with all that is in it.
pub(crate) fn remove_tree(path: &Path) {
    // Nothing more can be done about a folder that cannot be removed; its
    // name tells what it is.
    if let Ok(dir) = open_directory(CWD, path) {
        empty(dir.as_fd(), mark(path));
        let _ = unlinkat(CWD, path, AtFlags::REMOVEDIR);
    }
}

/// Removes what is in a folder, the mark last, by descriptors: whatever becomes of its
/// name meanwhile, nothing else is removed.
fn empty(dir: BorrowedFd, mark: &[u8]) {
    // Folders that were made read-only keep what they hold.
    let _ = fchmod(dir, Mode::RWXU);
    for entry in Dir::read_from(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") || name.to_bytes() == mark {
            continue;
        }
        if unlinkat(dir, name, AtFlags::empty()).is_err()
            && let Ok(folder) = open_writable(dir, name)
        {
            empty(folder.as_fd(), b"");
            drop(folder);
            let _ = unlinkat(dir, name, AtFlags::REMOVEDIR);
        }
    }
    if !mark.is_empty() {
        let _ = unlinkat(dir, mark, AtFlags::empty());
    }
}

/// Opens a folder, which its owner may be forbidden to.
fn open_writable(dir: BorrowedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    open_directory(dir, name).or_else(|error| {
        if error != Errno::ACCESS {
            return Err(error);
        }
        chmodat(dir, name, Mode::RWXU, AtFlags::empty())?;
        open_directory(dir, name)
    })
}
