//! Where a tree is restored: into a folder that exists, or into a new one that
//! gets its name when everything in it is complete.

use std::ffi::OsStr;
use std::fs::{Permissions, read_dir, remove_dir_all, set_permissions};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, fchmod, fstat, lstat, mkdir, open};
use rustix::io::Errno;

use crate::beneath::rename_new;
use crate::error::Error;

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
        match open(target, flags, Mode::empty()) {
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
        let path = temporary_beside(target)?;
        // The mode that a new folder gets here; while it fills it is private.
        mkdir(&path, Mode::from_raw_mode(0o777)).map_err(|error| Error::io(target, error))?;
        // From here on the folder is removed again if anything fails.
        let mut staging = Self {
            target: target.to_owned(),
            staged: Some((path.clone(), Mode::RWXU)),
        };
        let dir = open(&path, flags | OFlags::NOFOLLOW, Mode::empty())
            .map_err(|error| Error::io(&path, error))?;
        let mode = fstat(&dir)
            .map_err(|error| Error::io(&path, error))?
            .st_mode;
        staging.staged = Some((path, Mode::from_raw_mode(mode & 0o777)));
        // Not every file system has permissions.
        let _ = fchmod(dir.as_fd(), Mode::RWXU);
        Ok((staging, dir))
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
        if let Some((path, _)) = self.staged.take()
            && remove_dir_all(&path).is_err()
        {
            // Folders that were made read-only keep what they hold.
            make_writable(&path);
            // Nothing more can be done about a folder that cannot be removed;
            // its name tells what it is.
            let _ = remove_dir_all(&path);
        }
    }
}

/// Lets everything beneath a folder of our own be removed.
fn make_writable(folder: &Path) {
    let _ = set_permissions(folder, Permissions::from_mode(0o700));
    for entry in read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_writable(&entry.path());
        }
    }
}

fn temporary_beside(target: &Path) -> Result<PathBuf, Error> {
    let name = target
        .file_name()
        .ok_or_else(|| Error::Usage(format!("{} is not a name for a folder", target.display())))?;
    let ending = format!(".passkeep-{}", random_suffix()?);
    let name = name.as_bytes();
    let mut temporary = b".".to_vec();
    temporary.extend_from_slice(&name[..name.len().min(NAME_MAX - 1 - ending.len())]);
    temporary.extend_from_slice(ending.as_bytes());
    Ok(target.with_file_name(OsStr::from_bytes(&temporary)))
}

/// Twelve hexadecimal digits that nobody can foresee.
pub(crate) fn random_suffix() -> Result<String, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::io("the system's randomness", std::io::Error::from(error)))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes))[..12].to_owned())
}
