//! What an archive says of an entry.

use crate::attributes::Attributes;
use crate::pax::Time;
use crate::sparse::Map;

/// What anything that is kept takes besides its bytes.
pub(crate) const OVERHEAD: usize = 128;

/// An entry's header, with what extended headers said before it.
pub(crate) struct Entry {
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) link: Vec<u8>,
    /// Bytes of content in the archive.
    pub(crate) size: u64,
    /// Where the content belongs in a file with holes.
    pub(crate) sparse: Option<Map>,
    pub(crate) mode: u32,
    pub(crate) mtime: Time,
    /// The numbers of its user and group.
    pub(crate) owner: (u64, u64),
    pub(crate) attributes: Attributes,
}

impl Entry {
    /// Bytes of the file, holes included.
    pub(crate) fn whole_size(&self) -> u64 {
        self.sparse.as_ref().map_or(self.size, |map| map.whole)
    }

    /// About how many bytes of memory it takes. Attributes may be tens of thousands
    /// of nothing, each of which takes room.
    pub(crate) fn weight(&self) -> usize {
        let attributes = self.attributes.iter();
        let attributes: usize = attributes
            .map(|(name, value)| name.len() + value.len() + OVERHEAD)
            .sum();
        self.path.len() + self.link.len() + attributes + OVERHEAD
    }
}

/// What an entry is, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    SymbolicLink,
    HardLink,
    /// Something that is never restored, and why.
    Other(&'static str),
}

/// What the type of a header stands for.
pub(crate) fn kind_of(kind: u8) -> Kind {
    match kind {
        b'0' | b'\0' | b'7' => Kind::File,
        b'5' => Kind::Directory,
        b'2' => Kind::SymbolicLink,
        b'1' => Kind::HardLink,
        b'S' => Kind::Other("a sparse file in the old form of GNU tar"),
        _ => Kind::Other("neither a file, a folder nor a link"),
    }
}
