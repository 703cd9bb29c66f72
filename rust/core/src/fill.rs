//! Writers that are filled where they keep what they take.

use std::fs::File;
use std::io::{self, Read, Write};

const PIECE: usize = 16 << 10;

/// A writer that reads from a source by itself, so that what is read needs no buffer on its
/// way.
pub trait Fill: Write {
    /// Reads once from `source`, as much as there is room for. Returns how much that was, and
    /// 0 at the end of the source.
    ///
    /// # Errors
    /// Those of the source and of the writer.
    fn fill_from(&mut self, source: &mut dyn Read) -> io::Result<usize> {
        let mut piece = [0; PIECE];
        let size = source.read(&mut piece)?;
        self.write_all(&piece[..size])?;
        Ok(size)
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
