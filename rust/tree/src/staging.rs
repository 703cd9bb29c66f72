//! Where a tree is restored: into a folder that exists, or into a new one that
//! gets its name when everything in it is complete.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, fchmod, lstat, mkdir, open};
use rustix::io::{Errno, retry_on_intr};

use crate::beneath::rename_new;
use crate::error::Error;
use crate::stale;

/// The longest name that file systems have.
const NAME_MAX: usize = 255;

/// A target, staged where it is new.
pub(crate) struct Staging {
    target: PathBuf,
    /// The temporary folder and the permissions it ends with.
    staged: Option<(PathBuf, Mode)>,
}

impl Staging {
    /// Opens the target, or makes a temporary folder beside it.
    pub(crate) fn open(target: &Path) -> Result<(Self, OwnedFd), Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match retry_on_intr(|| open(target, flags, Mode::empty())) {
            Ok(dir) => {
                let staging = Self {
                    target: target.to_owned(),
                    staged: None,
                };
                return Ok((staging, dir));
            }
            Err(Errno::NOENT) => {}
            Err(error) => return Err(Error::io(target, error)),
        }
        if lstat(target).is_ok() {
            let message = format!("{} is a link to nothing", target.display());
            return Err(Error::Usage(message));
        }
        let (parent, prefix) = temporary_prefix(target)?;
        loop {
            let mut name = prefix.clone();
            name.extend_from_slice(random_suffix()?.as_bytes());
            let path = parent.join(OsStr::from_bytes(&name));
            // The mode that a new folder gets here; while it fills it is private.
            mkdir(&path, Mode::from_raw_mode(0o777)).map_err(|error| Error::io(target, error))?;
            // From here on the folder is removed again if anything fails.
            let mut staging = Self {
                target: target.to_owned(),
                staged: Some((path.clone(), Mode::RWXU)),
            };
            let claimed = stale::claim(&path).map_err(|error| Error::io(&path, error))?;
            if let Some((dir, stat)) = claimed {
                staging.staged = Some((path, Mode::from_raw_mode(stat.st_mode & 0o777)));
                // Not every file system has permissions.
                let _ = fchmod(dir.as_fd(), Mode::RWXU);
                stale::remove(parent, &prefix, &stat);
                return Ok((staging, dir));
            }
        }
    }

    /// Whether nothing else can stand in the target.
    pub(crate) fn is_new(&self) -> bool {
        self.staged.is_some()
    }

    /// Gives the target its name.
    pub(crate) fn publish(mut self, dir: &OwnedFd) -> Result<(), Error> {
        let Some((path, mode)) = self.staged.take() else {
            return Ok(());
        };
        if let Err(error) = stale::unmark(&path, dir.as_fd()) {
            let error = Error::io(&path, error);
            self.staged = Some((path, mode));
            return Err(error);
        }
        let _ = fchmod(dir, mode);
        let published = rename_new(CWD, path.as_path(), self.target.as_path());
        if let Err(error) = published {
            let error = Error::io(&self.target, error);
            self.staged = Some((path, mode));
            return Err(error);
        }
        Ok(())
    }
}

impl Drop for Staging {
    /// Removes what was not published.
    fn drop(&mut self) {
        if let Some((path, _)) = self.staged.take() {
            stale::remove_tree(&path);
        }
    }
}

/// The folder of a target, and what temporary names in it begin with.
fn temporary_prefix(target: &Path) -> Result<(&Path, Vec<u8>), Error> {
    let name = target
        .file_name()
        .ok_or_else(|| Error::Usage(format!("{} is not a name for a folder", target.display())))?;
    let mut prefix = b".".to_vec();
    let room = NAME_MAX - prefix.len() - stale::MARK.len() - stale::DIGITS;
    prefix.extend_from_slice(&name.as_bytes()[..name.len().min(room)]);
    prefix.extend_from_slice(stale::MARK);
    Ok((parent_of(target), prefix))
}

/// The folder that a target stands in.
pub(crate) fn parent_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Twelve hexadecimal digits that nobody can foresee.
pub(crate) fn random_suffix() -> Result<String, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::io("the system's randomness", std::io::Error::from(error)))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes))[..stale::DIGITS].to_owned())
}
