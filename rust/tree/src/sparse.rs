//! Sparse files: which parts of a file hold data, and how an archive says it.
//!
//! The form is GNU's pax sparse 1.0: the map stands before the data, as decimal
//! numbers on lines of their own, filled up to a whole block.

use std::fs::File;

use rustix::fs::{SeekFrom, Stat, seek};
use rustix::io::Errno;

/// The most parts that a map may have: sixteen MiB of memory.
pub(crate) const MAX_PARTS: usize = 1 << 20;
const BLOCK: usize = 512;
/// What `st_blocks` counts.
const STAT_BLOCK: u64 = 512;

/// A run of data in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

/// The parts of a file that hold data, in order; all else are holes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Map {
    pub(crate) parts: Vec<Part>,
    /// Bytes of the whole file, holes included.
    pub(crate) whole: u64,
}

/// Bytes of a file that take room, as far as its metadata tells.
#[allow(clippy::unnecessary_cast)] // the types differ between systems
pub(crate) fn occupied(stat: &Stat) -> u64 {
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    let blocks = u64::try_from(stat.st_blocks as i64).unwrap_or(0);
    size.min(blocks.saturating_mul(STAT_BLOCK))
}

impl Map {
    /// The map of a file; `None` where it has no holes, or where the file
    /// system does not tell.
    pub(crate) fn of(file: &File, size: u64) -> Option<Self> {
        let mut map = Self {
            parts: Vec::new(),
            whole: size,
        };
        let (mut at, mut gap) = (0, 0);
        while at < size {
            let start = match seek(file, SeekFrom::Data(at)) {
                Ok(start) => start.min(size),
                // There is no data any more.
                Err(Errno::NXIO) => break,
                Err(_) => return None,
            };
            let end = seek(file, SeekFrom::Hole(start)).ok()?.min(size);
            if end <= start {
                break;
            }
            map.push(start, end, gap);
            if map.parts.len() >= MAX_PARTS {
                // A file of very many small holes keeps only its larger ones.
                gap = map.join(gap);
            }
            at = end;
        }
        (map.stored() < size).then_some(map)
    }

    fn push(&mut self, start: u64, end: u64, gap: u64) {
        match self.parts.last_mut() {
            Some(last) if start - (last.offset + last.size) <= gap => {
                last.size = end - last.offset;
            }
            _ => self.parts.push(Part {
                offset: start,
                size: end - start,
            }),
        }
    }

    /// Fills ever larger holes, beginning above `gap`, until half of the parts
    /// are gone. Returns the size up to which holes are to be filled from now on.
    fn join(&mut self, mut gap: u64) -> u64 {
        while self.parts.len() > MAX_PARTS / 2 {
            gap = (gap * 2).max(BLOCK as u64);
            for part in std::mem::take(&mut self.parts) {
                self.push(part.offset, part.offset + part.size, gap);
            }
        }
        gap
    }

    /// Bytes of data, holes left out.
    pub(crate) fn stored(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum()
    }

    /// The map as it stands before the data.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let end = self.parts.last().map_or(0, |last| last.offset + last.size);
        // A part of nothing at the end tells other readers the file's size.
        let closing = (end < self.whole).then_some(Part {
            offset: self.whole,
            size: 0,
        });
        let count = self.parts.len() + usize::from(closing.is_some());
        let mut text = format!("{count}\n");
        for part in self.parts.iter().chain(&closing) {
            for number in [part.offset, part.size] {
                text.push_str(&number.to_string());
                text.push('\n');
            }
        }
        let mut bytes = text.into_bytes();
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        bytes
    }
}

/// Reads a map as it comes, number by number, and trusts none of it.
pub(crate) struct Reader {
    map: Map,
    /// Parts still to come; unknown before the first number.
    left: Option<u64>,
    offset: Option<u64>,
    number: Option<u64>,
    /// Where the next part may begin.
    end: u64,
}

impl Reader {
    pub(crate) fn new(whole: u64) -> Self {
        Self {
            map: Map {
                parts: Vec::new(),
                whole,
            },
            left: None,
            offset: None,
            number: None,
            end: 0,
        }
    }

    /// Takes a block, and says whether the map is complete.
    pub(crate) fn block(&mut self, block: &[u8]) -> Result<bool, &'static str> {
        for byte in block {
            match byte {
                b'0'..=b'9' => {
                    let digit = u64::from(byte - b'0');
                    let number = self.number.unwrap_or(0).checked_mul(10);
                    let number = number.and_then(|number| number.checked_add(digit));
                    self.number = Some(number.ok_or("a sparse map with a huge number")?);
                }
                b'\n' => {
                    let number = self.number.take().ok_or("a malformed sparse map")?;
                    self.take(number)?;
                    if self.left == Some(0) {
                        return Ok(true);
                    }
                }
                _ => return Err("a malformed sparse map"),
            }
        }
        Ok(false)
    }

    fn take(&mut self, number: u64) -> Result<(), &'static str> {
        let Some(left) = self.left else {
            if number > MAX_PARTS as u64 {
                return Err("a sparse map with too many parts");
            }
            self.left = Some(number);
            return Ok(());
        };
        let Some(offset) = self.offset.take() else {
            if number < self.end {
                return Err("a sparse map whose parts overlap or are out of order");
            }
            self.offset = Some(number);
            return Ok(());
        };
        let end = offset.checked_add(number);
        self.end = end
            .filter(|end| *end <= self.map.whole)
            .ok_or("a sparse map that leads beyond the file's end")?;
        if number > 0 {
            self.map.parts.push(Part {
                offset,
                size: number,
            });
        }
        self.left = Some(left - 1);
        Ok(())
    }

    /// The map, if it accounts for all of the content behind it.
    pub(crate) fn finish(self, content: u64) -> Result<Map, &'static str> {
        if self.map.stored() == content {
            Ok(self.map)
        } else {
            Err("a sparse map that does not fit its content")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8], whole: u64, content: u64) -> Result<Map, &'static str> {
        let mut reader = Reader::new(whole);
        for block in text.chunks(BLOCK) {
            if reader.block(block)? {
                return reader.finish(content);
            }
        }
        Err("it is not complete")
    }

    fn map(parts: &[(u64, u64)], whole: u64) -> Map {
        let parts = parts.iter().map(|&(offset, size)| Part { offset, size });
        Map {
            parts: parts.collect(),
            whole,
        }
    }

    #[test]
    fn maps_go_there_and_back() {
        let many: Vec<_> = (0..1000).map(|n| (n * 8192, 4096)).collect();
        for map in [
            map(&[], 1 << 40),
            map(&[(0, 1)], 1 << 62),
            map(&[(4096, 4096), (1 << 30, 17)], (1 << 30) + 17),
            map(&many, 1 << 30),
        ] {
            let bytes = map.to_bytes();
            assert_eq!(bytes.len() % BLOCK, 0);
            assert_eq!(parse(&bytes, map.whole, map.stored()), Ok(map));
        }
    }

    #[test]
    fn lies_are_refused() {
        for (text, content) in [
            ("1\n0\n101\n", 101),
            ("1\n101\n0\n", 0),
            ("2\n0\n10\n5\n10\n", 20),
            ("2\n50\n10\n0\n10\n", 20),
            ("1\n18446744073709551615\n2\n", 2),
            ("1\n99999999999999999999999\n2\n", 2),
            ("1\n-1\n2\n", 2),
            ("\n", 0),
            ("1\n0\n10\n", 11),
            ("1\n0\n10\n", 9),
            ("1048577\n", 0),
            ("2\n0\n10\n", 10),
        ] {
            assert!(parse(text.as_bytes(), 100, content).is_err(), "{text:?}");
        }
    }

    #[test]
    fn very_many_parts_are_joined() {
        let mut map = map(&[], u64::MAX);
        let mut at = 0;
        for n in 0..MAX_PARTS as u64 {
            at += 4096 * (1 + n % 3);
            map.push(at, at + 4096, 0);
            at += 4096;
        }
        let stored = map.stored();
        let gap = map.join(0);
        assert!(map.parts.len() <= MAX_PARTS / 2);
        assert!(map.stored() > stored);
        assert!(
            map.parts
                .windows(2)
                .all(|two| two[0].offset + two[0].size + gap < two[1].offset)
        );
    }
}
