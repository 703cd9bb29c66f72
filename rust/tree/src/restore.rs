//! Restoring a tree that somebody else may have written.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use passkeep_core::Watch;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Timespec, Timestamps, fchmod, fstat, futimens, linkat, openat,
    renameat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

use crate::beneath::{Beneath, open_directory, rename_new};
use crate::error::Error;
use crate::names::{Name, link_stays_inside};
use crate::pax::Time;
use crate::read::{Archive, Entry, Kind};
use crate::report::{ProblemKind, Report};
use crate::staging::{Staging, random_suffix};
use crate::walk::{FileId, as_path, file_id};

/// What is kept in memory until the end (links, and folders with their modes) may
/// take so many bytes: some two million entries.
const MAX_DEFERRED: usize = 256 << 20;
const DEFERRED_OVERHEAD: usize = 96;

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
pub struct RestoreOptions {
    /// Which symbolic links are restored.
    pub links: Links,
    /// Whether existing files and links are replaced.
    pub overwrite: bool,
    /// Whether to wait, once at the end, until everything is on the disk.
    pub sync: bool,
}

/// Restores an archive beneath `target`.
///
/// A target that does not exist appears only when the whole archive was read; in
/// an existing one each file appears when it is complete. Permissions are
/// restored without setuid, setgid and sticky bits; owners are not.
///
/// # Errors
/// Those of the source, the archive, the watcher, and of the file system where
/// they concern more than one entry (a full disk). What only concerns one entry
/// is in the report.
pub fn restore_tree<R: BufRead>(
    source: R,
    target: &Path,
    options: &RestoreOptions,
    watch: &mut dyn Watch,
) -> Result<Report, Error> {
    let (staging, dir) = Staging::open(target)?;
    let mut restore = Restore {
        archive: Archive::new(source, watch),
        beneath: Beneath::new(dir),
        options,
        // Beside a temporary folder of its own, a file needs no temporary name.
        in_place: staging.is_new(),
        report: Report::default(),
        deferred: 0,
        links: Vec::new(),
        directories: Vec::new(),
        written: HashSet::new(),
        target,
    };
    restore.entries()?;
    restore.make_links()?;
    restore.finish_directories()?;
    let Restore {
        beneath, report, ..
    } = restore;
    let dir = beneath.into_target();
    if options.sync {
        sync(dir.as_fd()).map_err(|error| Error::io(target, error))?;
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
    in_place: bool,
    report: Report,
    deferred: usize,
    links: Vec<Entry>,
    directories: Vec<Entry>,
    written: HashSet<FileId>,
    target: &'a Path,
}

impl<R: BufRead> Restore<'_, R> {
    fn entries(&mut self) -> Result<(), Error> {
        while let Some(entry) = self.archive.next()? {
            match entry.kind {
                Kind::File => self.file(&entry)?,
                Kind::Directory => self.directory(entry)?,
                Kind::SymbolicLink | Kind::HardLink => {
                    self.keep(&entry)?;
                    self.links.push(entry);
                }
                Kind::Other => self.refuse(&entry, &"neither a file, a folder nor a link"),
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
                self.beneath.make(&name.0).map(|_| stood)
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

    fn file(&mut self, entry: &Entry) -> Result<(), Error> {
        let new = match self.new_file(entry) {
            Ok(Some(new)) => new,
            Ok(None) => return Ok(()),
            Err(error) => return self.failed(entry, error),
        };
        if let Err(error) = self.content(entry, &new.file) {
            self.discard(entry, &new);
            return Err(error);
        }
        if let Err(error) = finish_file(&new.file, entry) {
            // The content is whole; not every file system has permissions.
            let why = format!("restored without its permissions or time: {error}");
            self.refuse(entry, &why);
        }
        let published = self
            .sync_before_replacing(&new)
            .and_then(|()| self.publish(entry, &new));
        if let Err(error) = published {
            self.discard(entry, &new);
            return self.failed(entry, error);
        }
        self.remember(&new)?;
        self.report.files += 1;
        self.report.bytes += entry.size;
        Ok(())
    }

    /// Makes the file that an entry's content goes to; `None` where the entry
    /// was refused.
    fn new_file(&mut self, entry: &Entry) -> Result<Option<NewFile>, Errno> {
        let name = match Name::parse(&entry.path) {
            Ok(name) => name,
            Err(why) => {
                self.refuse(entry, &why);
                return Ok(None);
            }
        };
        let Some((parents, last)) = name.split() else {
            self.refuse(entry, &"a file without a name");
            return Ok(None);
        };
        let parent = self.beneath.make(parents)?;
        let temporary = if self.in_place {
            None
        } else {
            if !self.options.overwrite && exists(parent, last) {
                self.exists(entry);
                return Ok(None);
            }
            Some(temporary_name().map_err(|_| Errno::IO)?)
        };
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = openat(parent, temporary.as_deref().unwrap_or(last), flags, mode)?;
        Ok(Some(NewFile {
            file: File::from(file),
            temporary,
        }))
    }

    fn content(&mut self, entry: &Entry, mut file: &File) -> Result<(), Error> {
        loop {
            let piece = self.archive.content()?;
            if piece.is_empty() {
                return Ok(());
            }
            let size = piece.len();
            if let Err(error) = file.write_all(piece) {
                return Err(Error::io(self.target.join(as_path(&entry.path)), error));
            }
            self.archive.consume(size)?;
        }
    }

    /// Has the new content on the disk before an old file makes room for it.
    fn sync_before_replacing(&self, new: &NewFile) -> Result<(), Errno> {
        if self.options.sync && self.options.overwrite && new.temporary.is_some() {
            rustix::fs::fsync(&new.file)?;
        }
        Ok(())
    }

    /// Remembers which files are this run's own, where others may stand beside
    /// them: hard links are made to no other.
    fn remember(&mut self, new: &NewFile) -> Result<(), Error> {
        if let (false, Ok(stat)) = (self.in_place, fstat(&new.file)) {
            self.deferred(size_of::<FileId>() * 2)?;
            self.written.insert(file_id(&stat));
        }
        Ok(())
    }

    /// Gives a complete file its name.
    fn publish(&mut self, entry: &Entry, new: &NewFile) -> Result<(), Errno> {
        let (Some(temporary), Ok(name)) = (&new.temporary, Name::parse(&entry.path)) else {
            return Ok(());
        };
        let (parents, last) = name.split().ok_or(Errno::INVAL)?;
        let parent = self.beneath.find(parents)?;
        let temporary = temporary.as_slice();
        if self.options.overwrite {
            renameat(parent, temporary, parent, last)
        } else {
            rename_new(parent, temporary, last)
        }
    }

    /// Removes a file that will not be completed. The error that is reported is
    /// the one that came before.
    fn discard(&mut self, entry: &Entry, new: &NewFile) {
        if let (Some(temporary), Ok(name)) = (&new.temporary, Name::parse(&entry.path))
            && let Some((parents, _)) = name.split()
            && let Ok(parent) = self.beneath.find(parents)
        {
            let _ = unlinkat(parent, temporary.as_slice(), AtFlags::empty());
        }
    }

    fn make_links(&mut self) -> Result<(), Error> {
        for entry in std::mem::take(&mut self.links) {
            self.archive.tick()?;
            match self.make_link(&entry) {
                Ok(true) => self.report.links += 1,
                Ok(false) => {}
                Err(error) => self.failed(&entry, error)?,
            }
        }
        Ok(())
    }

    /// Makes a link; `false` where it was refused.
    fn make_link(&mut self, entry: &Entry) -> Result<bool, Errno> {
        let name = match Name::parse(&entry.path) {
            Ok(name) => name,
            Err(why) => {
                self.refuse(entry, &why);
                return Ok(false);
            }
        };
        let Some((parents, last)) = name.split() else {
            self.refuse(entry, &"a link without a name");
            return Ok(false);
        };
        if entry.kind == Kind::SymbolicLink
            && self.options.links == Links::Inside
            && !link_stays_inside(&entry.link, parents.len())
        {
            self.refuse(entry, &"a link that could lead out of the target");
            return Ok(false);
        }
        let first = if entry.kind == Kind::HardLink {
            match self.first_name(entry)? {
                None => return Ok(false),
                first => first,
            }
        } else {
            None
        };
        let parent = self.beneath.make(parents)?;
        if exists(parent, last) && !self.options.overwrite {
            self.exists(entry);
            return Ok(false);
        }
        // What stands there is replaced only once the link is made.
        let temporary = temporary_name().map_err(|_| Errno::IO)?;
        let temporary = temporary.as_slice();
        if let Some((dir, name)) = first {
            linkat(dir, name, parent, temporary, AtFlags::empty())?;
        } else {
            symlinkat(entry.link.as_slice(), parent, temporary)?;
            // Not every file system keeps times of links.
            let times = timestamps(entry.mtime);
            let _ = utimensat(parent, temporary, &times, AtFlags::SYMLINK_NOFOLLOW);
        }
        let renamed = if self.options.overwrite {
            renameat(parent, temporary, parent, last)
        } else {
            rename_new(parent, temporary, last)
        };
        // Renaming one name of a file to another does nothing, and leaves both.
        let _ = unlinkat(parent, temporary, AtFlags::empty());
        renamed.map(|()| true)
    }

    /// The directory and name of the file that a hard link is a further name of.
    fn first_name(&mut self, entry: &Entry) -> Result<Option<(OwnedFd, Vec<u8>)>, Errno> {
        let Ok(name) = Name::parse(&entry.link) else {
            self.refuse(entry, &"a hard link that leads out of the target");
            return Ok(None);
        };
        let Some((parents, last)) = name.split() else {
            self.refuse(entry, &"a hard link to nothing");
            return Ok(None);
        };
        let dir = self.beneath.find(parents)?.try_clone_to_owned();
        let dir = dir.map_err(|_| Errno::MFILE)?;
        let stat = statat(&dir, last, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            self.refuse(entry, &"a hard link to something that is not a file");
            return Ok(None);
        }
        if !self.in_place && !self.written.contains(&file_id(&stat)) {
            self.refuse(entry, &"a hard link to a file that is not of this backup");
            return Ok(None);
        }
        Ok(Some((dir, last.to_vec())))
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
            let finished = self
                .beneath
                .find(parents)
                .and_then(|parent| open_directory(parent, last))
                .and_then(|dir| {
                    fchmod(&dir, permissions(entry))?;
                    futimens(&dir, &timestamps(entry.mtime))
                });
            if let Err(error) = finished {
                self.refuse(entry, &io::Error::from(error));
            }
        }
        Ok(())
    }

    fn keep(&mut self, entry: &Entry) -> Result<(), Error> {
        self.deferred(entry.path.len() + entry.link.len() + DEFERRED_OVERHEAD)
    }

    fn deferred(&mut self, size: usize) -> Result<(), Error> {
        self.deferred += size;
        if self.deferred > MAX_DEFERRED {
            return Err(Error::Limit("the archive has too many folders and links"));
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
        let message = "something stands there and was left as it is";
        self.report
            .problem(as_path(&entry.path), ProblemKind::Exists, &message);
    }

    fn refuse(&mut self, entry: &Entry, why: &dyn std::fmt::Display) {
        self.report
            .problem(as_path(&entry.path), ProblemKind::Refused, why);
    }
}

/// A file that is being written, under a temporary name unless the whole target
/// is temporary.
struct NewFile {
    file: File,
    temporary: Option<Vec<u8>>,
}

/// A name for what is not complete yet.
fn temporary_name() -> Result<Vec<u8>, Error> {
    Ok(format!(".passkeep-{}", random_suffix()?).into_bytes())
}

/// Has the target's own name on the disk.
fn sync_parent(target: &Path) -> Result<(), Errno> {
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::fsync(rustix::fs::open(parent, flags, Mode::empty())?)
}

fn finish_file(file: &File, entry: &Entry) -> Result<(), Errno> {
    fchmod(file, permissions(entry))?;
    futimens(file, &timestamps(entry.mtime))
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

fn exists(parent: BorrowedFd, name: &[u8]) -> bool {
    statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

#[cfg(target_os = "linux")]
fn sync(dir: BorrowedFd) -> Result<(), Errno> {
    rustix::fs::syncfs(dir)
}

#[cfg(not(target_os = "linux"))]
fn sync(dir: BorrowedFd) -> Result<(), Errno> {
    rustix::fs::fsync(dir)
}
