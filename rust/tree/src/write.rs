//! Writing a tree as pax tar.

mod files;

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use passkeep_core::{Fill, Watch};
use rustix::fs::{FileType, Mode, OFlags, Stat, readlinkat, stat};
use rustix::io::Errno;
use tar::EntryType;

use crate::attributes;
use crate::calls::open;
use crate::error::Error;
use crate::filter::Filter;
use crate::header::{SHORT_NAME, SHORT_SIZE, block, modified};
use crate::pack::{LEVELS, Packer};
use crate::pax;
use crate::report::{ProblemKind, Report};
use crate::walk::{FileId, Found, Visit, as_path, file_id, walk};

const BLOCK: usize = 512;
/// Zeros that are written at a time.
const ZEROS: u64 = 1 << 20;

/// How a tree is written.
#[derive(Default)]
pub struct WriteOptions {
    /// Files that are left out without a word: the output itself, which may lie
    /// inside of a tree.
    pub skip: Vec<PathBuf>,
    /// What else is left out.
    pub filter: Filter,
    /// Whether extended attributes of users are stored.
    pub attributes: bool,
    /// The level to compress with, one of [`LEVELS`]; `None` to store.
    pub compress: Option<i32>,
    /// How many threads compress.
    pub threads: usize,
}

/// Writes trees to `sink`, and goes on past what cannot be read.
///
/// Each root is stored under its base name. Entries are sorted by name, each
/// directory before what it holds. The caller finishes the sink.
///
/// # Errors
/// [`Error::Usage`] before anything is written where two roots have one name,
/// those of the roots themselves, of the sink and of the watcher.
pub fn write_tree<W: Fill>(
    roots: &[PathBuf],
    sink: W,
    options: &WriteOptions,
    watch: &mut dyn Watch,
) -> Result<Report, Error> {
    if options
        .compress
        .is_some_and(|level| !LEVELS.contains(&level))
    {
        let (least, most) = (LEVELS.start(), LEVELS.end());
        let message = format!("levels of compression go from {least} to {most}");
        return Err(Error::Usage(message));
    }
    let mut writer = Writer {
        sink: Packer::new(sink, options.compress, options.threads, watch),
        attributes: options.attributes,
        skip: options
            .skip
            .iter()
            .filter_map(|path| identity(path))
            .collect(),
        hard_links: HashMap::new(),
        report: Report::default(),
    };
    walk(roots, &options.filter, &mut writer)?;
    writer.put(&[0; 2 * BLOCK])?;
    let mut report = writer.report;
    report.read = report.bytes;
    report.stored = writer.sink.finish().map_err(Error::Sink)?;
    Ok(report)
}

fn identity(path: &Path) -> Option<FileId> {
    stat(path).ok().as_ref().map(file_id)
}

struct Writer<'a, W: Fill> {
    sink: Packer<'a, W>,
    attributes: bool,
    skip: HashSet<FileId>,
    /// The first name of each file that has several.
    hard_links: HashMap<FileId, Vec<u8>>,
    report: Report,
}

impl<W: Fill> Visit for Writer<'_, W> {
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

impl<W: Fill> Writer<'_, W> {
    fn directory(&mut self, found: &Found) -> Result<(), Error> {
        if found.path.is_empty() {
            return Ok(());
        }
        let name = [found.path, b"/"].concat();
        let records = if self.attributes {
            let flags = if found.is_root {
                OFlags::DIRECTORY
            } else {
                OFlags::DIRECTORY | OFlags::NOFOLLOW
            };
            match open(found.dir, found.name, flags, Mode::empty()) {
                Ok(dir) => self.attribute_records(found, dir.as_fd()),
                // The walk reports that it cannot be read.
                Err(_) => Vec::new(),
            }
        } else {
            Vec::new()
        };
        self.header_with(records, EntryType::Directory, &name, &found.stat, 0, None)?;
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

    /// The records of a file's attributes, if they are wanted.
    fn attribute_records(&mut self, found: &Found, file: BorrowedFd) -> Vec<u8> {
        let mut records = Vec::new();
        if self.attributes {
            match attributes::read(file) {
                Ok(attributes) => {
                    for (name, value) in attributes {
                        pax::push(&mut records, pax::attribute_key(&name), &value);
                    }
                }
                Err(error) => {
                    let error = io::Error::from(error);
                    let message = format!("its extended attributes: {error}");
                    self.problem(found, ProblemKind::Unreadable, &message);
                }
            }
        }
        records
    }

    fn header(
        &mut self,
        kind: EntryType,
        name: &[u8],
        stat: &Stat,
        size: u64,
        link: Option<&[u8]>,
    ) -> Result<(), Error> {
        self.header_with(Vec::new(), kind, name, stat, size, link)
    }

    /// Writes a header block, and an extended header before it with `records`
    /// and with what does not fit.
    fn header_with(
        &mut self,
        mut records: Vec<u8>,
        kind: EntryType,
        name: &[u8],
        stat: &Stat,
        size: u64,
        link: Option<&[u8]>,
    ) -> Result<(), Error> {
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
            let size = left.min(ZEROS);
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
        self.sink.tick(self.report.bytes).map_err(Error::Watch)
    }

    fn problem(&mut self, found: &Found, kind: ProblemKind, message: &dyn std::fmt::Display) {
        self.report.problem(as_path(found.path), kind, message);
    }
}
