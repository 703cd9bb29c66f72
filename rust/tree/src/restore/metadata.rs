//! What else an entry says of a file: owner, attributes, permissions, times.
//!
//! Whatever of it cannot be restored is reported; the content is whole.

use std::io::{self, BufRead};
use std::os::fd::BorrowedFd;

use rustix::fs::{
    AtFlags, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags, chownat, fchmod, fchown, fsetxattr,
    futimens, utimensat,
};
use rustix::io::Errno;

use super::Restore;
use crate::attributes::is_of_users;
use crate::entry::Entry;
use crate::pax::Time;

impl<R: BufRead> Restore<'_, R> {
    /// Finishes a file or folder. The owner comes first, because changing it can
    /// change permissions, and the times last, because everything changes them.
    pub(super) fn finish(&mut self, entry: &Entry, file: BorrowedFd) {
        if self.options.owners {
            let changed = owner(entry).and_then(|(user, group)| fchown(file, user, group));
            self.report_left_out(entry, "owner", changed);
        }
        if self.options.attributes {
            self.attributes(entry, file);
        }
        let finished = fchmod(file, permissions(entry))
            .and_then(|()| futimens(file, &timestamps(entry.mtime)));
        // Not every file system has permissions.
        self.report_left_out(entry, "permissions or time", finished);
    }

    /// Finishes a symbolic link, which has no permissions or attributes.
    pub(super) fn finish_link(&mut self, entry: &Entry, dir: BorrowedFd, name: &[u8]) {
        if self.options.owners {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            let changed =
                owner(entry).and_then(|(user, group)| chownat(dir, name, user, group, flags));
            self.report_left_out(entry, "owner", changed);
        }
        // Not every file system keeps times of links.
        let times = timestamps(entry.mtime);
        let _ = utimensat(dir, name, &times, AtFlags::SYMLINK_NOFOLLOW);
    }

    fn attributes(&mut self, entry: &Entry, file: BorrowedFd) {
        for (name, value) in &entry.attributes {
            let set = if is_of_users(name) {
                fsetxattr(file, name.as_slice(), value, XattrFlags::empty())
            } else {
                // They give programs powers, or belong to the system.
                Err(Errno::PERM)
            };
            let what = format!("attribute {}", String::from_utf8_lossy(name));
            self.report_left_out(entry, &what, set);
        }
    }

    fn report_left_out(&mut self, entry: &Entry, what: &str, result: Result<(), Errno>) {
        if let Err(error) = result {
            let error = io::Error::from(error);
            self.refuse(entry, &format!("restored without its {what}: {error}"));
        }
    }
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
