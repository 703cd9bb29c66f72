//! Plaintext sizes to sealed sizes and back: pure arithmetic, all of it
//! checked.

use crate::error::Error;

/// How many bytes of plaintext the engine hands to a thread at a time. Large
/// enough to make a system call and a hand-over cheap, small enough to stay in
/// the second-level cache.
pub(crate) const UNIT: usize = 1 << 20;

/// Inputs below this size are worked on where they are: waking threads would
/// cost more than the cipher.
pub(crate) const INLINE: u64 = 256 * 1024;

/// The chunk sizes of a payload format.
///
/// A message is cut into chunks of `chunk` bytes, of which only the last may be
/// shorter, and only an empty message has an empty one. Every chunk grows by
/// `tag` bytes when it is sealed.
#[derive(Clone, Copy)]
pub struct Layout {
    /// Plaintext bytes in a full chunk.
    pub chunk: usize,
    /// Bytes of the authentication tag after each chunk.
    pub tag: usize,
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
    const fn chunks(&self, plain: u64) -> u64 {
        let chunks = plain.div_ceil(self.chunk as u64);
        if chunks == 0 { 1 } else { chunks }
    }

    /// The sealed size of a message of `plain` bytes.
    ///
    /// # Errors
    /// [`Error::Limit`] where it does not fit 64 bits.
    pub fn sealed_size(&self, plain: u64) -> Result<u64, Error> {
        self.chunks(plain)
            .checked_mul(self.tag as u64)
            .and_then(|tags| tags.checked_add(plain))
            .ok_or(Error::Limit("the input is larger than any file can be"))
    }

    /// The plaintext size of a sealed message of `sealed` bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`] where no message has that size.
    pub fn plain_size(&self, sealed: u64) -> Result<u64, Error> {
        let whole = self.sealed_chunk() as u64;
        let (full, rest) = (sealed / whole, sealed % whole);
        match rest {
            0 if full == 0 => Err(Error::Truncated),
            0 => Ok(full * self.chunk as u64),
            rest if rest < self.tag as u64 => Err(Error::Truncated),
            rest => Ok(full * self.chunk as u64 + (rest - self.tag as u64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Layout = Layout {
        chunk: 65536,
        tag: 16,
    };

    #[test]
    fn sizes_go_there_and_back() {
        for plain in (0..70_000).chain([131_071, 131_072, 131_073, 1 << 40]) {
            let sealed = AGE.sealed_size(plain).unwrap_or_default();
            assert_eq!(AGE.plain_size(sealed).ok(), Some(plain));
        }
    }

    #[test]
    fn impossible_sizes_are_truncation() {
        for sealed in [0, 1, 15, 65_552 + 1, 65_552 + 15] {
            assert!(matches!(AGE.plain_size(sealed), Err(Error::Truncated)));
        }
    }

    #[test]
    fn sizes_beyond_64_bits_are_a_limit() {
        assert!(matches!(AGE.sealed_size(u64::MAX), Err(Error::Limit(_))));
    }
}
