//! Reading an archive without writing anything.

use std::ffi::OsString;
use std::io::{self, BufRead};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use passkeep_core::Watch;

use crate::entry::Kind;
use crate::error::Error;
use crate::names::Name;
use crate::read::Archive;
use crate::report::{ProblemKind, Report};

/// What an archive says of an entry. Whoever wrote it chose every part.
#[derive(Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Its name in the archive.
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of its content, holes included.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Seconds since 1970, and nanoseconds.
    pub mtime: (i64, u32),
    /// Where a link leads.
    pub target: Option<PathBuf>,
}

/// Sorts of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    SymbolicLink,
    /// A further name of a file.
    HardLink,
    /// Something that is never restored.
    Other,
}

/// Reads an archive to the last byte of its stream. Names that a restore would
/// refuse are in the report.
///
/// # Errors
/// Those of the source, of the archive, of `visit` and of the watcher.
pub fn scan_tree<R: BufRead>(
    source: R,
    visit: &mut dyn FnMut(&Entry) -> io::Result<()>,
    watch: &mut dyn Watch,
) -> Result<Report, Error> {
    let mut archive = Archive::new(source, watch);
    let mut report = Report::default();
    while let Some(entry) = archive.next()? {
        let whole_size = entry.whole_size();
        let mut path = entry.path;
        if path.len() > 1 && path.ends_with(b"/") {
            // A folder's name ends in a slash in an archive, and nowhere else.
            path.pop();
        }
        let path = PathBuf::from(OsString::from_vec(path));
        let (kind, target) = match entry.kind {
            Kind::File => (EntryKind::File, None),
            Kind::Directory => (EntryKind::Directory, None),
            Kind::SymbolicLink => (EntryKind::SymbolicLink, Some(entry.link)),
            Kind::HardLink => (EntryKind::HardLink, Some(entry.link)),
            Kind::Other(_) => (EntryKind::Other, None),
        };
        match entry.kind {
            Kind::File => {
                report.files += 1;
                // What an entry claims was not read yet, and may be anything.
                report.bytes = report.bytes.saturating_add(entry.size);
                report.holes = report.holes.saturating_add(whole_size - entry.size);
            }
            Kind::Directory => report.directories += 1,
            Kind::SymbolicLink | Kind::HardLink => report.links += 1,
            Kind::Other(why) => report.problem(&path, ProblemKind::Refused, &why),
        }
        if let Err(why) = Name::parse(path.as_os_str().as_encoded_bytes()) {
            report.problem(&path, ProblemKind::Refused, &why);
        }
        let entry = Entry {
            path,
            kind,
            size: whole_size,
            mode: entry.mode,
            mtime: (entry.mtime.seconds, entry.mtime.nanoseconds),
            target: target.map(|raw| PathBuf::from(OsString::from_vec(raw))),
        };
        visit(&entry).map_err(Error::Watch)?;
    }
    report.read = archive.passed();
    report.stored = archive.stored();
    Ok(report)
}
