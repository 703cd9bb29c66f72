//! The payload of age v1 (docs/formats.md, "age v1"): 64 KiB chunks of
//! ChaCha20-Poly1305 under a key derived from the header's file key.

use std::sync::Arc;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::aead::{Aead, TAG_SIZE};
use crate::error::Error;
use crate::format::{Format, PayloadKey, random};
use crate::layout::{LastChunk, Layout};
use crate::secret::AeadKey;

const FILE_KEY_SIZE: usize = 16;
const NONCE_SIZE: usize = 16;
const LAST_CHUNK: u8 = 1;

const LAYOUT: Layout = Layout {
    chunk: 64 * 1024,
    tag: TAG_SIZE,
    last: LastChunk::MayBeFull,
    max_chunks: u64::MAX,
};

/// The 16 random bytes that an age header wraps.
pub struct FileKey(Box<Zeroizing<[u8; FILE_KEY_SIZE]>>);

impl FileKey {
    /// Copies a file key; `None` unless it is exactly 16 bytes long.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != FILE_KEY_SIZE {
            return None;
        }
        // No other copy of it exists, wherever the value moves.
        let mut key = Self(Box::new(Zeroizing::new([0; FILE_KEY_SIZE])));
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    /// Derives the payload key:
    /// `HKDF-SHA-256(ikm = file key, salt = nonce, info = "payload")`.
    fn derive(&self, nonce: &[u8]) -> Result<Arc<dyn Format>, Error> {
        let mut derived = Ok(());
        let key = AeadKey::derive(|out| {
            derived = Hkdf::<Sha256>::new(Some(nonce), &**self.0).expand(b"payload", out);
        });
        derived.map_err(|_| Error::Backend)?;
        Ok(Arc::new(Age { key }))
    }
}

impl PayloadKey for FileKey {
    fn prefix_size(&self) -> usize {
        NONCE_SIZE
    }

    fn layout(&self) -> Layout {
        LAYOUT
    }

    fn begin(&self) -> Result<(Vec<u8>, Arc<dyn Format>), Error> {
        let nonce = random::<NONCE_SIZE>()?;
        Ok((nonce.to_vec(), self.derive(&nonce)?))
    }

    fn resume(&self, prefix: &[u8]) -> Result<Arc<dyn Format>, Error> {
        if prefix.len() != NONCE_SIZE {
            return Err(Error::Truncated);
        }
        self.derive(prefix)
    }
}

/// The age payload format under one payload key.
struct Age {
    key: AeadKey,
}

impl Format for Age {
    fn layout(&self) -> Layout {
        LAYOUT
    }

    fn cipher(&self) -> Aead {
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
