//! Directories beneath a target, opened one component at a time without
//! following links, so that no archive and no other process can lead out.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, mkdirat, renameat};
use rustix::io::{Errno, retry_on_intr};
use rustix::path::Arg;

use crate::calls::{about, open_directory};

/// A target directory, and the way to the directory that was used last: entries
/// of one directory follow each other, so most look-ups find it open.
pub(crate) struct Beneath {
    target: OwnedFd,
    way: Vec<(Vec<u8>, OwnedFd)>,
}

impl Beneath {
    pub(crate) fn new(target: OwnedFd) -> Self {
        Self {
            target,
            way: Vec::new(),
        }
    }

    /// The target itself, when the work in it is done.
    pub(crate) fn into_target(self) -> OwnedFd {
        self.target
    }

    /// Opens a directory, and makes it and those before it where they are missing.
    pub(crate) fn make(&mut self, components: &[&[u8]]) -> Result<BorrowedFd<'_>, Errno> {
        self.go(components, true)
    }

    /// Opens a directory that is there.
    pub(crate) fn find(&mut self, components: &[&[u8]]) -> Result<BorrowedFd<'_>, Errno> {
        self.go(components, false)
    }

    fn go(&mut self, components: &[&[u8]], make: bool) -> Result<BorrowedFd<'_>, Errno> {
        let known = self
            .way
            .iter()
            .zip(components)
            .take_while(|((name, _), component)| name == *component)
            .count();
        self.way.truncate(known);
        for component in &components[known..] {
            let parent = self.last();
            let next = match open_directory(parent, *component) {
                Err(Errno::NOENT) if make => {
                    retry_on_intr(|| mkdirat(parent, *component, Mode::RWXU))?;
                    open_directory(parent, *component)?
                }
                other => other?,
            };
            self.way.push((component.to_vec(), next));
        }
        Ok(self.last())
    }

    fn last(&self) -> BorrowedFd<'_> {
        self.way
            .last()
            .map_or(self.target.as_fd(), |(_, dir)| dir.as_fd())
    }
}

/// Renames within a directory, and never replaces what stands there.
pub(crate) fn rename_new(
    dir: BorrowedFd,
    from: impl Arg + Copy,
    to: impl Arg + Copy,
) -> Result<(), Errno> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{RenameFlags, renameat_with};
        match renameat_with(dir, from, dir, to, RenameFlags::NOREPLACE) {
            // The file system cannot do it in one step.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            other => return other,
        }
    }
    if about(dir, to).is_ok() {
        return Err(Errno::EXIST);
    }
    renameat(dir, from, dir, to)
}
