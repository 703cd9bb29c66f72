//! Random access against the whole message, and against damage.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::io;
use std::sync::Arc;

use common::{Paths, UNIT, both, data};
use passkeep_core::{Error, RangeReader, ReadAt};

struct Memory(Vec<u8>);

impl ReadAt for Memory {
    fn read_exact_at(&self, out: &mut [u8], at: u64) -> io::Result<()> {
        let start = usize::try_from(at).unwrap();
        let piece = self.0.get(start..start + out.len());
        out.copy_from_slice(piece.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

fn open(paths: &Paths, sealed: &[u8], threads: usize) -> Result<RangeReader<Memory>, Error> {
    let source = Memory([b"header", sealed].concat());
    RangeReader::open(
        Arc::clone(&paths.format),
        source,
        6,
        sealed.len() as u64,
        threads,
    )
}

/// Positions and lengths around every boundary, and some in between.
fn ranges(paths: &Paths, size: usize) -> Vec<(usize, usize)> {
    let chunk = paths.chunk;
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let mut ranges = vec![
        (0, size),
        (size, 1),
        (size + 1, 5),
        (0, 0),
        (size / 2, size),
    ];
    for at in [chunk, 2 * chunk, UNIT, size.saturating_sub(chunk)] {
        for by in [0, 1, 17] {
            for length in [1, 16, chunk - 1, chunk, chunk + 1, UNIT, UNIT + 1] {
                ranges.push((at.saturating_sub(by), length));
                ranges.push((at + by, length));
            }
        }
    }
    ranges.extend((0..100).map(|_| (random(size + 1), random(3 * chunk))));
    ranges
}

#[test]
fn any_range_is_what_the_message_holds_there() {
    for paths in both() {
        for size in paths.lengths() {
            let plain = data(size);
            let sealed = paths.seal_to_slice(&plain, 2);
            for threads in [1, 2, 8] {
                let mut reader = open(&paths, &sealed, threads).expect("a message");
                assert_eq!(reader.size(), size as u64);
                for (at, length) in ranges(&paths, size) {
                    let mut out = vec![0xAA; length];
                    let read = reader
                        .read_at(at as u64, &mut out, &mut ())
                        .expect("a read");
                    let expected = &plain[at.min(size)..(at + length).min(size)];
                    assert_eq!(&out[..read], expected, "{size}: {length} at {at}");
                }
            }
        }
    }
}

#[test]
fn reading_on_in_small_pieces_gives_the_whole() {
    for paths in both() {
        let plain = data(2 * UNIT + 77);
        let sealed = paths.seal_to_slice(&plain, 2);
        let mut reader = open(&paths, &sealed, 1).expect("a message");
        let mut read = Vec::new();
        let mut piece = [0; 4000];
        loop {
            let size = reader.read_at(read.len() as u64, &mut piece, &mut ());
            match size.expect("a read") {
                0 => break,
                size => read.extend_from_slice(&piece[..size]),
            }
        }
        assert_eq!(read, plain);
    }
}

#[test]
fn a_bad_chunk_spoils_its_own_range_only() {
    for paths in both() {
        let plain = data(5 * paths.chunk + 9);
        let mut sealed = paths.seal_to_slice(&plain, 1);
        sealed[2 * paths.sealed_chunk + 5] ^= 1;
        let mut reader = open(&paths, &sealed, 2).expect("a genuine end");
        for (at, good) in [
            (0, true),
            (2 * paths.chunk + 3, false),
            (3 * paths.chunk, true),
        ] {
            let mut out = vec![0xAA; 100];
            let read = reader.read_at(at as u64, &mut out, &mut ());
            assert_eq!(read.is_ok(), good);
            let expected = if good {
                &plain[at..at + 100]
            } else {
                &[0; 100]
            };
            assert_eq!(out, expected);
        }
        let mut whole = vec![0xAA; plain.len()];
        assert!(reader.read_at(0, &mut whole, &mut ()).is_err());
        assert!(whole.iter().all(|byte| *byte == 0), "cleared on failure");
    }
}

#[test]
fn a_message_without_its_end_is_not_opened() {
    for paths in both() {
        let sealed = paths.seal_to_slice(&data(3 * paths.chunk + 100), 1);
        for cut in [
            0,
            10,
            paths.sealed_chunk,
            3 * paths.sealed_chunk,
            3 * paths.sealed_chunk + 5,
            sealed.len() - 1,
        ] {
            let opened = open(&paths, &sealed[..cut], 1);
            assert!(opened.is_err_and(|error| error.is_damage()), "{cut}");
        }
        let longer = [&sealed[..], b"x"].concat();
        assert!(open(&paths, &longer, 1).is_err_and(|error| error.is_damage()));
    }
}
