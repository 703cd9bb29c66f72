//! What else an entry says of a file: owner, attributes, permissions, times.
//!
//! Whatever of it cannot be restored is reported; the content is whole.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{
    AtFlags, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags, chownat, fchmod, fchown, fsetxattr,
    futimens, utimensat,
};
use rustix::io::Errno;

use crate::attributes::is_of_users;
use crate::entry::Entry;
use crate::pax::Time;
use crate::report::{ProblemKind, Report};
use crate::walk::as_path;

/// What is told of a name: no system has attributes with longer ones.
const LONGEST_NAME: usize = 255;

/// What is restored of it besides permissions and times.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) owners: bool,
    pub(super) attributes: bool,
}

/// Finishes a file or folder, and reports what it had to be left without. The owner
/// comes first, because changing it can change permissions, and the times last,
/// because everything changes them.
pub(super) fn finish(entry: &Entry, file: BorrowedFd, wanted: Wanted, report: &mut Report) {
    let mut note = |what: &str, result| note(entry, what, result, report);
    if wanted.owners {
        let changed = owner(entry).and_then(|(user, group)| fchown(file, user, group));
        note("owner", changed);
    }
    if wanted.attributes {
        for (name, value) in &entry.attributes {
            let set = if is_of_users(name) {
                fsetxattr(file, name.as_slice(), value, XattrFlags::empty())
            } else {
                // They give programs powers, or belong to the system.
                Err(Errno::PERM)
            };
            let shown = &name[..name.len().min(LONGEST_NAME)];
            note(
                &format!("attribute {}", String::from_utf8_lossy(shown)),
                set,
            );
        }
    }
    // Not every file system has permissions.
    let finished =
        fchmod(file, permissions(entry)).and_then(|()| futimens(file, &timestamps(entry.mtime)));
    note("permissions or time", finished);
}

fn note(entry: &Entry, what: &str, result: Result<(), Errno>, report: &mut Report) {
    if let Err(error) = result {
        let error = io::Error::from(error);
        let message = format!("restored without its {what}: {error}");
        report.problem(as_path(&entry.path), ProblemKind::Refused, &message);
    }
}

/// Finishes a symbolic link, which has no permissions or attributes.
pub(super) fn finish_link(
    entry: &Entry,
    dir: BorrowedFd,
    name: &[u8],
    wanted: Wanted,
    report: &mut Report,
) {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    let changed = if wanted.owners {
        owner(entry).and_then(|(user, group)| chownat(dir, name, user, group, flags))
    } else {
        Ok(())
    };
    // Not every file system keeps times of links.
    let _ = utimensat(dir, name, &timestamps(entry.mtime), flags);
    note(entry, "owner", changed, report);
}

fn owner(entry: &Entry) -> Result<(Option<Uid>, Option<Gid>), Errno> {
    let (user, group) = entry.owner;
    let valid = |number| {
        u32::try_from(number)
            .ok()
            // This number means no change.
            .filter(|number| *number != u32::MAX)
            .ok_or(Errno::INVAL)
    };
    Ok((
        Some(Uid::from_raw(valid(user)?)),
        Some(Gid::from_raw(valid(group)?)),
    ))
}

/// Without setuid, setgid and sticky bits, which nobody asked for.
fn permissions(entry: &Entry) -> Mode {
    Mode::from_raw_mode(entry.mode & 0o777)
}

fn timestamps(time: Time) -> Timestamps {
    let time = Timespec {
        tv_sec: time.seconds,
        tv_nsec: time.nanoseconds.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
