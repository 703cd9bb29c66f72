//! Writers that are filled where they keep what they take.

use std::fs::File;
use std::io::{self, Read, Write};

/// What those take at a time that have no place to read to.
const PIECE: u64 = 64 << 10;

/// A writer that reads from a source by itself, so that what is read needs no buffer on its
/// way.
pub trait Fill: Write {
    /// Reads some of `source`. Returns how much that was, and 0 at its end.
    ///
    /// # Errors
    /// Those of the source and of the writer.
    fn fill_from(&mut self, source: &mut dyn Read) -> io::Result<usize> {
        let size = io::copy(&mut source.take(PIECE), self)?;
        // No more than a piece.
        Ok(usize::try_from(size).unwrap_or(usize::MAX))
    }
}

impl Fill for File {}
impl Fill for Vec<u8> {}
impl Fill for io::Sink {}

impl<F: Fill + ?Sized> Fill for &mut F {
    fn fill_from(&mut self, source: &mut dyn Read) -> io::Result<usize> {
        (**self).fill_from(source)
    }
}
