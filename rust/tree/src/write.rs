//! Writing a tree as pax tar.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use passkeep_core::Watch;
use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, stat};
use rustix::io::Errno;
use tar::{EntryType, Header};

use crate::error::Error;
use crate::pax::{self, Time};
use crate::report::{ProblemKind, Report};
use crate::walk::{FileId, Found, Visit, as_path, file_id, walk};

const BLOCK: usize = 512;
const BUFFER: usize = 1 << 20;
/// The longest name that a header block holds.
const SHORT_NAME: usize = 100;
/// The largest size that a header block holds in octal.
const SHORT_SIZE: u64 = 0o777_7777_7777;

/// How a tree is written.
#[derive(Default)]
pub struct WriteOptions {
    /// Files that are left out without a word: the output itself, which may lie
    /// inside of a tree.
    pub skip: Vec<PathBuf>,
}

/// Writes trees to `sink`, and goes on past what cannot be read.
///
/// Each root is stored under its base name. Entries are sorted by name, each
/// directory before what it holds. The caller finishes the sink.
///
/// # Errors
/// [`Error::Usage`] before anything is written where two roots have one name,
/// those of the roots themselves, of the sink and of the watcher.
pub fn write_tree<W: Write>(
    roots: &[PathBuf],
    sink: W,
    options: &WriteOptions,
    watch: &mut dyn Watch,
) -> Result<Report, Error> {
    let mut writer = Writer {
        sink,
        watch,
        skip: options
            .skip
            .iter()
            .filter_map(|path| identity(path))
            .collect(),
        hard_links: HashMap::new(),
        buffer: passkeep_core::zeroed(BUFFER).map_err(|error| Error::Sink(error.into()))?,
        report: Report::default(),
    };
    walk(roots, &mut writer)?;
    writer.put(&[0; 2 * BLOCK])?;
    Ok(writer.report)
}

fn identity(path: &Path) -> Option<FileId> {
    stat(path).ok().as_ref().map(file_id)
}

struct Writer<'a, W: Write> {
    sink: W,
    watch: &'a mut dyn Watch,
    skip: HashSet<FileId>,
    /// The first name of each file that has several.
    hard_links: HashMap<FileId, Vec<u8>>,
    buffer: Vec<u8>,
    report: Report,
}

impl<W: Write> Visit for Writer<'_, W> {
    fn found(&mut self, found: &Found) -> Result<(), Error> {
        self.tick()?;
        match found.kind() {
            FileType::Directory => self.directory(found),
            FileType::RegularFile => self.file(found),
            FileType::Symlink => self.symbolic_link(found),
            _ => {
                let message = "a device, FIFO or socket cannot be backed up";
                self.problem(found, ProblemKind::Special, &message);
                Ok(())
            }
        }
    }

    fn unreadable(&mut self, path: &Path, error: Errno) {
        self.report
            .problem(path, ProblemKind::Unreadable, &io::Error::from(error));
    }
}

impl<W: Write> Writer<'_, W> {
    fn directory(&mut self, found: &Found) -> Result<(), Error> {
        if found.path.is_empty() {
            return Ok(());
        }
        let name = [found.path, b"/"].concat();
        self.header(EntryType::Directory, &name, &found.stat, 0, None)?;
        self.report.directories += 1;
        Ok(())
    }

    fn symbolic_link(&mut self, found: &Found) -> Result<(), Error> {
        match readlinkat(found.dir, found.name, Vec::new()) {
            Ok(target) => {
                let target = Some(target.to_bytes());
                self.header(EntryType::Symlink, found.path, &found.stat, 0, target)?;
                self.report.links += 1;
            }
            Err(error) => self.unreadable(as_path(found.path), error),
        }
        Ok(())
    }

    fn file(&mut self, found: &Found) -> Result<(), Error> {
        if self.skip.contains(&file_id(&found.stat)) {
            return Ok(());
        }
        // Not blocking, in case a FIFO took the file's place just now.
        let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        if !found.is_root {
            flags |= OFlags::NOFOLLOW;
        }
        let opened = openat(found.dir, found.name, flags, Mode::empty())
            .and_then(|file| fstat(&file).map(|stat| (File::from(file), stat)));
        let (file, stat) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.unreadable(as_path(found.path), error);
                return Ok(());
            }
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            self.problem(found, ProblemKind::Changed, &"it is no longer a file");
            return Ok(());
        }
        if stat.st_nlink > 1 {
            if let Some(first) = self.hard_links.get(&file_id(&stat)) {
                let first = first.clone();
                self.report.links += 1;
                return self.header(EntryType::Link, found.path, &stat, 0, Some(&first));
            }
            self.hard_links.insert(file_id(&stat), found.path.to_vec());
        }
        self.contents(found, file, &stat)
    }

    /// Writes exactly as many bytes as the header says, whatever becomes of the
    /// file meanwhile.
    fn contents(&mut self, found: &Found, mut file: File, stat: &Stat) -> Result<(), Error> {
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        self.header(EntryType::Regular, found.path, stat, size, None)?;
        self.report.files += 1;
        let mut left = size;
        let mut broken = None;
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            match file.read(&mut self.buffer[..room]) {
                Ok(0) => break,
                Ok(read) => {
                    self.sink
                        .write_all(&self.buffer[..read])
                        .map_err(Error::Sink)?;
                    left -= read as u64;
                    self.report.bytes += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            }
            self.tick()?;
        }
        self.zeros(left)?;
        self.pad(size)?;
        if let Some(error) = broken {
            self.problem(found, ProblemKind::Unreadable, &error);
        } else if left > 0 {
            self.problem(
                found,
                ProblemKind::Changed,
                &"it became shorter; zeros fill the rest",
            );
        } else if fstat(&file).is_ok_and(|now| differs(stat, &now)) {
            self.problem(found, ProblemKind::Changed, &"it was written to meanwhile");
        }
        Ok(())
    }

    fn header(
        &mut self,
        kind: EntryType,
        name: &[u8],
        stat: &Stat,
        size: u64,
        link: Option<&[u8]>,
    ) -> Result<(), Error> {
        let mut records = Vec::new();
        let time = modified(stat);
        if time.nanoseconds != 0 || time.seconds < 0 {
            pax::push(&mut records, "mtime", time.to_decimal().as_bytes());
        }
        if name.len() > SHORT_NAME {
            pax::push(&mut records, "path", name);
        }
        if let Some(link) = link.filter(|link| link.len() > SHORT_NAME) {
            pax::push(&mut records, "linkpath", link);
        }
        if size > SHORT_SIZE {
            pax::push(&mut records, "size", size.to_string().as_bytes());
        }
        if !records.is_empty() {
            let extended = block(EntryType::XHeader, b"pax", stat, records.len() as u64, None);
            self.put(extended.as_bytes())?;
            self.put(&records)?;
            self.pad(records.len() as u64)?;
        }
        self.put(block(kind, name, stat, size, link).as_bytes())
    }

    /// Fills the last block of `size` bytes.
    fn pad(&mut self, size: u64) -> Result<(), Error> {
        self.zeros(size.next_multiple_of(BLOCK as u64) - size)
    }

    fn zeros(&mut self, count: u64) -> Result<(), Error> {
        let mut left = count;
        while left > 0 {
            let size = left.min(BUFFER as u64);
            let copied = io::copy(&mut io::repeat(0).take(size), &mut self.sink);
            copied.map_err(Error::Sink)?;
            left -= size;
            self.tick()?;
        }
        Ok(())
    }

    fn put(&mut self, data: &[u8]) -> Result<(), Error> {
        self.sink.write_all(data).map_err(Error::Sink)
    }

    fn tick(&mut self) -> Result<(), Error> {
        self.watch.tick(self.report.bytes).map_err(Error::Watch)
    }

    fn problem(&mut self, found: &Found, kind: ProblemKind, message: &dyn std::fmt::Display) {
        self.report.problem(as_path(found.path), kind, message);
    }
}

/// A header block. What does not fit stands in the extended header before it.
fn block(kind: EntryType, name: &[u8], stat: &Stat, size: u64, link: Option<&[u8]>) -> Header {
    let mut header = Header::new_ustar();
    let ustar = header.as_old_mut();
    copy_start(&mut ustar.name, name);
    copy_start(&mut ustar.linkname, link.unwrap_or_default());
    header.set_entry_type(kind);
    header.set_mode(stat.st_mode & 0o7777);
    header.set_uid(stat.st_uid.into());
    header.set_gid(stat.st_gid.into());
    header.set_mtime(u64::try_from(modified(stat).seconds).unwrap_or(0));
    header.set_size(size);
    header.set_cksum();
    header
}

fn copy_start(field: &mut [u8], value: &[u8]) {
    let size = value.len().min(field.len());
    field[..size].copy_from_slice(&value[..size]);
}

#[allow(
    clippy::unnecessary_cast,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn modified(stat: &Stat) -> Time {
    Time {
        seconds: stat.st_mtime as i64,
        nanoseconds: stat.st_mtime_nsec as u32,
    }
}

fn differs(before: &Stat, after: &Stat) -> bool {
    before.st_size != after.st_size || modified(before) != modified(after)
}
