//! Authenticated random access: any part of a message, and nothing that was not
//! verified.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::aead::Aead;
use crate::chunks::{Place, open_run};
use crate::engine::{run, worth_waking};
use crate::error::Error;
use crate::format::Format;
use crate::layout::Layout;
use crate::room::resize;
use crate::watch::Watch;

/// Something that can be read at any position, also by several threads.
pub trait ReadAt: Send + Sync {
    /// Fills `out` from position `at` on.
    ///
    /// # Errors
    /// `UnexpectedEof` where it ends before, and those of the system.
    fn read_exact_at(&self, out: &mut [u8], at: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn read_exact_at(&self, out: &mut [u8], at: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, out, at)
    }
}

/// A sealed message that is read anywhere.
///
/// Its last chunk is verified before anything else, so its size is genuine.
pub struct RangeReader<S: ReadAt> {
    message: Message<S>,
    threads: usize,
    worker: Worker,
    window: Window,
}

/// A message and where it lies.
struct Message<S> {
    format: Arc<dyn Format>,
    layout: Layout,
    source: S,
    /// Where the first chunk stands in the source.
    offset: u64,
    /// Bytes of plaintext.
    size: u64,
}

/// The chunks that were opened last, for reads smaller than a chunk.
struct Window {
    plain: Vec<u8>,
    /// Which bytes of the message they are.
    bytes: Range<u64>,
    /// How many chunks were opened at once: more and more while reading goes on
    /// where it stopped, and one after a jump.
    chunks: u64,
}

impl<S: ReadAt> RangeReader<S> {
    /// A reader of the chunks that lie in `source` from `offset` on.
    ///
    /// # Errors
    /// [`Error::Truncated`] and [`Error::Authentication`] where the last chunk is
    /// not what ends a message, and those of the source.
    pub fn open(
        format: Arc<dyn Format>,
        source: S,
        offset: u64,
        sealed_size: u64,
        threads: usize,
    ) -> Result<Self, Error> {
        let layout = format.layout();
        let size = layout.plain_size(sealed_size)?;
        let mut reader = Self {
            worker: Worker::new(&*format),
            message: Message {
                format,
                layout,
                source,
                offset,
                size,
            },
            threads,
            window: Window {
                plain: Vec::new(),
                bytes: 0..0,
                chunks: 1,
            },
        };
        reader.load(layout.chunks(size) - 1, 1)?;
        Ok(reader)
    }

    /// Bytes of plaintext in the message.
    pub fn size(&self) -> u64 {
        self.message.size
    }

    /// Reads from position `at` on: as much as `out` has room for, or as there is.
    ///
    /// # Errors
    /// Those of the payload, of the source and of the watcher. `out` is cleared
    /// then.
    pub fn read_at(
        &mut self,
        at: u64,
        out: &mut [u8],
        watch: &mut dyn Watch,
    ) -> Result<usize, Error> {
        let left = self.size().saturating_sub(at);
        let wanted = usize::try_from(left).map_or(out.len(), |left| left.min(out.len()));
        let out = &mut out[..wanted];
        let end = self.fill(at, out, watch);
        if end.is_err() {
            out.fill(0);
        }
        end.map(|()| wanted)
    }

    fn fill(
        &mut self,
        mut at: u64,
        mut out: &mut [u8],
        watch: &mut dyn Watch,
    ) -> Result<(), Error> {
        while !out.is_empty() {
            let done = self.fill_some(at, out, watch)?;
            at += done as u64;
            out = &mut out[done..];
        }
        Ok(())
    }

    /// Fills some of `out`: from the window, with whole chunks, or not at all but
    /// with a window that has more.
    fn fill_some(
        &mut self,
        at: u64,
        out: &mut [u8],
        watch: &mut dyn Watch,
    ) -> Result<usize, Error> {
        if let Some(ready) = self.window.from(at) {
            let size = ready.len().min(out.len());
            out[..size].copy_from_slice(&ready[..size]);
            return Ok(size);
        }
        let Layout { chunk, .. } = self.message.layout;
        let (number, within) = (at / chunk as u64, at % chunk as u64);
        let whole = if at + out.len() as u64 == self.size() {
            out.len()
        } else {
            out.len() / chunk * chunk
        };
        if whole > 0 && within == 0 {
            let out = &mut out[..whole];
            self.message
                .open_parallel(number, out, self.threads, watch)?;
            return Ok(whole);
        }
        let goes_on = at == self.window.bytes.end;
        let count = if goes_on { self.window.chunks * 2 } else { 1 };
        self.load(number, count)?;
        Ok(0)
    }

    /// Makes `count` chunks from `first` on the window, but no more than a unit.
    fn load(&mut self, first: u64, count: u64) -> Result<(), Error> {
        let layout = self.message.layout;
        let count = count.min(layout.unit_chunks() as u64);
        let start = first * layout.chunk as u64;
        let end = self.size().min(start + count * layout.chunk as u64);
        let plain = &mut self.window.plain;
        resize(plain, usize::try_from(end - start).unwrap_or_default())?;
        // Nothing of a window that does not open may be taken for plaintext.
        self.window.bytes = 0..0;
        self.message.open_chunks(&mut self.worker, first, plain)?;
        self.window.bytes = start..end;
        self.window.chunks = count;
        Ok(())
    }
}

impl<S: ReadAt> Message<S> {
    /// Opens whole chunks straight into the caller's buffer, on several threads.
    fn open_parallel(
        &self,
        first: u64,
        out: &mut [u8],
        threads: usize,
        watch: &mut dyn Watch,
    ) -> Result<(), Error> {
        let threads = worth_waking(threads, out.len() as u64);
        let unit_chunks = self.layout.unit_chunks() as u64;
        run(
            threads,
            (0..).zip(out.chunks_mut(self.layout.unit())),
            || Ok(Worker::new(&*self.format)),
            |worker, (i, plain)| {
                self.open_chunks(worker, first + i * unit_chunks, plain)?;
                Ok(plain.len() as u64)
            },
            watch,
        )
    }

    /// Opens the chunks from `first` on that `plain` has room for.
    fn open_chunks(&self, worker: &mut Worker, first: u64, plain: &mut [u8]) -> Result<(), Error> {
        let last = first * self.layout.chunk as u64 + plain.len() as u64 == self.size;
        let chunks = self.layout.run_chunks(plain.len(), last);
        let size = plain.len() + chunks * self.layout.tag;
        resize(&mut worker.sealed, size)?;
        let at = self.offset + first * self.layout.sealed_chunk() as u64;
        self.source
            .read_exact_at(&mut worker.sealed, at)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => Error::Truncated,
                _ => error.into(),
            })?;
        let place = Place { first, last };
        open_run(
            &*self.format,
            &mut worker.aead,
            place,
            &worker.sealed,
            None,
            plain,
        )
        .end
    }
}

impl Window {
    /// What it holds from position `at` on; `None` where that is nothing.
    fn from(&self, at: u64) -> Option<&[u8]> {
        if !self.bytes.contains(&at) {
            return None;
        }
        self.plain
            .get(usize::try_from(at - self.bytes.start).ok()?..)
    }
}

/// A thread's cipher and buffer.
struct Worker {
    aead: Aead,
    sealed: Vec<u8>,
}

impl Worker {
    fn new(format: &dyn Format) -> Self {
        Self {
            aead: format.cipher(),
            sealed: Vec::new(),
        }
    }
}
