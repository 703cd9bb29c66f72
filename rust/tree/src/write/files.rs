//! Writing files: their headers, holes and contents.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use passkeep_core::Fill;
use rustix::fs::{FileType, Mode, OFlags, Stat, fstat};
use tar::EntryType;

use super::Writer;
use crate::calls::open;
use crate::error::Error;
use crate::header::{modified, sparse_name};
use crate::pax;
use crate::report::ProblemKind;
use crate::sparse::{Map, Part, occupied};
use crate::walk::{Found, Visit, as_path, file_id};

/// Why zeros stand for what a file held.
enum LeftOut {
    Broken(io::Error),
    Gone,
}

/// A part of a file as a source that ends early instead of failing: the archive goes on.
struct PartOf<'a> {
    file: &'a File,
    at: u64,
    left: u64,
    /// Why it ended early.
    left_out: Option<LeftOut>,
}

impl Read for PartOf<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).map_or(out.len(), |left| left.min(out.len()));
        if room == 0 {
            return Ok(0);
        }
        loop {
            match self.file.read_at(&mut out[..room], self.at) {
                Ok(read) => {
                    if read == 0 {
                        self.left_out = Some(LeftOut::Gone);
                    }
                    self.at += read as u64;
                    self.left -= read as u64;
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.left_out = Some(LeftOut::Broken(error));
                    return Ok(0);
                }
            }
        }
    }
}

impl<W: Fill> Writer<'_, W> {
    pub(super) fn file(&mut self, found: &Found) -> Result<(), Error> {
        if self.skip.contains(&file_id(&found.stat)) {
            return Ok(());
        }
        // Not blocking, in case a FIFO took the file's place just now.
        let mut flags = OFlags::RDONLY | OFlags::NONBLOCK;
        if !found.is_root {
            flags |= OFlags::NOFOLLOW;
        }
        let opened = open(found.dir, found.name, flags, Mode::empty())
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
        self.contents(found, &file, &stat)
    }

    fn contents(&mut self, found: &Found, file: &File, stat: &Stat) -> Result<(), Error> {
        let whole = u64::try_from(stat.st_size).unwrap_or(0);
        let map = if occupied(stat) < whole {
            Map::of(file, whole)
        } else {
            None
        };
        let records = self.attribute_records(found, file.as_fd());
        let left_out = if let Some(map) = map {
            self.sparse_file(found, records, file, stat, &map)?
        } else {
            self.header_with(records, EntryType::Regular, found.path, stat, whole, None)?;
            let parts = [Part {
                offset: 0,
                size: whole,
            }];
            let left_out = self.parts(file, &parts)?;
            self.pad(whole)?;
            left_out
        };
        self.report.files += 1;
        match left_out {
            Some(LeftOut::Broken(error)) => {
                self.problem(found, ProblemKind::Unreadable, &error);
            }
            Some(LeftOut::Gone) => {
                let message = "it became shorter; zeros fill the rest";
                self.problem(found, ProblemKind::Changed, &message);
            }
            None if fstat(file).is_ok_and(|now| differs(stat, &now)) => {
                self.problem(found, ProblemKind::Changed, &"it was written to meanwhile");
            }
            None => {}
        }
        Ok(())
    }

    /// Writes a file with holes: its map, then its data.
    fn sparse_file(
        &mut self,
        found: &Found,
        mut records: Vec<u8>,
        file: &File,
        stat: &Stat,
        map: &Map,
    ) -> Result<Option<LeftOut>, Error> {
        let text = map.to_bytes();
        let size = text.len() as u64 + map.stored();
        pax::push(&mut records, "GNU.sparse.major", b"1");
        pax::push(&mut records, "GNU.sparse.minor", b"0");
        pax::push(&mut records, "GNU.sparse.name", found.path);
        let whole = map.whole.to_string();
        pax::push(&mut records, "GNU.sparse.realsize", whole.as_bytes());
        self.header_with(
            records,
            EntryType::Regular,
            &sparse_name(found.path),
            stat,
            size,
            None,
        )?;
        self.put(&text)?;
        let left_out = self.parts(file, &map.parts)?;
        self.pad(size)?;
        let holes = map.whole - map.stored();
        self.report.holes = self.report.holes.saturating_add(holes);
        Ok(left_out)
    }

    /// Writes exactly as many bytes as the header says, whatever becomes of the
    /// file meanwhile. Says why zeros stand for some of them.
    fn parts(&mut self, file: &File, parts: &[Part]) -> Result<Option<LeftOut>, Error> {
        let mut left_out = None;
        for part in parts {
            let mut source = PartOf {
                file,
                at: part.offset,
                left: if left_out.is_none() { part.size } else { 0 },
                left_out: None,
            };
            let mut missing = part.size;
            while missing > 0 {
                let read = self.sink.fill_from(&mut source).map_err(Error::Sink)?;
                if read == 0 {
                    break;
                }
                missing -= read as u64;
                self.report.bytes += read as u64;
                self.tick()?;
            }
            left_out = left_out.or(source.left_out);
            self.zeros(missing)?;
        }
        Ok(left_out)
    }
}

fn differs(before: &Stat, after: &Stat) -> bool {
    before.st_size != after.st_size || modified(before) != modified(after)
}
