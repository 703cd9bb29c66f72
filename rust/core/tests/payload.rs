//! Every path through the core against every other, and against damage.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{
    CHUNK, LENGTHS, SEALED_CHUNK, UNIT, data, open_stream, open_through_files, open_to_slice,
    seal_stream, seal_through_files, seal_to_slice,
};
use passkeep_core::Error;

#[test]
fn all_paths_and_thread_counts_make_the_same_bytes() {
    for length in LENGTHS {
        let plain = data(length);
        let sealed = seal_stream(&plain, 1, UNIT);
        for threads in [1, 2, 3, 8] {
            assert_eq!(seal_stream(&plain, threads, 77_777), sealed, "{length}");
            assert_eq!(seal_to_slice(&plain, threads), sealed, "{length}");
            assert_eq!(seal_through_files(&plain, threads), sealed, "{length}");
        }
    }
}

#[test]
fn all_paths_open_what_was_sealed() {
    for length in LENGTHS {
        let plain = data(length);
        let sealed = seal_to_slice(&plain, 1);
        for threads in [1, 2, 8] {
            let (released, end) = open_stream(&sealed, threads, 33_333);
            assert!(end.is_ok() && released == plain, "{length}");
            assert!(open_to_slice(&sealed, threads).is_ok_and(|out| out == plain));
            assert!(open_through_files(&sealed, threads).is_ok_and(|out| out == plain));
        }
    }
}

#[test]
fn pieces_of_one_byte_make_no_difference() {
    let plain = data(CHUNK + 3);
    let sealed = seal_to_slice(&plain, 1);
    assert_eq!(seal_stream(&plain, 2, 1), sealed);
    assert_eq!(open_stream(&sealed, 2, 1).0, plain);
}

/// Opens damaged data on every path. A stream must release exactly `verified`
/// bytes of the plaintext before it fails; the others must release nothing.
fn assert_damaged(sealed: &[u8], plain: &[u8], verified: usize) {
    for threads in [1, 2] {
        let (released, end) = open_stream(sealed, threads, 50_000);
        assert!(end.is_err_and(|error| error.is_damage()));
        assert_eq!(released.len(), verified);
        assert_eq!(released, plain[..verified]);
        assert!(open_to_slice(sealed, threads).is_err_and(|error| error.is_damage()));
        assert!(open_through_files(sealed, threads).is_err_and(|error| error.is_damage()));
    }
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let plain = data(2 * UNIT + CHUNK + 100);
    let sealed = seal_to_slice(&plain, 2);
    let last = sealed.len() - 1;
    for position in [
        0,
        1,
        CHUNK,
        SEALED_CHUNK - 1,
        SEALED_CHUNK,
        16 * SEALED_CHUNK + 5,
        last,
    ] {
        let mut damaged = sealed.clone();
        damaged[position] ^= 0x10;
        assert_damaged(&damaged, &plain, position / SEALED_CHUNK * CHUNK);
    }
}

#[test]
fn every_truncation_of_three_chunks_is_found() {
    let plain = data(2 * CHUNK + 40);
    let sealed = seal_to_slice(&plain, 1);
    let around = |at: usize| at.saturating_sub(20)..(at + 20).min(sealed.len());
    let cuts = around(0)
        .chain(around(SEALED_CHUNK))
        .chain(around(2 * SEALED_CHUNK))
        .chain(around(sealed.len()));
    for cut in cuts {
        assert_damaged(&sealed[..cut], &plain, (cut / SEALED_CHUNK).min(2) * CHUNK);
    }
}

#[test]
fn a_cut_at_a_chunk_boundary_is_called_a_cut() {
    let sealed = seal_to_slice(&data(3 * CHUNK), 1);
    for chunks in 1..3 {
        let (released, end) = open_stream(&sealed[..chunks * SEALED_CHUNK], 1, CHUNK);
        assert_eq!(released.len(), chunks * CHUNK);
        assert!(matches!(end, Err(Error::Truncated)));
    }
}

#[test]
fn what_follows_the_end_is_refused() {
    for length in [CHUNK, 16 * CHUNK, 100] {
        let plain = data(length);
        let sealed = seal_to_slice(&plain, 1);
        for extra in [1, 16, 17, SEALED_CHUNK] {
            let longer = [&sealed[..], &data(extra)].concat();
            let verified = if length % CHUNK == 0 { length } else { 0 };
            assert_damaged(&longer, &plain, verified);
        }
    }
}

#[test]
fn chunks_cannot_be_swapped_repeated_or_left_out() {
    let plain = data(8 * CHUNK);
    let sealed = seal_to_slice(&plain, 1);
    let chunks: Vec<&[u8]> = sealed.chunks(SEALED_CHUNK).collect();
    for first in 0..8 {
        for second in first + 1..8 {
            let mut swapped = chunks.clone();
            swapped.swap(first, second);
            assert_damaged(&swapped.concat(), &plain, first * CHUNK);
        }
        let mut repeated = chunks.clone();
        repeated.insert(first, chunks[first]);
        assert_damaged(&repeated.concat(), &plain, (first + 1) * CHUNK);
        let mut shortened = chunks.clone();
        shortened.remove(first);
        assert_damaged(&shortened.concat(), &plain, first * CHUNK);
    }
}

#[test]
fn only_an_empty_message_has_an_empty_chunk() {
    use passkeep_core::{Format, Sealer};
    use std::io::Write;

    // A sealer that numbers its only, empty, chunk as the second one.
    struct Second(passkeep_core::Age);
    impl Format for Second {
        const LAYOUT: passkeep_core::Layout = passkeep_core::Age::LAYOUT;
        fn cipher(&self) -> Result<passkeep_core::Aead, Error> {
            self.0.cipher()
        }
        fn nonce(&self, chunk: u64, last: bool) -> [u8; 12] {
            self.0.nonce(chunk + 1, last)
        }
    }
    let plain = data(CHUNK);
    let full = &seal_to_slice(&data(2 * CHUNK), 1)[..SEALED_CHUNK];
    let mut sink = full.to_vec();
    sink.flush().expect("nothing to do");
    let sealed = Sealer::new(Second(common::format()), sink, 1)
        .finish()
        .expect("sealing");
    assert_eq!(sealed.len(), SEALED_CHUNK + 16);
    assert_damaged(&sealed, &plain, CHUNK);
}

#[test]
fn a_wrong_size_of_output_is_refused() {
    let plain = data(100);
    let mut sealed = vec![0; 100];
    let end = passkeep_core::seal_slice(&common::format(), &plain, &mut sealed, 1, &mut ());
    assert!(matches!(end, Err(Error::Limit(_))));
}
