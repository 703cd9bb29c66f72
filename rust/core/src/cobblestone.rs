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
/// Random bytes that a message begins with.
pub(crate) const SALT_SIZE: usize = 24;
const NONCE_SIZE: usize = 12;
const COMMITMENT_SIZE: usize = 32;
/// Bytes of a digest of SHA-512.
const BLOCK: usize = 64;
/// Bytes before the first chunk.
pub(crate) const PREFIX_SIZE: usize = SALT_SIZE + COMMITMENT_SIZE;

const LABEL: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";

pub(crate) const LAYOUT: Layout = Layout {
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

    /// `key32 ‖ base nonce12 ‖ commitment32 = HKDF-Expand-SHA-512(key, label ‖ salt
    /// ‖ context)`.
    fn derive(&self, salt: &[u8; SALT_SIZE], context: &[u8]) -> Derived {
        let okm = expand(&self.prf, &[LABEL, salt, context]);
        let (key, rest) = okm.split_at(KEY_SIZE);
        let (base, rest) = rest.split_at(NONCE_SIZE);
        let mut derived = Derived {
            format: Cobblestone {
                key: AeadKey::derive(|out| out.copy_from_slice(key)),
                base: [0; NONCE_SIZE],
            },
            commitment: [0; COMMITMENT_SIZE],
        };
        derived.format.base.copy_from_slice(base);
        derived.commitment.copy_from_slice(&rest[..COMMITMENT_SIZE]);
        derived
    }

    /// The prefix of a message that is sealed in a context, and its chunks.
    pub(crate) fn begin_in(
        &self,
        context: &[u8],
        salt: &[u8; SALT_SIZE],
    ) -> ([u8; PREFIX_SIZE], Cobblestone) {
        let Derived { format, commitment } = self.derive(salt, context);
        let mut prefix = [0; PREFIX_SIZE];
        prefix[..SALT_SIZE].copy_from_slice(salt);
        prefix[SALT_SIZE..].copy_from_slice(&commitment);
        (prefix, format)
    }

    /// The chunks of the message that was sealed in a context and begins with `prefix`.
    pub(crate) fn resume_in(&self, context: &[u8], prefix: &[u8]) -> Result<Cobblestone, Error> {
        let (salt, claimed) = prefix
            .split_first_chunk::<SALT_SIZE>()
            .filter(|(_, claimed)| claimed.len() == COMMITMENT_SIZE)
            .ok_or(Error::Truncated)?;
        let Derived { format, commitment } = self.derive(salt, context);
        if openssl::memcmp::eq(&commitment, claimed) {
            Ok(format)
        } else {
            Err(Error::Commitment)
        }
    }
}

/// The first two blocks of HKDF-Expand with SHA-512 (RFC 5869, section 2.3).
///
/// Written out because the format expands a key of 32 bytes, and the `hkdf` crate
/// insists on 64.
fn expand(prf: &Hmac<Sha512>, info: &[&[u8]]) -> Zeroizing<[u8; 2 * BLOCK]> {
    let mut okm = Zeroizing::new([0; 2 * BLOCK]);
    let (first, second) = okm.split_at_mut(BLOCK);
    block(prf, &[], info, 1, first);
    block(prf, first, info, 2, second);
    okm
}

fn block(prf: &Hmac<Sha512>, before: &[u8], info: &[&[u8]], counter: u8, out: &mut [u8]) {
    let mut prf = prf.clone();
    prf.update(before);
    for part in info {
        prf.update(part);
    }
    prf.update(&[counter]);
    // This is wiped; an array of its own would not be.
    out.copy_from_slice(prf.finalize().as_bytes());
}

impl PayloadKey for CobblestoneKey {
    fn prefix_size(&self) -> usize {
        PREFIX_SIZE
    }

    fn layout(&self) -> Layout {
        LAYOUT
    }

    fn begin(&self) -> Result<(Vec<u8>, Arc<dyn Format>), Error> {
        let (prefix, format) = self.begin_in(&self.context, &random()?);
        Ok((prefix.to_vec(), Arc::new(format)))
    }

    fn resume(&self, prefix: &[u8]) -> Result<Arc<dyn Format>, Error> {
        Ok(Arc::new(self.resume_in(&self.context, prefix)?))
    }
}

struct Derived {
    format: Cobblestone,
    commitment: [u8; COMMITMENT_SIZE],
}

/// The chunks of one message.
pub(crate) struct Cobblestone {
    key: AeadKey,
    base: [u8; NONCE_SIZE],
}

impl Cobblestone {
    /// The key that a cipher of another message has to take for this one.
    pub(crate) fn key(&self) -> &AeadKey {
        &self.key
    }
}

impl Format for Cobblestone {
    fn layout(&self) -> Layout {
        LAYOUT
    }

    fn cipher(&self) -> Aead {
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

    const HKDF: &str = include_str!("../../../tests/vectors/wycheproof/hkdf_sha512_test.json");

    /// Every vector of HKDF whose output is within two blocks, which is all that
    /// the format asks for.
    #[test]
    fn wycheproof_hkdf_sha512() {
        let (mut ran, mut longer) = (0, 0);
        each(HKDF, |test| {
            let size = usize::try_from(test["size"].as_u64().unwrap()).unwrap();
            if size > 2 * BLOCK {
                longer += 1;
                return;
            }
            let extract = Hmac::<Sha512>::new_from_slice(&bytes(&test["salt"])).unwrap();
            let prk = extract
                .chain_update(bytes(&test["ikm"]))
                .finalize()
                .into_bytes();
            let okm = expand(
                &Hmac::new_from_slice(&prk).unwrap(),
                &[&bytes(&test["info"])],
            );
            assert_eq!(okm[..size], bytes(&test["okm"]), "{}", test["tcId"]);
            ran += 1;
        });
        assert_eq!((ran, longer), (76, 7));
    }

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
