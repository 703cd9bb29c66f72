//! Cobblestone-256 (docs/formats.md): 16 KiB chunks of AES-256-GCM behind a salt
//! and a commitment to the key and the context.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use zeroize::Zeroizing;

use crate::aead::{Aead, TAG_SIZE};
use crate::error::Error;
use crate::format::{Format, PayloadKey, random};
use crate::layout::{LastChunk, Layout};
use crate::secret::AeadKey;

const KEY_SIZE: usize = 32;
const SALT_SIZE: usize = 24;
const NONCE_SIZE: usize = 12;
const COMMITMENT_SIZE: usize = 32;
const PREFIX_SIZE: usize = SALT_SIZE + COMMITMENT_SIZE;

const LABEL: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";

const LAYOUT: Layout = Layout {
    chunk: 16 * 1024,
    tag: TAG_SIZE,
    last: LastChunk::IsShorter,
    max_chunks: 1 << 38,
};

/// An input key of Cobblestone-256 and the context that it is used in.
pub struct CobblestoneKey {
    /// HMAC-SHA-512 under the input key, ready for the first block: deriving is
    /// most of the work for a small message.
    prf: Hmac<Sha512>,
    context: Vec<u8>,
}

impl CobblestoneKey {
    /// Copies a key; `None` unless it is exactly 32 bytes long.
    pub fn from_slice(key: &[u8], context: &[u8]) -> Option<Self> {
        if key.len() != KEY_SIZE {
            return None;
        }
        Some(Self {
            prf: Hmac::new_from_slice(key).ok()?,
            context: context.to_vec(),
        })
    }

    /// This key in another context.
    #[must_use]
    pub fn in_context(&self, context: &[u8]) -> Self {
        Self {
            prf: self.prf.clone(),
            context: context.to_vec(),
        }
    }

    /// `key32 ‖ base nonce12 ‖ commitment32 = HKDF-Expand-SHA-512(key, label ‖ salt
    /// ‖ context)`.
    ///
    /// HKDF-Expand (RFC 5869) is written out for its two blocks, since the format
    /// expands a key of 32 bytes and the `hkdf` crate insists on 64.
    fn derive(&self, salt: &[u8; SALT_SIZE]) -> Derived {
        let block = |before: &[u8], counter: u8| {
            let prf = self.prf.clone();
            let prf = prf.chain_update(before).chain_update(LABEL);
            let prf = prf.chain_update(salt).chain_update(&self.context);
            let block: [u8; 64] = prf.chain_update([counter]).finalize().into_bytes().into();
            Zeroizing::new(block)
        };
        let first = block(&[], 1);
        let second = block(&*first, 2);
        let mut derived = Derived {
            format: Cobblestone {
                key: AeadKey::derive(|out| out.copy_from_slice(&first[..KEY_SIZE])),
                base: [0; NONCE_SIZE],
            },
            commitment: [0; COMMITMENT_SIZE],
        };
        let (_, rest) = first.split_at(KEY_SIZE);
        let (base, start) = rest.split_at(NONCE_SIZE);
        let (front, back) = derived.commitment.split_at_mut(start.len());
        derived.format.base.copy_from_slice(base);
        front.copy_from_slice(start);
        back.copy_from_slice(&second[..back.len()]);
        derived
    }
}

impl PayloadKey for CobblestoneKey {
    fn prefix_size(&self) -> usize {
        PREFIX_SIZE
    }

    fn layout(&self) -> Layout {
        LAYOUT
    }

    fn begin(&self) -> Result<(Vec<u8>, Arc<dyn Format>), Error> {
        let salt = random::<SALT_SIZE>()?;
        let Derived { format, commitment } = self.derive(&salt);
        Ok(([&salt[..], &commitment].concat(), Arc::new(format)))
    }

    fn resume(&self, prefix: &[u8]) -> Result<Arc<dyn Format>, Error> {
        let (salt, claimed) = prefix
            .split_first_chunk::<SALT_SIZE>()
            .filter(|(_, claimed)| claimed.len() == COMMITMENT_SIZE)
            .ok_or(Error::Truncated)?;
        let Derived { format, commitment } = self.derive(salt);
        if openssl::memcmp::eq(&commitment, claimed) {
            Ok(Arc::new(format))
        } else {
            Err(Error::Commitment)
        }
    }
}

struct Derived {
    format: Cobblestone,
    commitment: [u8; COMMITMENT_SIZE],
}

/// The chunks of one message.
struct Cobblestone {
    key: AeadKey,
    base: [u8; NONCE_SIZE],
}

impl Format for Cobblestone {
    fn layout(&self) -> Layout {
        LAYOUT
    }

    fn cipher(&self) -> Result<Aead, Error> {
        Aead::aes_256_gcm(&self.key)
    }

    /// The base nonce XOR the big-endian chunk number. What ends a message is the
    /// length of its last chunk.
    fn nonce(&self, chunk: u64, _: bool) -> [u8; 12] {
        let mut nonce = self.base;
        for (byte, number) in nonce[4..].iter_mut().zip(chunk.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read;

    use serde_json::Value;
    use sha2::Digest;

    use super::*;
    use crate::Opener;
    use crate::wycheproof::{bytes, each};

    const VECTORS: &str = include_str!(
        "../../../tests/vectors/wycheproof/c2sp_chunked_encryption_aes_256_gcm_test.json"
    );

    #[test]
    fn wycheproof_chunked_encryption() {
        let mut ran = 0;
        each(VECTORS, |test| {
            for threads in [1, 2, 8] {
                run(test, threads);
            }
            ran += 1;
        });
        assert_eq!(ran, 35);
    }

    fn run(test: &Value, threads: usize) {
        let (id, flags) = (&test["tcId"], test["flags"].to_string());
        let Some(key) = CobblestoneKey::from_slice(&bytes(&test["key"]), &bytes(&test["ctx"]))
        else {
            assert!(flags.contains("InvalidKeySize"), "{id}");
            return;
        };
        let mut sealed = Vec::new();
        let packed = bytes(&test["ct"]);
        let inflated = flate2::read::ZlibDecoder::new(&packed[..]).read_to_end(&mut sealed);
        inflated.unwrap();
        let at = sealed.len().min(PREFIX_SIZE);
        let (prefix, chunks) = sealed.split_at(at);
        let format = match key.resume(prefix) {
            Ok(format) => format,
            Err(error) => {
                assert!(flags.contains("HeaderFailure"), "{id}");
                assert!(error.is_damage(), "{id}");
                return;
            }
        };
        assert!(!flags.contains("HeaderFailure"), "{id}");
        let mut released = Vec::new();
        let end = Opener::new(format, chunks, threads).read_to_end(&mut released);
        assert_eq!(end.is_ok(), test["result"] == "valid", "{id}");
        if test["result"] == "valid" || flags.contains("PartialPlaintext") {
            // Exactly the verified prefix.
            assert_eq!(Value::from(released.len()), test["msgLength"], "{id}");
            let hash = Sha512::digest(&released);
            assert_eq!(hash.as_slice(), bytes(&test["msgSha512"]), "{id}");
        } else {
            assert!(released.is_empty(), "{id}");
        }
    }
}
