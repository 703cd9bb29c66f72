//! Correctness before speed: all backends must agree byte for byte and must
//! refuse what was tampered with.

use crate::nonce;
use passkeep_bench_aead::backends::{Aead, Forged};

/// Around block boundaries, around the strides of wide implementations, and
/// the sizes that are timed.
const LENGTHS: [usize; 14] = [
    0, 1, 15, 16, 17, 255, 256, 257, 767, 4099, 16_384, 65_536, 65_541, 1_048_576,
];

/// Panics at the first disagreement.
pub fn all_agree(backends: &mut [Box<dyn Aead>]) {
    assert!(backends.len() > 1, "no second backend to verify against");
    for (index, length) in LENGTHS.into_iter().enumerate() {
        let nonce = nonce(index);
        let plain: Vec<u8> = (0..=250).cycle().take(length).collect();

        let (reference, others) = backends.split_first_mut().expect("not empty");
        let mut expected = vec![0; length];
        let expected_tag = reference.seal(&nonce, &plain, &mut expected);
        for other in others {
            let mut sealed = vec![0; length];
            let tag = other.seal(&nonce, &plain, &mut sealed);
            let (first, second) = (reference.name(), other.name());
            assert!(
                sealed == expected && tag == expected_tag,
                "{first} and {second} differ at {length} bytes"
            );
        }

        for backend in &mut *backends {
            let name = backend.name();
            let mut work = plain.clone();
            let tag = backend.seal_in_place(&nonce, &mut work);
            assert!(
                work == expected && tag == expected_tag,
                "{name}: in place differs at {length} bytes"
            );
            backend
                .open_in_place(&nonce, &mut work, &tag)
                .expect("authentic");
            assert!(work == plain, "{name}: wrong plaintext in place");

            let mut opened = vec![0; length];
            backend
                .open(&nonce, &expected, &mut opened, &tag)
                .expect("authentic");
            assert!(opened == plain, "{name}: wrong plaintext");

            let mut wrong_tag = tag;
            wrong_tag[15] ^= 1;
            let refused = backend.open(&nonce, &expected, &mut opened, &wrong_tag);
            assert!(refused == Err(Forged), "{name}: took a wrong tag");
            work.copy_from_slice(&expected);
            if let Some(last) = work.last_mut() {
                *last ^= 1;
                let refused = backend.open_in_place(&nonce, &mut work, &tag);
                assert!(refused == Err(Forged), "{name}: took a wrong ciphertext");
            }
        }
    }
}
