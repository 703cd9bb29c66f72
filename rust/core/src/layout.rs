//! Plaintext sizes to sealed sizes and back: pure arithmetic, all of it
//! checked.

use crate::error::Error;

/// How many bytes of plaintext the engine hands to a thread at a time. Large
/// enough to make a system call and a hand-over cheap, small enough that a unit
/// and what becomes of it stay in the second-level cache of their thread.
pub(crate) const UNIT: usize = 256 * 1024;

/// Inputs up to this size are worked on where they are: waking threads would
/// cost as much as the cipher.
pub(crate) const INLINE: u64 = 1 << 20;

/// The chunk sizes of a payload format.
///
/// A message is cut into chunks of `chunk` bytes, and every chunk grows by `tag`
/// bytes when it is sealed.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Plaintext bytes in a full chunk.
    pub chunk: usize,
    /// Bytes of the authentication tag after each chunk.
    pub tag: usize,
    /// What ends a message.
    pub last: LastChunk,
    /// The chunks that a message has at most.
    pub max_chunks: u64,
}

/// How the last chunk of a message is told from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastChunk {
    /// By its nonce. It may be full, and only an empty message has an empty one.
    MayBeFull,
    /// By its length: it is always shorter than the others, possibly empty.
    IsShorter,
}

impl Layout {
    /// Bytes in a full sealed chunk.
    pub const fn sealed_chunk(&self) -> usize {
        self.chunk + self.tag
    }

    /// Chunks in a unit of work.
    pub(crate) const fn unit_chunks(&self) -> usize {
        UNIT / self.chunk
    }

    /// Plaintext bytes in a unit of work.
    pub(crate) const fn unit(&self) -> usize {
        self.unit_chunks() * self.chunk
    }

    /// Sealed bytes in a unit of work.
    pub(crate) const fn sealed_unit(&self) -> usize {
        self.unit_chunks() * self.sealed_chunk()
    }

    /// Chunks in a message of `plain` bytes.
    pub(crate) fn chunks(&self, plain: u64) -> u64 {
        match self.last {
            LastChunk::MayBeFull => plain.div_ceil(self.chunk as u64).max(1),
            LastChunk::IsShorter => plain / self.chunk as u64 + 1,
        }
    }

    /// Chunks in a run of `plain` bytes that ends its message, or does not.
    pub(crate) fn run_chunks(&self, plain: usize, last: bool) -> usize {
        match self.last {
            LastChunk::IsShorter if last => plain / self.chunk + 1,
            LastChunk::MayBeFull if last => plain.div_ceil(self.chunk).max(1),
            _ => plain.div_ceil(self.chunk),
        }
    }

    /// Units of work in a message of `plain` bytes.
    pub(crate) fn units(&self, plain: u64) -> u64 {
        self.chunks(plain).div_ceil(self.unit_chunks() as u64)
    }

    /// The sealed size of a message of `plain` bytes.
    ///
    /// # Errors
    /// [`Error::Limit`] where it does not fit 64 bits, or the format.
    pub fn sealed_size(&self, plain: u64) -> Result<u64, Error> {
        let chunks = self.chunks(plain);
        if chunks > self.max_chunks {
            return Err(TOO_MANY_CHUNKS);
        }
        chunks
            .checked_mul(self.tag as u64)
            .and_then(|tags| tags.checked_add(plain))
            .ok_or(Error::Limit("the input is larger than any file can be"))
    }

    /// The plaintext size of a sealed message of `sealed` bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`] where no message has that size, and [`Error::Limit`]
    /// where it has more chunks than the format allows.
    pub fn plain_size(&self, sealed: u64) -> Result<u64, Error> {
        let whole = self.sealed_chunk() as u64;
        let (full, rest) = (sealed / whole, sealed % whole);
        let plain = match (rest, self.last) {
            (0, LastChunk::MayBeFull) if full > 0 => full * self.chunk as u64,
            (rest, _) if rest < self.tag as u64 => return Err(Error::Truncated),
            // Only an empty message has an empty chunk.
            (rest, LastChunk::MayBeFull) if rest == self.tag as u64 && full > 0 => {
                return Err(Error::Truncated);
            }
            (rest, _) => full * self.chunk as u64 + (rest - self.tag as u64),
        };
        if self.chunks(plain) > self.max_chunks {
            return Err(TOO_MANY_CHUNKS);
        }
        Ok(plain)
    }
}

pub(crate) const TOO_MANY_CHUNKS: Error = Error::Limit("the message has too many chunks");

pub(crate) const WRONG_SIZE: Error =
    Error::Limit("the output buffer does not have the size of the result");

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Layout = Layout {
        chunk: 65536,
        tag: 16,
        last: LastChunk::MayBeFull,
        max_chunks: u64::MAX,
    };
    const COBBLESTONE: Layout = Layout {
        chunk: 16384,
        tag: 16,
        last: LastChunk::IsShorter,
        max_chunks: 1 << 38,
    };

    #[test]
    fn sizes_go_there_and_back() {
        for plain in (0..70_000).chain([131_071, 131_072, 131_073, 1 << 40]) {
            for layout in [AGE, COBBLESTONE] {
                let sealed = layout.sealed_size(plain).unwrap_or_default();
                assert_eq!(layout.plain_size(sealed).ok(), Some(plain));
            }
        }
    }

    #[test]
    fn impossible_sizes_are_truncation() {
        for sealed in [0, 1, 15, 65_552 + 1, 65_552 + 15, 65_552 + 16] {
            assert!(matches!(AGE.plain_size(sealed), Err(Error::Truncated)));
        }
        for sealed in [0, 1, 15, 16_400, 16_401, 2 * 16_400] {
            let size = COBBLESTONE.plain_size(sealed);
            assert!(matches!(size, Err(Error::Truncated)));
        }
    }

    #[test]
    fn sizes_beyond_64_bits_are_a_limit() {
        assert!(matches!(AGE.sealed_size(u64::MAX), Err(Error::Limit(_))));
    }

    #[test]
    fn the_chunks_of_the_format_are_a_limit() {
        let largest = (1 << 52) - 1;
        assert!(COBBLESTONE.sealed_size(largest).is_ok());
        assert!(matches!(
            COBBLESTONE.sealed_size(largest + 1),
            Err(Error::Limit(_))
        ));
        let sealed = COBBLESTONE.sealed_size(largest).unwrap_or_default();
        assert_eq!(COBBLESTONE.plain_size(sealed).ok(), Some(largest));
        assert!(matches!(
            COBBLESTONE.plain_size(sealed + 17),
            Err(Error::Limit(_))
        ));
    }
}
