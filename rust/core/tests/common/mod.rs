//! What the payload tests share: a fixed key, test data, and each path
//! through the core as one function from bytes to bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)] // each test file uses its part

use std::fs::File;
use std::io::{Read, Write};

use passkeep_core::{
    Age, Error, FileKey, Format, Opener, Sealer, open_file, open_slice, seal_file, seal_slice,
};

pub const CHUNK: usize = 64 * 1024;
pub const SEALED_CHUNK: usize = CHUNK + 16;
pub const UNIT: usize = 1 << 20;

/// Lengths around every boundary: empty, chunk, unit, several units.
pub const LENGTHS: [usize; 16] = [
    0,
    1,
    15,
    16,
    17,
    CHUNK - 1,
    CHUNK,
    CHUNK + 1,
    2 * CHUNK,
    UNIT - 1,
    UNIT,
    UNIT + 1,
    2 * UNIT,
    3 * UNIT - CHUNK,
    4 * UNIT,
    5 * UNIT + 12345,
];

pub fn format() -> Age {
    let key = FileKey::from_slice(b"YELLOW SUBMARINE").expect("16 bytes");
    Age::new(&key, b"a nonce for test").expect("a derived key")
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

pub fn seal_stream(plain: &[u8], threads: usize, piece: usize) -> Vec<u8> {
    let mut sealer = Sealer::new(format(), Vec::new(), threads);
    for piece in plain.chunks(piece) {
        sealer.write_all(piece).expect("sealing");
    }
    sealer.finish().expect("the end")
}

/// Everything that is released, and the error after it.
pub fn open_stream(sealed: &[u8], threads: usize, piece: usize) -> (Vec<u8>, Result<(), Error>) {
    let mut opener = Opener::new(format(), sealed, threads);
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

pub fn seal_to_slice(plain: &[u8], threads: usize) -> Vec<u8> {
    let size = Age::LAYOUT.sealed_size(plain.len() as u64).expect("a size");
    let mut sealed = vec![0; usize::try_from(size).expect("it fits")];
    seal_slice(&format(), plain, &mut sealed, threads, &mut ()).expect("sealing");
    sealed
}

pub fn open_to_slice(sealed: &[u8], threads: usize) -> Result<Vec<u8>, Error> {
    let size = Age::LAYOUT.plain_size(sealed.len() as u64)?;
    let mut plain = vec![0xAA; usize::try_from(size).expect("it fits")];
    let end = open_slice(&format(), sealed, &mut plain, threads, &mut ());
    if end.is_err() {
        assert!(plain.iter().all(|byte| *byte == 0), "cleared on failure");
    }
    end.map(|()| plain)
}

pub fn seal_through_files(plain: &[u8], threads: usize) -> Vec<u8> {
    let (source, target) = (file_with(plain), tempfile::tempfile().expect("a file"));
    let size = seal_file(&format(), &source, &target, 7, threads, &mut ()).expect("sealing");
    assert_eq!(size, plain.len() as u64);
    contents(&target).split_off(7)
}

pub fn open_through_files(sealed: &[u8], threads: usize) -> Result<Vec<u8>, Error> {
    let prefixed = [b"prefix!", sealed].concat();
    let (source, target) = (file_with(&prefixed), tempfile::tempfile().expect("a file"));
    open_file(&format(), &source, 7, &target, threads, &mut ())?;
    Ok(contents(&target))
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
