//! Streaming encryption: a [`Write`] in front of a [`Write`].

use std::io::{self, Write};
use std::sync::Arc;

use crate::aead::Aead;
use crate::chunks::{Place, seal_run};
use crate::engine::Pipeline;
use crate::error::Error;
use crate::format::Format;
use crate::layout::{Layout, TOO_MANY_CHUNKS};
use crate::room::{extend, resize};

/// Seals what is written to it, on several threads, into `sink`.
///
/// A message is complete only after [`Sealer::finish`]. After an error every
/// later call fails.
pub struct Sealer<W: Write> {
    format: Arc<dyn Format>,
    layout: Layout,
    sink: W,
    threads: usize,
    /// Plaintext of the unit that is being filled.
    unit: Vec<u8>,
    next_chunk: u64,
    written: u64,
    pipeline: Option<Pipeline<Unit, Result<Unit, Error>>>,
    /// Buffers of units that were written, to be used again.
    spare: Vec<Unit>,
    ended: bool,
}

struct Unit {
    place: Place,
    plain: Vec<u8>,
    sealed: Vec<u8>,
}

impl<W: Write> Sealer<W> {
    /// A sealer that writes chunks to `sink`, beginning with the first; what
    /// stands before them (a header, a nonce) was written by the caller.
    pub fn new(format: Arc<dyn Format>, sink: W, threads: usize) -> Self {
        Self {
            layout: format.layout(),
            format,
            sink,
            threads,
            unit: Vec::new(),
            next_chunk: 0,
            written: 0,
            pipeline: None,
            spare: Vec::new(),
            ended: false,
        }
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

    fn take(&mut self, data: &[u8]) -> Result<usize, Error> {
        if self.unit.len() == self.layout.unit() {
            // There is more to come, so this unit does not end the message.
            self.dispatch(false)?;
        }
        let room = self.layout.unit() - self.unit.len();
        let taken = data.len().min(room);
        extend(&mut self.unit, &data[..taken])?;
        self.written += taken as u64;
        Ok(taken)
    }

    /// Has the filled unit sealed, on another thread unless it is the only one.
    fn dispatch(&mut self, last: bool) -> Result<(), Error> {
        let place = Place {
            first: self.next_chunk,
            last,
        };
        let chunks = self.layout.run_chunks(self.unit.len(), last) as u64;
        self.next_chunk = self
            .next_chunk
            .checked_add(chunks)
            .filter(|next| *next <= self.layout.max_chunks)
            .ok_or(TOO_MANY_CHUNKS)?;
        let mut unit = self.spare.pop().unwrap_or_else(|| Unit {
            place,
            plain: Vec::new(),
            sealed: Vec::new(),
        });
        unit.place = place;
        std::mem::swap(&mut unit.plain, &mut self.unit);
        self.unit.clear();

        let alone = last && self.pipeline.is_none();
        if alone || self.threads <= 1 {
            let unit = seal_unit(&*self.format, &mut self.format.cipher(), unit)?;
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
        Pipeline::start(self.threads, || {
            let format = Arc::clone(&self.format);
            let mut aead = format.cipher();
            Ok(move |unit| seal_unit(&*format, &mut aead, unit))
        })
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

    fn write_out(&mut self, unit: Unit) -> Result<(), Error> {
        self.sink.write_all(&unit.sealed)?;
        self.spare.push(unit);
        Ok(())
    }
}

fn seal_unit(format: &dyn Format, aead: &mut Aead, mut unit: Unit) -> Result<Unit, Error> {
    let layout = format.layout();
    let chunks = layout.run_chunks(unit.plain.len(), unit.place.last);
    let size = unit.plain.len() + chunks * layout.tag;
    resize(&mut unit.sealed, size)?;
    seal_run(format, aead, unit.place, &unit.plain, &mut unit.sealed)?;
    Ok(unit)
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        self.check()?;
        self.take(data).map_err(|error| {
            self.ended = true;
            error.into()
        })
    }

    /// Does nothing: a unit is sealed when it is full or when the message ends.
    fn flush(&mut self) -> io::Result<()> {
        Ok(self.check()?)
    }
}
