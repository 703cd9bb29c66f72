//! The backends, and one exported function that makes a shared library of this
//! crate contain what sealing and opening need.

pub mod backends;

use backends::{Cipher, KEY_LEN, all};

/// Seals and opens one chunk with both ciphers of every backend compiled in.
/// Exists so that the linker keeps that code; see `build-cost.sh`.
#[unsafe(no_mangle)]
pub extern "C" fn passkeep_bench_round_trip(seed: u8) -> bool {
    let key = [seed; KEY_LEN];
    let nonce = [seed; backends::NONCE_LEN];
    Cipher::ALL.into_iter().all(|cipher| {
        all(cipher, &key).iter_mut().all(|backend| {
            let plain = [seed; 64];
            let (mut sealed, mut opened) = ([0; 64], [0; 64]);
            let tag = backend.seal(&nonce, &plain, &mut sealed);
            let separate = backend.open(&nonce, &sealed, &mut opened, &tag).is_ok();
            let again = backend.seal_in_place(&nonce, &mut opened);
            let in_place = backend.open_in_place(&nonce, &mut opened, &again).is_ok();
            separate && in_place && opened == plain
        })
    })
}
