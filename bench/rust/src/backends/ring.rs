//! ring: in place only.

use ring::aead::{
    AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce as RingNonce, Tag as RingTag,
    UnboundKey,
};

use super::{Aead, Cipher, Forged, Key, Nonce, Tag};

pub struct Ring(LessSafeKey);

impl Ring {
    pub fn new(cipher: Cipher, key: &Key) -> Self {
        let algorithm = match cipher {
            Cipher::Aes256Gcm => &AES_256_GCM,
            Cipher::ChaCha20Poly1305 => &CHACHA20_POLY1305,
        };
        Self(LessSafeKey::new(
            UnboundKey::new(algorithm, key).expect("key length"),
        ))
    }
}

impl Aead for Ring {
    fn name(&self) -> &'static str {
        "ring"
    }

    fn seal_in_place(&mut self, nonce: &Nonce, data: &mut [u8]) -> Tag {
        let nonce = RingNonce::assume_unique_for_key(*nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::empty(), data)
            .expect("seal");
        tag.as_ref().try_into().expect("tag length")
    }

    fn open_in_place(&mut self, nonce: &Nonce, data: &mut [u8], tag: &Tag) -> Result<(), Forged> {
        let nonce = RingNonce::assume_unique_for_key(*nonce);
        self.0
            .open_in_place_separate_tag(nonce, Aad::empty(), RingTag::from(*tag), data, 0..)
            .map(|_| ())
            .map_err(|_| Forged)
    }

    fn copies(&self) -> bool {
        true
    }
}
