//! What the payload tests share: a fixed key, test data, and each path
//! through the core as one function from bytes to bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)] // each test file uses its part

use std::fs::File;
use std::io::{Read, Write};

use std::sync::Arc;

use passkeep_core::{
    CobblestoneKey, Error, FileKey, Format, LastChunk, Layout, Opener, PayloadKey, Sealer,
    Stability, open_file, open_slice, seal_file, seal_slice,
};

pub const UNIT: usize = 1 << 20;
/// A file's own beginning, which is none of the payload's business.
const BEFORE: &[u8] = b"prefix!";

/// One payload format under a fixed key, with each path through the core as a
/// function from bytes to bytes.
pub struct Paths {
    pub format: Arc<dyn Format>,
    pub layout: Layout,
    pub chunk: usize,
    pub sealed_chunk: usize,
}

pub fn age() -> Paths {
    let key = FileKey::from_slice(b"YELLOW SUBMARINE").expect("16 bytes");
    Paths::new(key.resume(b"a nonce for test").expect("a derived key"))
}

pub fn cobblestone() -> Paths {
    let key = CobblestoneKey::from_slice(b"YELLOW SUBMARINEYELLOW SUBMARINE", b"tests");
    Paths::new(key.expect("32 bytes").begin().expect("a derived key").1)
}

pub fn both() -> [Paths; 2] {
    [age(), cobblestone()]
}

pub fn data(size: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..size)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state & 0xFF) as u8
        })
        .collect()
}

fn file_with(data: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(data).expect("writing");
    file
}

fn contents(mut file: &File) -> Vec<u8> {
    use std::io::Seek;
    let mut data = Vec::new();
    file.rewind().expect("seeking");
    file.read_to_end(&mut data).expect("reading");
    data
}

impl Paths {
    fn new(format: Arc<dyn Format>) -> Self {
        let layout = format.layout();
        Self {
            format,
            layout,
            chunk: layout.chunk,
            sealed_chunk: layout.sealed_chunk(),
        }
    }

    /// Lengths around every boundary: empty, chunk, unit, several units.
    pub fn lengths(&self) -> Vec<usize> {
        let chunk = self.chunk;
        let mut lengths = vec![0, 1, 15, 16, 17, chunk - 1, chunk, chunk + 1, 2 * chunk];
        lengths.extend([
            UNIT - 1,
            UNIT,
            UNIT + 1,
            2 * UNIT,
            3 * UNIT - chunk,
            4 * UNIT,
        ]);
        lengths.push(5 * UNIT + 12345);
        lengths
    }

    /// Whether a last chunk may be full.
    pub fn may_be_full(&self) -> bool {
        self.layout.last == LastChunk::MayBeFull
    }

    pub fn seal_stream(&self, plain: &[u8], threads: usize, piece: usize) -> Vec<u8> {
        let mut sealer = Sealer::new(Arc::clone(&self.format), Vec::new(), threads);
        for piece in plain.chunks(piece) {
            sealer.write_all(piece).expect("sealing");
        }
        sealer.finish().expect("the end")
    }

    /// Everything that is released, and the error after it.
    pub fn open_stream(
        &self,
        sealed: &[u8],
        threads: usize,
        piece: usize,
    ) -> (Vec<u8>, Result<(), Error>) {
        let mut opener = Opener::new(Arc::clone(&self.format), sealed, threads);
        let mut released = Vec::new();
        let mut buffer = vec![0; piece];
        loop {
            match opener.read(&mut buffer) {
                Ok(0) => {
                    assert_eq!(opener.read(&mut buffer).expect("still the end"), 0);
                    return (released, Ok(()));
                }
                Ok(size) => released.extend_from_slice(&buffer[..size]),
                Err(error) => {
                    assert!(opener.read(&mut buffer).is_err(), "a failure is final");
                    return (released, Err(error.into()));
                }
            }
        }
    }

    pub fn seal_to_slice(&self, plain: &[u8], threads: usize) -> Vec<u8> {
        let size = self.layout.sealed_size(plain.len() as u64).expect("a size");
        let mut sealed = vec![0; usize::try_from(size).expect("it fits")];
        seal_slice(&*self.format, plain, &mut sealed, threads, &mut ()).expect("sealing");
        sealed
    }

    pub fn open_to_slice(&self, sealed: &[u8], threads: usize) -> Result<Vec<u8>, Error> {
        let size = self.layout.plain_size(sealed.len() as u64)?;
        let mut plain = vec![0xAA; usize::try_from(size).expect("it fits")];
        let stability = [Stability::Stable, Stability::Shared][threads % 2];
        let end = open_slice(
            &*self.format,
            sealed,
            stability,
            &mut plain,
            threads,
            &mut (),
        );
        if end.is_err() {
            assert!(plain.iter().all(|byte| *byte == 0), "cleared on failure");
        }
        end.map(|()| plain)
    }

    pub fn seal_through_files(&self, plain: &[u8], threads: usize) -> Vec<u8> {
        let (source, target) = (file_with(plain), tempfile::tempfile().expect("a file"));
        let at = BEFORE.len();
        let size = seal_file(
            &*self.format,
            &source,
            &target,
            at as u64,
            threads,
            None,
            &mut (),
        );
        assert_eq!(size.expect("sealing"), plain.len() as u64);
        contents(&target).split_off(at)
    }

    pub fn open_through_files(&self, sealed: &[u8], threads: usize) -> Result<Vec<u8>, Error> {
        let source = file_with(&[BEFORE, sealed].concat());
        let target = tempfile::tempfile().expect("a file");
        let at = BEFORE.len() as u64;
        open_file(&*self.format, &source, at, &target, threads, &mut ())?;
        Ok(contents(&target))
    }
}
