//! Where an archive is read from.

use std::io;

/// Opens the archive once more, from its beginning.
pub(crate) type Again<'a, R> = Box<dyn FnOnce() -> io::Result<R> + 'a>;

/// An archive to read: a stream, which passes once, or something that can be
/// read again.
pub struct Input<'a, R> {
    pub(crate) first: R,
    pub(crate) again: Option<Again<'a, R>>,
}

impl<R> From<R> for Input<'_, R> {
    /// A stream.
    fn from(source: R) -> Self {
        Self {
            first: source,
            again: None,
        }
    }
}

impl<'a, R> Input<'a, R> {
    /// Something that `again` opens anew. It is read a second time only where an
    /// entry needs what passed before it was known to be needed: the content of
    /// a hard link whose first name was not asked for.
    pub fn seekable(source: R, again: impl FnOnce() -> io::Result<R> + 'a) -> Self {
        Self {
            first: source,
            again: Some(Box::new(again)),
        }
    }
}
