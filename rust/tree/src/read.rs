//! Reading a tar stream entry by entry, in bounded memory.

use std::io::{self, BufRead};

use passkeep_core::Watch;
use tar::Header;

use crate::entry::{Entry, Kind, kind_of};
use crate::error::Error;
use crate::pax::{self, Records, Sparse, Time};
use crate::sparse::{self, Map};
use crate::unpack::{Fault, Unpacked};

const BLOCK: usize = 512;
/// The longest extended header or GNU long name that is read.
const MAX_EXTENDED: u64 = 1 << 20;

/// A tar stream. After [`Archive::next`] gave an entry, its content is read with
/// [`Archive::content`]; what is left of it is skipped.
pub(crate) struct Archive<'a, R: BufRead> {
    source: Unpacked<R>,
    watch: &'a mut dyn Watch,
    /// Bytes of the present entry that were not read, and of its padding.
    left: u64,
    padding: u64,
    started: bool,
    /// Bytes of content that passed, for the watcher.
    passed: u64,
}

impl<'a, R: BufRead> Archive<'a, R> {
    pub(crate) fn new(source: R, watch: &'a mut dyn Watch) -> Self {
        Self {
            source: Unpacked::new(source),
            watch,
            left: 0,
            padding: 0,
            started: false,
            passed: 0,
        }
    }

    /// Ends with a limit where compressed data expands beyond all reason.
    pub(crate) fn limit_expansion(&mut self) {
        self.source.limit();
    }

    /// Ends with a limit where what was read may not become so many bytes.
    pub(crate) fn allow(&self, made: u64) -> Result<(), Error> {
        self.source.allow(made).map_err(explain)
    }

    /// Bytes of content that passed.
    pub(crate) fn passed(&self) -> u64 {
        self.passed
    }

    /// Bytes that were taken from the source.
    pub(crate) fn stored(&self) -> u64 {
        self.source.taken()
    }

    /// Begins again with another source.
    pub(crate) fn restart(&mut self, source: R) {
        self.source.restart(source);
        (self.left, self.padding, self.started) = (0, 0, false);
    }

    /// The next entry; `None` after the end, which is read up to the last byte
    /// of the stream.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, Error> {
        let mut records = Records::default();
        let (mut long_name, mut long_link) = (None, None);
        loop {
            self.finish_entry()?;
            self.tick()?;
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            let size = header.entry_size().map_err(|_| malformed("a bad size"))?;
            self.expect(size);
            match header.entry_type().as_byte() {
                b'x' => {
                    let body = self.extended()?;
                    records = pax::parse(&body).ok_or(malformed("a bad pax header"))?;
                }
                b'g' => drop(self.extended()?),
                b'L' => long_name = Some(without_zero(self.extended()?)),
                b'K' => long_link = Some(without_zero(self.extended()?)),
                kind => {
                    if kind == b'S' {
                        self.skip_old_sparse_map(&header)?;
                    }
                    if let Some(size) = records.size {
                        self.expect(size);
                    }
                    return self.entry(&header, records, long_name, long_link).map(Some);
                }
            }
        }
    }

    /// Looks after the watcher.
    pub(crate) fn tick(&mut self) -> Result<(), Error> {
        self.watch.tick(self.passed).map_err(Error::Watch)
    }

    /// Verified content of the present entry, without a copy; empty at its end.
    pub(crate) fn content(&mut self) -> Result<&[u8], Error> {
        if self.left == 0 {
            return Ok(&[]);
        }
        let ready = fill(&mut self.source)?;
        if ready.is_empty() {
            return Err(malformed("it ends inside of an entry"));
        }
        let size = usize::try_from(self.left).map_or(ready.len(), |left| left.min(ready.len()));
        Ok(&ready[..size])
    }

    /// Marks content as used.
    pub(crate) fn consume(&mut self, size: usize) -> Result<(), Error> {
        self.source.consume(size);
        self.left -= size as u64;
        self.passed += size as u64;
        self.tick()
    }

    fn entry(
        &mut self,
        header: &Header,
        records: Records,
        long_name: Option<Vec<u8>>,
        long_link: Option<Vec<u8>>,
    ) -> Result<Entry, Error> {
        let mut kind = kind_of(header.entry_type().as_byte());
        let (mut name, mut sparse) = (None, None);
        if let Some(about) = records.sparse {
            match self.sparse_map(kind, &about)? {
                Ok(map) => sparse = Some(map),
                Err(why) => kind = Kind::Other(why),
            }
            name = about.name;
        }
        let link = || header.link_name_bytes().unwrap_or_default().into_owned();
        let mtime = || Time {
            seconds: header
                .mtime()
                .ok()
                .and_then(|t| t.try_into().ok())
                .unwrap_or(0),
            nanoseconds: 0,
        };
        Ok(Entry {
            path: name
                .or(records.path)
                .or(long_name)
                .unwrap_or_else(|| header.path_bytes().into_owned()),
            kind,
            link: records.link.or(long_link).unwrap_or_else(link),
            size: self.left,
            sparse,
            mode: header.mode().map_err(|_| malformed("a bad mode"))?,
            mtime: records.mtime.unwrap_or_else(mtime),
            // Numbers that cannot be read are no owner that anybody has.
            owner: (
                records.user.or(header.uid().ok()).unwrap_or(u64::MAX),
                records.group.or(header.gid().ok()).unwrap_or(u64::MAX),
            ),
            attributes: records.attributes,
        })
    }

    /// Reads the map that stands before a sparse file's data. A map that is
    /// refused leaves the rest of the archive readable.
    fn sparse_map(
        &mut self,
        kind: Kind,
        about: &Sparse,
    ) -> Result<Result<Map, &'static str>, Error> {
        let (Kind::File, (Some(1), Some(0)), Some(whole)) = (kind, about.version, about.whole)
        else {
            return Ok(Err("a sparse file in a form that is not known"));
        };
        let mut reader = sparse::Reader::new(whole);
        loop {
            if self.left < BLOCK as u64 {
                return Ok(Err("a sparse map that is cut short"));
            }
            let mut block = [0; BLOCK];
            if self.block(&mut block)? < BLOCK {
                return Err(malformed("it ends inside of an entry"));
            }
            self.left -= BLOCK as u64;
            self.tick()?;
            match reader.block(&block) {
                Ok(true) => return Ok(reader.finish(self.left)),
                Ok(false) => {}
                Err(why) => return Ok(Err(why)),
            }
        }
    }

    /// Skips the blocks that follow the header of an old sparse file and that
    /// its size does not count.
    fn skip_old_sparse_map(&mut self, header: &Header) -> Result<(), Error> {
        let mut more = header.as_bytes()[482] != 0;
        while more {
            let mut block = [0; BLOCK];
            if self.block(&mut block)? < BLOCK {
                return Err(malformed("it ends inside of an entry"));
            }
            more = block[504] != 0;
            self.tick()?;
        }
        Ok(())
    }

    /// The next header block; `None` at the end of the archive.
    fn header(&mut self) -> Result<Option<Header>, Error> {
        let mut header = Header::new_old();
        let read = self.block(header.as_mut_bytes())?;
        let started = std::mem::replace(&mut self.started, true);
        if read < BLOCK {
            return Err(if started {
                malformed("its end is missing")
            } else {
                Error::NotATree
            });
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return self.end().map(|()| None);
        }
        if header.cksum().ok() != Some(checksum(header.as_bytes())) {
            return Err(if started {
                malformed("a header's checksum does not fit")
            } else {
                Error::NotATree
            });
        }
        Ok(Some(header))
    }

    /// Behind the first block of zeros there may only be more of them, and at
    /// least one block.
    fn end(&mut self) -> Result<(), Error> {
        let mut zeros = 0_u64;
        loop {
            let ready = fill(&mut self.source)?;
            if ready.is_empty() {
                break;
            }
            if ready.iter().any(|byte| *byte != 0) {
                return Err(malformed("something follows its end"));
            }
            let size = ready.len();
            self.source.consume(size);
            zeros += size as u64;
            self.tick()?;
        }
        if zeros < BLOCK as u64 {
            return Err(malformed("its end is missing"));
        }
        Ok(())
    }

    fn expect(&mut self, size: u64) {
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    /// Reads the whole content of an extended header.
    fn extended(&mut self) -> Result<Vec<u8>, Error> {
        if self.left > MAX_EXTENDED {
            return Err(Error::Limit(
                "the archive has an extended header over 1 MiB",
            ));
        }
        let mut body = Vec::new();
        loop {
            let piece = self.content()?;
            if piece.is_empty() {
                return Ok(body);
            }
            body.extend_from_slice(piece);
            let size = piece.len();
            self.consume(size)?;
            self.passed -= size as u64;
        }
    }

    /// Skips what is left of the present entry.
    fn finish_entry(&mut self) -> Result<(), Error> {
        loop {
            let size = self.content()?.len();
            if size == 0 {
                break;
            }
            self.consume(size)?;
        }
        let mut padding = [0; BLOCK];
        let size = usize::try_from(std::mem::take(&mut self.padding)).unwrap_or(0);
        if self.block(&mut padding[..size])? < size {
            return Err(malformed("it ends inside of an entry"));
        }
        Ok(())
    }

    /// Fills `out`, or as much of it as the stream has.
    fn block(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < out.len() {
            let ready = fill(&mut self.source)?;
            if ready.is_empty() {
                break;
            }
            let size = ready.len().min(out.len() - filled);
            out[filled..filled + size].copy_from_slice(&ready[..size]);
            self.source.consume(size);
            filled += size;
        }
        Ok(filled)
    }
}

fn fill(source: &mut impl BufRead) -> Result<&[u8], Error> {
    // Asked twice because a borrow that is returned cannot be part of a loop.
    while let Err(error) = source.fill_buf() {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(explain(error));
        }
    }
    source.fill_buf().map_err(explain)
}

/// Tells what is wrong with the archive from what is wrong with its source.
fn explain(error: io::Error) -> Error {
    let fault = error.get_ref().and_then(|inner| inner.downcast_ref());
    match fault {
        Some(Fault::Malformed) => malformed("its compressed data cannot be read"),
        Some(Fault::Memory) => Error::Source(io::ErrorKind::OutOfMemory.into()),
        Some(Fault::Truncated) => malformed("it ends inside of compressed data"),
        Some(Fault::Expansion) => {
            Error::TooLarge("the backup expands to more than 1 GiB and a thousand times its size")
        }
        None => Error::Source(error),
    }
}

/// The sum of a header's bytes, its checksum field counted as spaces.
fn checksum(block: &[u8; BLOCK]) -> u32 {
    let field = 148..156;
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    sum(&block[..field.start]) + 8 * u32::from(b' ') + sum(&block[field.end..])
}

fn without_zero(mut name: Vec<u8>) -> Vec<u8> {
    if name.last() == Some(&0) {
        name.pop();
    }
    name
}

const fn malformed(why: &'static str) -> Error {
    Error::Format(why)
}
