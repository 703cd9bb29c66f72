//! Graviola: in place only, one type per cipher.

use graviola::aead::{AesGcm, ChaCha20Poly1305};

use super::{Aead, Cipher, Forged, Key, Nonce, TAG_LEN, Tag};

pub fn new(cipher: Cipher, key: &Key) -> Box<dyn Aead> {
    match cipher {
        Cipher::Aes256Gcm => Box::new(Aes(AesGcm::new(key))),
        Cipher::ChaCha20Poly1305 => Box::new(ChaCha(ChaCha20Poly1305::new(*key))),
    }
}

struct Aes(AesGcm);
struct ChaCha(ChaCha20Poly1305);

/// The two types have the same methods but no trait in common.
macro_rules! in_place {
    ($wrapper:ty) => {
        impl Aead for $wrapper {
            fn name(&self) -> &'static str {
                "graviola"
            }

            fn seal_in_place(&mut self, nonce: &Nonce, data: &mut [u8]) -> Tag {
                let mut tag = [0; TAG_LEN];
                self.0.encrypt(nonce, &[], data, &mut tag);
                tag
            }

            fn open_in_place(
                &mut self,
                nonce: &Nonce,
                data: &mut [u8],
                tag: &Tag,
            ) -> Result<(), Forged> {
                self.0.decrypt(nonce, &[], data, tag).map_err(|_| Forged)
            }

            fn copies(&self) -> bool {
                true
            }
        }
    };
}

in_place!(Aes);
in_place!(ChaCha);
