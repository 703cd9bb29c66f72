//! Streaming decryption: a [`Read`] in front of a [`Read`].

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::aead::Aead;
use crate::chunks::{Opened, Place, open_run};
use crate::engine::Pipeline;
use crate::error::Error;
use crate::format::Format;
use crate::layout::{INLINE, Layout, TOO_MANY_CHUNKS};
use crate::room::resize;

/// Opens what `source` holds, on several threads, and hands it out strictly in
/// order, each chunk only after it authenticated.
///
/// At the first bad chunk reading fails; what was handed out before is exactly
/// the verified prefix. The end of the plaintext is reported only after the
/// final chunk. After an error every later call fails.
pub struct Opener<R: Read> {
    format: Arc<dyn Format>,
    layout: Layout,
    source: R,
    /// Where chunks come from instead.
    file: Option<Position>,
    threads: usize,
    next_chunk: u64,
    /// The unit read last: whether it ends the message is known only when the
    /// source has, or has not, more.
    held: Option<Vec<u8>>,
    source_state: SourceState,
    pipeline: Option<Pipeline<Unit, Unit>>,
    /// The unit that is being handed out, and how much of it was.
    current: Option<Unit>,
    position: usize,
    spare: Vec<Unit>,
    outcome: Outcome,
}

enum SourceState {
    More,
    End,
    Failed(io::Error),
}

enum Outcome {
    Going,
    Complete,
    Failed,
}

/// The chunks that lie in a file.
#[derive(Clone)]
struct Position {
    file: Arc<File>,
    offset: u64,
    size: u64,
}

struct Unit {
    place: Place,
    /// Its chunks, or room for so many bytes of them, which whoever opens it reads.
    sealed: Vec<u8>,
    plain: Vec<u8>,
    released: usize,
    end: Result<(), Error>,
}

impl<R: Read> Opener<R> {
    /// An opener of the chunks that `source` holds from its current position
    /// to its end.
    pub fn new(format: Arc<dyn Format>, source: R, threads: usize) -> Self {
        Self {
            layout: format.layout(),
            format,
            source,
            file: None,
            threads,
            next_chunk: 0,
            held: None,
            source_state: SourceState::More,
            pipeline: None,
            current: None,
            position: 0,
            spare: Vec::new(),
            outcome: Outcome::Going,
        }
    }

    /// Has each thread read what it opens from where it lies in `file`: `size` bytes of
    /// chunks from `offset` on. The source is not read then.
    #[must_use]
    pub fn by_position(mut self, file: File, offset: u64, size: u64) -> Self {
        let file = Arc::new(file);
        self.file = Some(Position { file, offset, size });
        self
    }

    /// Makes the next verified unit current; `false` at the end of the message.
    fn advance(&mut self) -> Result<bool, Error> {
        if let Some(unit) = self.current.take() {
            let end = self.recycle(unit);
            end?;
        }
        self.position = 0;
        while !self.pipeline.as_ref().is_some_and(Pipeline::is_full) {
            let Some(unit) = self.next_unit() else { break };
            let chunks = unit.sealed.len().div_ceil(self.layout.sealed_chunk()) as u64;
            if unit.place.first + chunks > self.layout.max_chunks {
                return Err(TOO_MANY_CHUNKS);
            }
            let end = self.next_chunk.saturating_mul(self.layout.chunk as u64);
            let small = unit.place.last || end <= INLINE;
            if self.threads <= 1 || small && self.pipeline.is_none() {
                self.current = Some(worker(&self.format, self.file.as_ref())(unit));
                return Ok(true);
            }
            if self.pipeline.is_none() {
                self.pipeline = Some(self.start_pipeline()?);
            }
            if let Some(pipeline) = &mut self.pipeline {
                pipeline.submit(unit)?;
            }
        }
        self.current = match &mut self.pipeline {
            Some(pipeline) => pipeline.next()?,
            None => None,
        };
        if self.current.is_some() {
            return Ok(true);
        }
        match std::mem::replace(&mut self.source_state, SourceState::End) {
            SourceState::Failed(error) => Err(error.into()),
            SourceState::More | SourceState::End => Ok(false),
        }
    }

    fn start_pipeline(&self) -> Result<Pipeline<Unit, Unit>, Error> {
        Pipeline::start(self.threads, || {
            Ok(worker(&self.format, self.file.as_ref()))
        })
    }

    /// Keeps the buffers of a unit that was handed out, and says how it ended.
    fn recycle(&mut self, mut unit: Unit) -> Result<(), Error> {
        let end = std::mem::replace(&mut unit.end, Ok(()));
        self.spare.push(unit);
        end
    }

    /// The next unit whose place in the message is known; `None` when the
    /// source has ended or failed and all its units are under way.
    fn next_unit(&mut self) -> Option<Unit> {
        if let Some(size) = self.file.as_ref().map(|file| file.size) {
            return self.next_in_file(size);
        }
        while matches!(self.source_state, SourceState::More) {
            let Some(read) = self.read_unit() else {
                // What was read so far may be whole, but nobody knows whether
                // it ends the message.
                self.held = None;
                return None;
            };
            if read.len() < self.layout.sealed_unit() {
                self.source_state = SourceState::End;
            }
            if read.is_empty() && self.held.is_some() {
                break;
            }
            if let Some(sealed) = self.held.replace(read) {
                return Some(self.unit(sealed, false));
            }
        }
        let sealed = self.held.take()?;
        Some(self.unit(sealed, true))
    }

    fn next_in_file(&mut self, size: u64) -> Option<Unit> {
        if !matches!(self.source_state, SourceState::More) {
            return None;
        }
        let left = size - self.next_chunk * self.layout.sealed_chunk() as u64;
        let full = self.layout.sealed_unit();
        let length = usize::try_from(left).map_or(full, |left| left.min(full));
        let last = length as u64 == left;
        let mut sealed = self.spare_buffer();
        self.source_state = match resize(&mut sealed, length) {
            Err(error) => SourceState::Failed(error.into()),
            Ok(()) if last => SourceState::End,
            Ok(()) => SourceState::More,
        };
        sealed.truncate(length);
        let failed = matches!(self.source_state, SourceState::Failed(_));
        (!failed).then(|| self.unit(sealed, last))
    }

    fn spare_buffer(&mut self) -> Vec<u8> {
        let spare = self.spare.last_mut();
        spare
            .map(|unit| std::mem::take(&mut unit.sealed))
            .unwrap_or_default()
    }

    fn unit(&mut self, sealed: Vec<u8>, last: bool) -> Unit {
        let place = Place {
            first: self.next_chunk,
            last,
        };
        self.next_chunk += self.layout.unit_chunks() as u64;
        let plain = self.spare.pop().map(|unit| unit.plain).unwrap_or_default();
        Unit {
            place,
            sealed,
            plain,
            released: 0,
            end: Ok(()),
        }
    }

    /// Reads until a unit is full or the source ends; `None` where it failed.
    fn read_unit(&mut self) -> Option<Vec<u8>> {
        let mut buffer = self.spare_buffer();
        if let Err(error) = resize(&mut buffer, self.layout.sealed_unit()) {
            self.source_state = SourceState::Failed(error.into());
            return None;
        }
        let mut filled = 0;
        while filled < buffer.len() {
            match self.source.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(size) => filled += size,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.source_state = SourceState::Failed(error);
                    return None;
                }
            }
        }
        buffer.truncate(filled);
        Some(buffer)
    }
}

/// What a thread does with a unit.
fn worker(
    format: &Arc<dyn Format>,
    file: Option<&Position>,
) -> impl FnMut(Unit) -> Unit + Send + use<> {
    let (format, file) = (Arc::clone(format), file.cloned());
    let mut aead = format.cipher();
    move |mut unit| {
        if let Some(Position { file, offset, .. }) = &file {
            let at = offset + unit.place.first * format.layout().sealed_chunk() as u64;
            if let Err(error) = file.read_exact_at(&mut unit.sealed, at) {
                unit.end = Err(match error.kind() {
                    io::ErrorKind::UnexpectedEof => Error::Truncated,
                    _ => error.into(),
                });
                return unit;
            }
        }
        open_unit(&*format, &mut aead, unit)
    }
}

fn open_unit(format: &dyn Format, aead: &mut Aead, mut unit: Unit) -> Unit {
    if let Err(error) = resize(&mut unit.plain, format.layout().unit()) {
        unit.end = Err(error);
        return unit;
    }
    let Opened { released, end } = open_run(
        format,
        aead,
        unit.place,
        &unit.sealed,
        None,
        &mut unit.plain,
    );
    unit.released = released;
    unit.end = end;
    unit
}

impl<R: Read> BufRead for Opener<R> {
    /// The verified plaintext that was not read yet, without a copy; empty only
    /// at the authenticated end of the message.
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.outcome {
                Outcome::Failed => return Err(Error::Finished.into()),
                Outcome::Complete => return Ok(&[]),
                Outcome::Going => {}
            }
            if self
                .current
                .as_ref()
                .is_some_and(|unit| self.position < unit.released)
            {
                break;
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => self.outcome = Outcome::Complete,
                Err(error) => {
                    self.outcome = Outcome::Failed;
                    return Err(error.into());
                }
            }
        }
        let unit = self
            .current
            .as_ref()
            .map_or(&[][..], |unit| &unit.plain[self.position..unit.released]);
        Ok(unit)
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount;
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let ready = self.fill_buf()?;
        let size = ready.len().min(out.len());
        out[..size].copy_from_slice(&ready[..size]);
        self.consume(size);
        Ok(size)
    }
}
