//! Streaming encryption: a [`Write`] in front of a [`Write`].

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::aead::Aead;
use crate::chunks::{Place, seal_run};
use crate::engine::Pipeline;
use crate::error::Error;
use crate::fill::Fill;
use crate::format::Format;
use crate::hash::Hasher;
use crate::layout::{INLINE, Layout, TOO_MANY_CHUNKS};
use crate::parts::Part;
use crate::room::resize;

/// Seals what is written to it, on several threads, into `sink`.
///
/// A message is complete only after [`Sealer::finish`]. After an error every
/// later call fails.
pub struct Sealer<'a, W: Write> {
    layout: Layout,
    sink: W,
    task: Task,
    digest: Option<&'a mut Hasher>,
    threads: usize,
    /// The unit that is being filled, and how much of it is plaintext.
    unit: Vec<u8>,
    filled: usize,
    next_chunk: u64,
    written: u64,
    pipeline: Option<Pipeline<Unit, Result<Unit, Error>>>,
    /// Buffers of units that were written, to be used again.
    spare: Vec<Unit>,
    ended: bool,
}

/// What a thread does with a unit.
#[derive(Clone)]
struct Task {
    format: Arc<dyn Format>,
    /// Where units go instead of the sink, and where the first chunk belongs there.
    file: Option<(Arc<File>, u64)>,
    /// Where the first chunk stands in what is hashed in parts.
    hashed: Option<u64>,
}

struct Unit {
    place: Place,
    /// Its plaintext is the first `size` bytes.
    plain: Vec<u8>,
    size: usize,
    sealed: Vec<u8>,
    part: Option<Part>,
}

impl<'a, W: Write> Sealer<'a, W> {
    /// A sealer that writes chunks to `sink`, beginning with the first; what
    /// stands before them (a header, a nonce) was written by the caller.
    pub fn new(format: Arc<dyn Format>, sink: W, threads: usize) -> Self {
        Self {
            layout: format.layout(),
            sink,
            task: Task {
                format,
                file: None,
                hashed: None,
            },
            digest: None,
            threads,
            unit: Vec::new(),
            filled: 0,
            next_chunk: 0,
            written: 0,
            pipeline: None,
            spare: Vec::new(),
            ended: false,
        }
    }

    /// Has each thread write what it sealed where it belongs in `file`, whose first
    /// chunk stands at `offset`. The sink gets nothing then.
    #[must_use]
    pub fn by_position(mut self, file: File, offset: u64) -> Self {
        self.task.file = Some((Arc::new(file), offset));
        self
    }

    /// Has everything hashed that is sealed, behind what was hashed before. Threads
    /// hash what they have sealed, where the hash allows it.
    #[must_use]
    pub fn hashing(mut self, digest: &'a mut Hasher) -> Self {
        self.task.hashed = digest.tree().map(|tree| tree.size());
        self.digest = Some(digest);
        self
    }

    /// Plaintext bytes taken so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Seals the rest, marks the end of the message and returns the sink,
    /// flushed.
    ///
    /// # Errors
    /// Those of the sink, and [`Error::Finished`] after an earlier failure.
    pub fn finish(mut self) -> Result<W, Error> {
        self.check()?;
        self.dispatch(true)?;
        while self.write_oldest()? {}
        self.sink.flush()?;
        Ok(self.sink)
    }

    fn check(&self) -> Result<(), Error> {
        if self.ended {
            Err(Error::Finished)
        } else {
            Ok(())
        }
    }

    /// Has `give` put plaintext behind what there is. A full unit waits for
    /// some, because only then is it known not to end the message.
    fn take(&mut self, give: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        if self.filled < self.layout.unit() {
            let taken = give(room(
                &mut self.unit,
                self.filled,
                self.written,
                self.layout,
            )?)?;
            self.filled += taken;
            self.written += taken as u64;
            return Ok(taken);
        }
        let spare = self.spare.last_mut().map(|unit| &mut unit.plain);
        let mut next = spare.map(std::mem::take).unwrap_or_default();
        let taken = give(room(&mut next, 0, self.written, self.layout)?)?;
        if taken > 0 {
            self.dispatch(false)?;
            self.unit = next;
            self.filled = taken;
            self.written += taken as u64;
        }
        Ok(taken)
    }

    /// Has the filled unit sealed, on another thread unless it is the only one.
    fn dispatch(&mut self, last: bool) -> Result<(), Error> {
        let place = Place {
            first: self.next_chunk,
            last,
        };
        let chunks = self.layout.run_chunks(self.filled, last) as u64;
        self.next_chunk = self
            .next_chunk
            .checked_add(chunks)
            .filter(|next| *next <= self.layout.max_chunks)
            .ok_or(TOO_MANY_CHUNKS)?;
        let mut unit = self.spare.pop().unwrap_or_else(|| Unit {
            place,
            plain: Vec::new(),
            size: 0,
            sealed: Vec::new(),
            part: None,
        });
        unit.place = place;
        unit.size = std::mem::take(&mut self.filled);
        std::mem::swap(&mut unit.plain, &mut self.unit);

        let small = last || self.written <= INLINE;
        if self.threads <= 1 || small && self.pipeline.is_none() {
            let unit = self.task.worker()(unit)?;
            return self.write_out(unit);
        }
        while self.pipeline.as_ref().is_some_and(Pipeline::is_full) {
            self.write_oldest()?;
        }
        if self.pipeline.is_none() {
            self.pipeline = Some(self.start_pipeline()?);
        }
        match &mut self.pipeline {
            Some(pipeline) => pipeline.submit(unit),
            None => Err(Error::Backend),
        }
    }

    fn start_pipeline(&self) -> Result<Pipeline<Unit, Result<Unit, Error>>, Error> {
        Pipeline::start(self.threads, || Ok(self.task.worker()))
    }

    /// Writes the oldest unit under way; `false` when there is none.
    fn write_oldest(&mut self) -> Result<bool, Error> {
        let Some(pipeline) = &mut self.pipeline else {
            return Ok(false);
        };
        let Some(unit) = pipeline.next()? else {
            return Ok(false);
        };
        self.write_out(unit?)?;
        Ok(true)
    }

    fn write_out(&mut self, mut unit: Unit) -> Result<(), Error> {
        if self.task.file.is_none() {
            self.sink.write_all(&unit.sealed)?;
        }
        if let Some(digest) = &mut self.digest {
            match (digest.tree(), unit.part.take()) {
                (Some(tree), Some(part)) => tree.append(&part),
                _ => digest.update(&unit.sealed),
            }
        }
        self.spare.push(unit);
        Ok(())
    }
}

impl Task {
    fn worker(&self) -> impl FnMut(Unit) -> Result<Unit, Error> + Send + use<> {
        let task = self.clone();
        let mut aead = task.format.cipher();
        move |unit| task.work(&mut aead, unit)
    }

    fn work(&self, aead: &mut Aead, unit: Unit) -> Result<Unit, Error> {
        let mut unit = seal_unit(&*self.format, aead, unit)?;
        let at = unit.place.first * self.format.layout().sealed_chunk() as u64;
        unit.part = self.hashed.map(|first| Part::new(first + at, &unit.sealed));
        if let Some((file, offset)) = &self.file {
            file.write_all_at(&unit.sealed, offset + at)?;
        }
        Ok(unit)
    }
}

fn seal_unit(format: &dyn Format, aead: &mut Aead, mut unit: Unit) -> Result<Unit, Error> {
    let layout = format.layout();
    let plain = &unit.plain[..unit.size];
    let chunks = layout.run_chunks(plain.len(), unit.place.last);
    resize(&mut unit.sealed, plain.len() + chunks * layout.tag)?;
    seal_run(format, aead, unit.place, plain, &mut unit.sealed)?;
    Ok(unit)
}

/// What follows the first `filled` bytes of a unit. Its buffer grows with what was
/// `written` of the message: most are small.
fn room(
    unit: &mut Vec<u8>,
    filled: usize,
    written: u64,
    layout: Layout,
) -> Result<&mut [u8], Error> {
    if filled == unit.len() {
        let size = usize::try_from(written.saturating_mul(4)).unwrap_or(usize::MAX);
        resize(unit, size.clamp(layout.chunk, layout.unit()))?;
    }
    Ok(&mut unit[filled..])
}

impl<W: Write> Fill for Sealer<'_, W> {
    /// Reads straight to where it is sealed from.
    ///
    /// # Errors
    /// Those of the source and of the sink, and [`Error::Finished`] after an earlier
    /// failure.
    fn fill_from(&mut self, source: &mut dyn Read) -> io::Result<usize> {
        self.check()?;
        let taken = self.take(|room| source.read(room));
        self.ended = taken.is_err();
        taken
    }
}

impl<W: Write> Write for Sealer<'_, W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        self.check()?;
        let taken = self.take(|room| {
            let size = data.len().min(room.len());
            room[..size].copy_from_slice(&data[..size]);
            Ok(size)
        });
        self.ended = taken.is_err();
        taken
    }

    /// Does nothing: a unit is sealed when it is full or when the message ends.
    fn flush(&mut self) -> io::Result<()> {
        Ok(self.check()?)
    }
}
