//! The payload of age v1 (docs/formats.md, "age v1"): 64 KiB chunks of
//! ChaCha20-Poly1305 under a key derived from the header's file key.

use hkdf::Hkdf;
use sha2::Sha256;

use crate::aead::{Aead, TAG_SIZE};
use crate::error::Error;
use crate::format::Format;
use crate::layout::Layout;
use crate::secret::{FileKey, PayloadKey};

/// Bytes in a file key.
pub const FILE_KEY_SIZE: usize = 16;
/// Bytes in the nonce between the header and the first chunk.
pub const NONCE_SIZE: usize = 16;

const LAST_CHUNK: u8 = 1;

/// A fresh payload nonce from the operating system.
pub fn new_nonce() -> Result<[u8; NONCE_SIZE], Error> {
    let mut nonce = [0; NONCE_SIZE];
    getrandom::fill(&mut nonce).map_err(|error| Error::Io(error.into()))?;
    Ok(nonce)
}

/// The age payload format under one payload key.
pub struct Age {
    key: PayloadKey,
}

impl Age {
    /// Derives the payload key:
    /// `HKDF-SHA-256(ikm = file key, salt = nonce, info = "payload")`.
    pub fn new(file_key: &FileKey, nonce: &[u8; NONCE_SIZE]) -> Result<Self, Error> {
        let mut derived = Ok(());
        let key = PayloadKey::derive(|out| {
            derived = Hkdf::<Sha256>::new(Some(nonce), file_key.expose()).expand(b"payload", out);
        });
        derived.map_err(|_| Error::Backend)?;
        Ok(Self { key })
    }
}

impl Format for Age {
    const LAYOUT: Layout = Layout {
        chunk: 64 * 1024,
        tag: TAG_SIZE,
    };

    fn cipher(&self) -> Result<Aead, Error> {
        Aead::chacha20_poly1305(&self.key)
    }

    /// An 11-byte big-endian counter, then 1 on the last chunk and 0 before.
    fn nonce(&self, chunk: u64, last: bool) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&chunk.to_be_bytes());
        nonce[11] = if last { LAST_CHUNK } else { 0 };
        nonce
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::wycheproof::{bytes, each};

    const VECTORS: &str = include_str!("../../../tests/vectors/wycheproof/hkdf_sha256_test.json");

    #[test]
    fn wycheproof_hkdf_sha256() {
        let mut ran = 0;
        each(VECTORS, |test| {
            let mut out = vec![0; usize::try_from(test["size"].as_u64().unwrap()).unwrap()];
            let hkdf = Hkdf::<Sha256>::new(Some(&bytes(&test["salt"])), &bytes(&test["ikm"]));
            let end = hkdf.expand(&bytes(&test["info"]), &mut out);
            assert_eq!(end.is_ok(), test["result"] == "valid", "{}", test["tcId"]);
            if end.is_ok() {
                assert_eq!(out, bytes(&test["okm"]), "{}", test["tcId"]);
            }
            ran += 1;
        });
        assert_eq!(ran, 86);
    }
}
