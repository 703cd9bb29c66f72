//! Walking trees without following links, in a fixed order, relative to
//! descriptors of open directories.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, Stat, stat};
use rustix::io::{Errno, retry_on_intr};

use crate::calls::{about, open};
use crate::error::Error;
use crate::filter::Filter;
use crate::names::{MAX_DEPTH, root_names};

/// A file's device and inode.
pub(crate) type FileId = (u64, u64);

#[allow(clippy::unnecessary_cast)] // the types differ between systems
pub(crate) fn file_id(stat: &Stat) -> FileId {
    (stat.st_dev as u64, stat.st_ino as u64)
}

/// Something that was found.
pub(crate) struct Found<'a> {
    /// The open directory that it stands in.
    pub(crate) dir: BorrowedFd<'a>,
    /// Its name in there.
    pub(crate) name: &'a CStr,
    /// Its name in the archive; empty for a root that has none.
    pub(crate) path: &'a [u8],
    /// What it was when it was found; links are not followed.
    pub(crate) stat: Stat,
    /// Whether the person named it.
    pub(crate) is_root: bool,
}

impl Found<'_> {
    pub(crate) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }
}

/// What is made of a walk.
pub(crate) trait Visit {
    /// Called for each entry, a directory before what it holds.
    fn found(&mut self, found: &Found) -> Result<(), Error>;
    /// Called for what cannot be looked at; the walk goes on.
    fn unreadable(&mut self, path: &Path, error: Errno);
}

/// Walks all roots. A root that is a symbolic link is followed, since it was
/// named by the person; nothing else is. Nor is a root ever left out.
pub(crate) fn walk(roots: &[PathBuf], filter: &Filter, visit: &mut dyn Visit) -> Result<(), Error> {
    let names = root_names(roots.iter().map(PathBuf::as_path))?;
    for (root, name) in roots.iter().zip(names) {
        walk_root(root, name, filter, visit)?;
    }
    Ok(())
}

/// A directory whose entries are being visited, sorted, the next one last.
struct Level {
    dir: OwnedFd,
    names: Vec<CString>,
    /// The length of the directory's own archive name.
    path: usize,
}

fn walk_root(
    root: &Path,
    name: Vec<u8>,
    filter: &Filter,
    visit: &mut dyn Visit,
) -> Result<(), Error> {
    let found = retry_on_intr(|| stat(root)).map_err(|error| Error::io(root, error))?;
    let raw = CString::new(root.as_os_str().as_bytes())
        .map_err(|_| Error::Usage("a path holds a zero byte".to_owned()))?;
    // A root without a name adds nothing to the names of what it holds.
    let above = usize::from(!name.is_empty());
    let mut path = name;
    visit.found(&Found {
        dir: CWD,
        name: &raw,
        path: &path,
        stat: found,
        is_root: true,
    })?;
    let mut levels = Vec::new();
    if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
        match read_directory(CWD, &raw, OFlags::empty(), filter) {
            Ok((dir, names)) => levels.push(Level {
                dir,
                names,
                path: path.len(),
            }),
            Err(error) => return Err(Error::io(root, error)),
        }
    }
    while let Some(levels_deep) = levels.len().checked_sub(1) {
        let level = &mut levels[levels_deep];
        path.truncate(level.path);
        let Some(name) = level.names.pop() else {
            levels.pop();
            continue;
        };
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name.to_bytes());
        let dir = level.dir.as_fd();
        let stat = match about(dir, name.as_c_str()) {
            Ok(stat) => stat,
            Err(error) => {
                visit.unreadable(as_path(&path), error);
                continue;
            }
        };
        let found = Found {
            dir,
            name: &name,
            path: &path,
            stat,
            is_root: false,
        };
        if filter.leaves_out(&path, found.kind() == FileType::Directory) {
            continue;
        }
        if above + levels_deep + 1 > MAX_DEPTH {
            // No restore would take it.
            visit.unreadable(as_path(&path), Errno::NAMETOOLONG);
            continue;
        }
        visit.found(&found)?;
        if found.kind() == FileType::Directory {
            match read_directory(dir, &name, OFlags::NOFOLLOW, filter) {
                Ok((dir, names)) => levels.push(Level {
                    dir,
                    names,
                    path: path.len(),
                }),
                Err(error) => visit.unreadable(as_path(&path), error),
            }
        }
    }
    Ok(())
}

/// Opens a directory and reads its names, in descending order.
fn read_directory(
    parent: BorrowedFd,
    name: &CStr,
    extra: OFlags,
    filter: &Filter,
) -> Result<(OwnedFd, Vec<CString>), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | extra;
    let dir = open(parent, name, flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in Dir::read_from(&dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    filter.empty_cache(dir.as_fd(), &mut names);
    names.sort_unstable_by(|one, other| other.cmp(one));
    Ok((dir, names))
}

/// Bytes of a name as a path, which on Unix they are.
pub(crate) fn as_path(raw: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(raw))
}
