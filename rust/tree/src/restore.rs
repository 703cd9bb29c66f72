//! Restoring a tree that somebody else may have written.

mod files;
mod links;
mod metadata;
mod writers;

use std::collections::HashSet;
use std::io::{self, BufRead};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use passkeep_core::Watch;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::beneath::Beneath;
use crate::calls::{about, open_directory};
use crate::entry::{Entry, Kind};
use crate::error::Error;
use crate::input::Input;
use crate::names::Name;
use crate::read::Archive;
use crate::report::{ProblemKind, Report};
use crate::select::Selection;
use crate::staging::{Staging, parent_of, random_suffix};
use crate::stale;
use crate::walk::{FileId, as_path, file_id};
use metadata::{Wanted, finish};
use writers::Writers;

/// What is kept in memory until the end (links, and folders with their modes) may
/// take so many bytes: some two million entries.
const MAX_DEFERRED: usize = 256 << 20;

/// What is said of an entry whose place another one took.
const OWN: &str = "another entry of the backup was restored under this name";

/// Whether one call at the end cannot have everything on the disk, so that each
/// file is synced by itself.
const SYNC_EACH: bool = cfg!(not(target_os = "linux"));

/// Which symbolic links are restored.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Links {
    /// Those that stay beneath the target.
    #[default]
    Inside,
    /// All of them.
    All,
}

/// How a tree is restored.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools)] // each is an option of its own
pub struct RestoreOptions {
    /// Which symbolic links are restored.
    pub links: Links,
    /// Whether existing files and links are replaced.
    pub overwrite: bool,
    /// Whether to wait until everything is on the disk.
    pub sync: bool,
    /// The entries to restore, each with everything beneath it; all if empty.
    pub paths: Vec<PathBuf>,
    /// Whether extended attributes of users are restored.
    pub attributes: bool,
    /// Whether owners are restored, by their numbers.
    pub owners: bool,
    /// The most bytes of file content to write.
    pub max_bytes: Option<u64>,
    /// How many threads write; with one or none, the caller's does.
    pub threads: usize,
}

impl RestoreOptions {
    fn wanted(&self) -> Wanted {
        Wanted {
            owners: self.owners,
            attributes: self.attributes,
        }
    }
}

/// Restores an archive beneath `target`.
///
/// A target that does not exist appears only when the whole archive was read; in
/// an existing one each file appears when it is complete. Permissions are
/// restored without setuid, setgid and sticky bits.
///
/// # Errors
/// Those of the source, the archive, the watcher, and of the file system where
/// they concern more than one entry (a full disk). What only concerns one entry
/// is in the report.
pub fn restore_tree<'a, R: BufRead>(
    source: impl Into<Input<'a, R>>,
    target: &Path,
    options: &RestoreOptions,
    watch: &mut dyn Watch,
) -> Result<Report, Error> {
    let selection = Selection::new(&options.paths)?;
    let Input { first, again } = source.into();
    let (staging, dir) = Staging::open(target)?;
    let mut restore = Restore {
        archive: Archive::new(first, watch),
        beneath: Beneath::new(dir),
        options,
        selection,
        // Beside a temporary folder of its own, a file needs no temporary name.
        in_place: staging.is_new(),
        writers: (staging.is_new() && options.threads > 1 && !SYNC_EACH)
            .then(|| Writers::new(options.threads, target, options.wanted())),
        report: Report::default(),
        deferred: 0,
        links: Vec::new(),
        directories: Vec::new(),
        written: HashSet::new(),
        swept: HashSet::new(),
        target,
    };
    if options.max_bytes.is_none() {
        restore.archive.limit_expansion();
    }
    restore.entries()?;
    restore.report.stored = restore.archive.stored();
    restore.find_first_names(again)?;
    restore.settle()?;
    restore.report.read = restore.archive.passed();
    restore.make_links()?;
    restore.finish_directories()?;
    let Restore {
        beneath,
        mut report,
        selection,
        ..
    } = restore;
    for path in selection.missing() {
        let message = "the backup holds nothing of this name";
        report.problem(as_path(path), ProblemKind::Missing, &message);
    }
    let dir = beneath.into_target();
    if options.sync {
        sync(dir.as_fd()).map_err(|error| Error::io(target, error))?;
    }
    if report.is_empty() && !options.paths.is_empty() {
        // Nothing that was asked for is there: no empty folder takes its place.
        return Ok(report);
    }
    staging.publish(&dir)?;
    if options.sync {
        sync_parent(target).map_err(|error| Error::io(target, error))?;
    }
    Ok(report)
}

struct Restore<'a, R: BufRead> {
    archive: Archive<'a, R>,
    beneath: Beneath,
    options: &'a RestoreOptions,
    selection: Selection,
    in_place: bool,
    /// Who writes, where it is not this thread.
    writers: Option<Writers>,
    report: Report,
    deferred: usize,
    links: Vec<Entry>,
    directories: Vec<Entry>,
    /// The files and links that this run made, where others may stand beside
    /// them: none of them is replaced by another entry, and hard links are made
    /// to no other.
    written: HashSet<FileId>,
    /// The folders in which nothing is any more that killed runs left.
    swept: HashSet<FileId>,
    target: &'a Path,
}

impl<R: BufRead> Restore<'_, R> {
    fn entries(&mut self) -> Result<(), Error> {
        while let Some(mut entry) = self.archive.next()? {
            if !self.selection.takes(&entry.path) {
                continue;
            }
            if !self.options.attributes {
                entry.attributes = Vec::new();
            }
            match entry.kind {
                Kind::File => self.file(entry)?,
                Kind::Directory => self.directory(entry)?,
                Kind::SymbolicLink | Kind::HardLink => {
                    self.keep(&entry)?;
                    self.links.push(entry);
                }
                Kind::Other(why) => self.refuse(&entry, &why),
            }
        }
        Ok(())
    }

    fn directory(&mut self, entry: Entry) -> Result<(), Error> {
        let made = match Name::parse(&entry.path) {
            Err(why) => {
                self.refuse(&entry, &why);
                return Ok(());
            }
            Ok(name) => {
                let stood = !self.in_place && self.beneath.find(&name.0).is_ok();
                self.opened(|restore| restore.beneath.make(&name.0).map(|_| stood))?
            }
        };
        match made {
            Ok(stood) => {
                self.report.directories += 1;
                // A folder that stood there keeps its permissions.
                if !stood || self.options.overwrite {
                    self.keep(&entry)?;
                    self.directories.push(entry);
                }
                Ok(())
            }
            Err(error) => self.failed(&entry, error),
        }
    }

    /// Gives directories their permissions and times, deepest first, now that
    /// nothing more is written into them.
    fn finish_directories(&mut self) -> Result<(), Error> {
        for entry in std::mem::take(&mut self.directories).iter().rev() {
            self.archive.tick()?;
            let Ok(name) = Name::parse(&entry.path) else {
                continue;
            };
            let Some((parents, last)) = name.split() else {
                continue;
            };
            let dir = self
                .beneath
                .find(parents)
                .and_then(|parent| open_directory(parent, last));
            let finished = dir.and_then(|dir| {
                let wanted = self.options.wanted();
                finish(entry, dir.as_fd(), wanted, &mut self.report);
                if SYNC_EACH && self.options.sync {
                    flush(dir.as_fd())?;
                }
                Ok(())
            });
            if let Err(error) = finished {
                self.refuse(entry, &io::Error::from(error));
            }
        }
        Ok(())
    }

    /// Waits until everything is written that others write.
    fn settle(&mut self) -> Result<(), Error> {
        if let Some(writers) = &mut self.writers {
            self.report.take_problems(writers.settle()?);
        }
        Ok(())
    }

    /// Opens something, and once more where there are no descriptors left and
    /// what is being written holds some.
    fn opened<T>(
        &mut self,
        open: impl Fn(&mut Self) -> Result<T, Errno>,
    ) -> Result<Result<T, Errno>, Error> {
        match open(self) {
            Err(Errno::MFILE | Errno::NFILE) if self.writers.is_some() => {
                self.settle()?;
                Ok(open(self))
            }
            done => Ok(done),
        }
    }

    fn keep(&mut self, entry: &Entry) -> Result<(), Error> {
        self.deferred(entry.weight())
    }

    fn deferred(&mut self, size: usize) -> Result<(), Error> {
        self.deferred += size;
        if self.deferred > MAX_DEFERRED {
            return Err(Error::Limit("the archive has too many folders and links"));
        }
        Ok(())
    }

    /// Whether what stands in an entry's place may make room: in a new target that
    /// can only be another entry.
    fn replaces(&self) -> bool {
        self.options.overwrite && !self.in_place
    }

    /// Whether an entry of this run stands there already: another entry of the
    /// same name, or one whose name the file system takes for the same.
    fn is_own(&self, parent: BorrowedFd, name: &[u8]) -> bool {
        about(parent, name).is_ok_and(|stat| self.written.contains(&file_id(&stat)))
    }

    fn collides(&mut self, entry: &Entry) {
        self.report
            .problem(as_path(&entry.path), ProblemKind::Exists, &OWN);
    }

    /// Remembers something as this run's own.
    fn remember(&mut self, id: FileId) -> Result<(), Error> {
        if !self.in_place {
            self.deferred(size_of::<FileId>() * 2)?;
            self.written.insert(id);
        }
        Ok(())
    }

    /// Reports what concerns one entry; ends the run for the rest.
    fn failed(&mut self, entry: &Entry, error: Errno) -> Result<(), Error> {
        match error {
            Errno::NOSPC | Errno::DQUOT | Errno::IO | Errno::ROFS | Errno::MFILE | Errno::NFILE => {
                Err(Error::io(self.target.join(as_path(&entry.path)), error))
            }
            Errno::EXIST => {
                self.exists(entry);
                Ok(())
            }
            Errno::LOOP | Errno::NOTDIR => {
                self.refuse(entry, &"its folder is not a folder, or a link");
                Ok(())
            }
            other => {
                self.refuse(entry, &io::Error::from(other));
                Ok(())
            }
        }
    }

    fn exists(&mut self, entry: &Entry) {
        let message = if self.in_place {
            OWN
        } else {
            "something stands there and was left as it is"
        };
        self.report
            .problem(as_path(&entry.path), ProblemKind::Exists, &message);
    }

    fn refuse(&mut self, entry: &Entry, why: &dyn std::fmt::Display) {
        self.report
            .problem(as_path(&entry.path), ProblemKind::Refused, why);
    }
}

/// A name for what is not complete yet.
fn temporary_name() -> Result<Vec<u8>, Error> {
    Ok([stale::MARK, random_suffix()?.as_bytes()].concat())
}

/// Has the target's own name on the disk.
fn sync_parent(target: &Path) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    flush(rustix::fs::open(parent_of(target), flags, Mode::empty())?.as_fd())
}

fn exists(parent: BorrowedFd, name: &[u8]) -> bool {
    about(parent, name).is_ok()
}

#[cfg(target_os = "linux")]
fn sync(dir: BorrowedFd) -> Result<(), Errno> {
    rustix::fs::syncfs(dir)
}

#[cfg(not(target_os = "linux"))]
fn sync(dir: BorrowedFd) -> Result<(), Errno> {
    flush(dir)
}

/// Has one file or folder on the disk. On Apple's systems `fsync` leaves it in
/// the drive's cache.
fn flush(file: BorrowedFd) -> Result<(), Errno> {
    #[cfg(target_vendor = "apple")]
    return rustix::fs::fcntl_fullfsync(file);
    #[cfg(not(target_vendor = "apple"))]
    rustix::fs::fsync(file)
}
