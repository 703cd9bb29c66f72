//! Threads that write what the restoring thread has read, and finish files.
//!
//! Making a file, filling it and giving it permissions and times costs more than
//! opening what it holds. The restoring thread makes files in their order, so
//! that it alone decides which entry gets a name; the rest is done here. Only the
//! files of a new target come here: nobody sees them before all are complete.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use passkeep_core::Pipeline;

use super::metadata::{Wanted, finish};
use crate::entry::Entry;
use crate::error::Error;
use crate::report::Report;
use crate::walk::as_path;

/// What goes to a thread at a time: much beside the hand-over, little beside the
/// second-level cache and the files that may be open.
pub(super) const PIECE: usize = 256 << 10;
const BATCH_FILES: usize = 32;

/// More threads would wait for each other in the file system.
const MAX_THREADS: usize = 4;

/// A file that was made, and the entry that it is made from.
pub(super) struct Target {
    file: File,
    entry: Entry,
    /// Bytes that are still to be written. Whoever writes the last of them finishes the
    /// file, because its times come last.
    missing: AtomicU64,
}

impl Target {
    /// A file that `content` bytes are to be written to.
    pub(super) fn new(file: File, entry: Entry, content: u64) -> Self {
        Self {
            file,
            entry,
            missing: AtomicU64::new(content),
        }
    }

    /// Says that so many bytes were written, and whether those were the last.
    fn is_complete(&self, written: u64) -> bool {
        self.missing.fetch_sub(written, Ordering::AcqRel) == written
    }
}

/// A piece of a file's content.
struct Piece {
    target: Arc<Target>,
    at: u64,
    content: Range<usize>,
}

#[derive(Default)]
struct Batch {
    pieces: Vec<Piece>,
    content: Vec<u8>,
    /// Bytes that the entries of files take, which nothing else bounds.
    weight: usize,
    /// What files had to be left without.
    report: Report,
}

/// The threads, and what they have not got yet.
pub(super) struct Writers {
    threads: usize,
    /// The folder that everything is restored to.
    root: Arc<Path>,
    wanted: Wanted,
    batch: Batch,
    pipeline: Option<Pipeline<Batch, Result<Batch, Error>>>,
    spare: Vec<Batch>,
    report: Report,
}

impl Writers {
    pub(super) fn new(threads: usize, root: &Path, wanted: Wanted) -> Self {
        Self {
            threads: threads.min(MAX_THREADS),
            root: Arc::from(root),
            wanted,
            batch: Batch::default(),
            pipeline: None,
            spare: Vec::new(),
            report: Report::default(),
        }
    }

    /// Where the next `size` bytes of content are to be appended.
    pub(super) fn room(&mut self, size: usize) -> Result<&mut Vec<u8>, Error> {
        let full = self.batch.content.len() + size > PIECE || self.batch.weight > PIECE;
        if full || self.batch.pieces.len() == BATCH_FILES {
            self.dispatch()?;
        }
        let content = &mut self.batch.content;
        content
            .try_reserve(size)
            .map_err(|_| Error::io(&*self.root, io::ErrorKind::OutOfMemory))?;
        Ok(content)
    }

    /// Has the last `size` bytes that were appended written to a file.
    pub(super) fn write(&mut self, target: &Arc<Target>, at: u64, size: usize) {
        let end = self.batch.content.len();
        self.batch.weight += target.entry.weight();
        self.batch.pieces.push(Piece {
            target: Arc::clone(target),
            at,
            content: end - size..end,
        });
    }

    /// Waits until everything is written. Returns the problems that files had.
    pub(super) fn settle(&mut self) -> Result<Report, Error> {
        if self.pipeline.is_some() {
            self.dispatch()?;
            while self.take_oldest()? {}
        } else {
            // A few small files are not worth a thread.
            let batch = std::mem::take(&mut self.batch);
            self.keep(write_all(batch, &self.root, self.wanted)?);
        }
        Ok(std::mem::take(&mut self.report))
    }

    fn dispatch(&mut self) -> Result<(), Error> {
        while self.pipeline.as_ref().is_some_and(Pipeline::is_full) {
            self.take_oldest()?;
        }
        let next = self.spare.pop().unwrap_or_default();
        let batch = std::mem::replace(&mut self.batch, next);
        let pipeline = match &mut self.pipeline {
            Some(pipeline) => pipeline,
            none => none.insert(
                Pipeline::start(self.threads, || {
                    let (root, wanted) = (Arc::clone(&self.root), self.wanted);
                    Ok(move |batch| write_all(batch, &root, wanted))
                })
                .map_err(|error| Error::io(&*self.root, error))?,
            ),
        };
        pipeline
            .submit(batch)
            .map_err(|error| Error::io(&*self.root, error))
    }

    /// Waits for the oldest batch; `false` when there is none.
    fn take_oldest(&mut self) -> Result<bool, Error> {
        let Some(pipeline) = &mut self.pipeline else {
            return Ok(false);
        };
        let batch = pipeline.next();
        match batch.map_err(|error| Error::io(&*self.root, error))? {
            None => Ok(false),
            Some(batch) => {
                self.keep(batch?);
                Ok(true)
            }
        }
    }

    fn keep(&mut self, mut batch: Batch) {
        self.report.take_problems(std::mem::take(&mut batch.report));
        self.spare.push(batch);
    }
}

fn write_all(mut batch: Batch, root: &Path, wanted: Wanted) -> Result<Batch, Error> {
    for piece in batch.pieces.drain(..) {
        let (target, content) = (piece.target, &batch.content[piece.content]);
        if let Err(error) = target.file.write_all_at(content, piece.at) {
            return Err(Error::io(root.join(as_path(&target.entry.path)), error));
        }
        if target.is_complete(content.len() as u64) {
            let file = target.file.as_fd();
            finish(&target.entry, file, wanted, &mut batch.report);
        }
    }
    batch.content.clear();
    batch.weight = 0;
    Ok(batch)
}
