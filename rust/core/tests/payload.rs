//! Every path through the core against every other, and against damage, in both
//! formats.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;

use common::{Paths, UNIT, both, data};
use passkeep_core::{Aead, Error, Format, Layout, Sealer};

#[test]
fn all_paths_and_thread_counts_make_the_same_bytes() {
    for paths in both() {
        for length in paths.lengths() {
            let plain = data(length);
            let sealed = paths.seal_stream(&plain, 1, UNIT);
            for threads in [1, 2, 3, 8] {
                assert_eq!(
                    paths.seal_stream(&plain, threads, 77_777),
                    sealed,
                    "{length}"
                );
                assert_eq!(paths.seal_to_slice(&plain, threads), sealed, "{length}");
                assert_eq!(
                    paths.seal_through_files(&plain, threads),
                    sealed,
                    "{length}"
                );
            }
        }
    }
}

#[test]
fn all_paths_open_what_was_sealed() {
    for paths in both() {
        for length in paths.lengths() {
            let plain = data(length);
            let sealed = paths.seal_to_slice(&plain, 1);
            for threads in [1, 2, 8] {
                let (released, end) = paths.open_stream(&sealed, threads, 33_333);
                assert!(end.is_ok() && released == plain, "{length}");
                let opened = paths.open_to_slice(&sealed, threads);
                assert!(opened.is_ok_and(|out| out == plain), "{length}");
                let opened = paths.open_through_files(&sealed, threads);
                assert!(opened.is_ok_and(|out| out == plain), "{length}");
            }
        }
    }
}

#[test]
fn pieces_of_one_byte_make_no_difference() {
    for paths in both() {
        let plain = data(paths.chunk + 3);
        let sealed = paths.seal_to_slice(&plain, 1);
        assert_eq!(paths.seal_stream(&plain, 2, 1), sealed);
        assert_eq!(paths.open_stream(&sealed, 2, 1).0, plain);
    }
}

/// Opens damaged data on every path. A stream must release exactly `verified`
/// bytes of the plaintext before it fails; the others must release nothing.
fn assert_damaged(paths: &Paths, sealed: &[u8], plain: &[u8], verified: usize) {
    for threads in [1, 2] {
        let (released, end) = paths.open_stream(sealed, threads, 50_000);
        assert!(end.is_err_and(|error| error.is_damage()));
        assert_eq!(released.len(), verified);
        assert_eq!(released, plain[..verified]);
        let end = paths.open_to_slice(sealed, threads);
        assert!(end.is_err_and(|error| error.is_damage()));
        let end = paths.open_through_files(sealed, threads);
        assert!(end.is_err_and(|error| error.is_damage()));
    }
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    for paths in both() {
        let plain = data(2 * UNIT + paths.chunk + 100);
        let sealed = paths.seal_to_slice(&plain, 2);
        let whole = paths.sealed_chunk;
        for position in [
            0,
            1,
            paths.chunk,
            whole - 1,
            whole,
            16 * whole + 5,
            sealed.len() - 1,
        ] {
            let mut damaged = sealed.clone();
            damaged[position] ^= 0x10;
            assert_damaged(&paths, &damaged, &plain, position / whole * paths.chunk);
        }
    }
}

#[test]
fn every_truncation_of_three_chunks_is_found() {
    for paths in both() {
        let plain = data(2 * paths.chunk + 40);
        let sealed = paths.seal_to_slice(&plain, 1);
        let around = |at: usize| at.saturating_sub(20)..(at + 20).min(sealed.len());
        let cuts = around(0)
            .chain(around(paths.sealed_chunk))
            .chain(around(2 * paths.sealed_chunk))
            .chain(around(sealed.len()));
        for cut in cuts {
            let verified = (cut / paths.sealed_chunk).min(2) * paths.chunk;
            assert_damaged(&paths, &sealed[..cut], &plain, verified);
        }
    }
}

#[test]
fn a_cut_at_a_chunk_boundary_is_called_a_cut() {
    for paths in both() {
        let sealed = paths.seal_to_slice(&data(3 * paths.chunk), 1);
        for chunks in 1..3 {
            let cut = &sealed[..chunks * paths.sealed_chunk];
            let (released, end) = paths.open_stream(cut, 1, paths.chunk);
            assert_eq!(released.len(), chunks * paths.chunk);
            assert!(matches!(end, Err(Error::Truncated)));
        }
    }
}

#[test]
fn what_follows_the_end_is_refused() {
    for paths in both() {
        for length in [paths.chunk, 16 * paths.chunk, 100] {
            let plain = data(length);
            let sealed = paths.seal_to_slice(&plain, 1);
            for extra in [1, 16, 17, paths.sealed_chunk] {
                let longer = [&sealed[..], &data(extra)].concat();
                // The chunks before the one that ended the message.
                let verified = length / paths.chunk * paths.chunk;
                assert_damaged(&paths, &longer, &plain, verified);
            }
        }
    }
}

#[test]
fn chunks_cannot_be_swapped_repeated_or_left_out() {
    for paths in both() {
        let plain = data(8 * paths.chunk);
        let sealed = paths.seal_to_slice(&plain, 1);
        let chunks: Vec<&[u8]> = sealed.chunks(paths.sealed_chunk).collect();
        for first in 0..8 {
            for second in first + 1..8 {
                let mut swapped = chunks.clone();
                swapped.swap(first, second);
                assert_damaged(&paths, &swapped.concat(), &plain, first * paths.chunk);
            }
            let mut repeated = chunks.clone();
            repeated.insert(first, chunks[first]);
            assert_damaged(
                &paths,
                &repeated.concat(),
                &plain,
                (first + 1) * paths.chunk,
            );
            let mut shortened = chunks.clone();
            shortened.remove(first);
            assert_damaged(&paths, &shortened.concat(), &plain, first * paths.chunk);
        }
    }
}

/// The format of a message whose first chunk is numbered as the second.
struct Second(Arc<dyn Format>);

impl Format for Second {
    fn layout(&self) -> Layout {
        self.0.layout()
    }
    fn cipher(&self) -> Aead {
        self.0.cipher()
    }
    fn nonce(&self, chunk: u64, last: bool) -> [u8; 12] {
        self.0.nonce(chunk + 1, last)
    }
}

/// A genuine chunk without plaintext behind a full one: for age, one that no
/// writer makes; for Cobblestone-256, the only end that there can be.
#[test]
fn an_empty_last_chunk_stands_where_the_format_says() {
    for paths in both() {
        let plain = data(paths.chunk);
        let full = &paths.seal_to_slice(&data(2 * paths.chunk), 1)[..paths.sealed_chunk];
        let second = Arc::new(Second(Arc::clone(&paths.format)));
        let sealed = Sealer::new(second, full.to_vec(), 1).finish();
        let sealed = sealed.expect("sealing");
        assert_eq!(sealed.len(), paths.sealed_chunk + 16);
        if paths.may_be_full() {
            assert_damaged(&paths, &sealed, &plain, paths.chunk);
        } else {
            assert!(
                paths
                    .open_to_slice(&sealed, 1)
                    .is_ok_and(|out| out == plain)
            );
        }
    }
}

/// The format of a message whose first chunk has a given number.
struct From(Arc<dyn Format>, u64);

impl Format for From {
    fn layout(&self) -> Layout {
        self.0.layout()
    }
    fn cipher(&self) -> Aead {
        self.0.cipher()
    }
    fn nonce(&self, chunk: u64, last: bool) -> [u8; 12] {
        self.0.nonce(self.1 + chunk, last)
    }
}

#[test]
fn counters_carry_into_every_byte() {
    for paths in both() {
        for first in [255_u64, 65_535, (1 << 32) - 1, (1 << 37) - 1] {
            let from = From(Arc::clone(&paths.format), first);
            let (one, next) = (from.nonce(0, false), from.nonce(1, false));
            let number = |nonce: [u8; 12]| {
                // What both formats count in: eight big-endian bytes.
                let at = if paths.may_be_full() { 3 } else { 4 };
                let base = paths.format.nonce(0, false);
                let bytes: Vec<u8> = (at..at + 8).map(|i| nonce[i] ^ base[i]).collect();
                u64::from_be_bytes(bytes.try_into().unwrap())
            };
            assert_eq!((number(one), number(next)), (first, first + 1));
        }
    }
}

#[test]
fn a_wrong_size_of_output_is_refused() {
    for paths in both() {
        let plain = data(100);
        let mut sealed = vec![0; 100];
        let end = passkeep_core::seal_slice(&*paths.format, &plain, &mut sealed, 1, &mut ());
        assert!(matches!(end, Err(Error::Limit(_))));
    }
}
