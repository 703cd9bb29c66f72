//! aws-lc-rs through its safe interface, which since 1.19 seals out of place.

use aws_lc_rs::aead::{
    AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce as AwsNonce, UnboundKey,
};

use super::{Aead, Cipher, Forged, Key, Nonce, TAG_LEN, Tag};

pub struct AwsLc(LessSafeKey);

impl AwsLc {
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

impl Aead for AwsLc {
    fn name(&self) -> &'static str {
        "aws-lc-rs"
    }

    fn seal_in_place(&mut self, nonce: &Nonce, data: &mut [u8]) -> Tag {
        let nonce = AwsNonce::assume_unique_for_key(*nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::empty(), data)
            .expect("seal");
        tag.as_ref().try_into().expect("tag length")
    }

    fn open_in_place(&mut self, nonce: &Nonce, data: &mut [u8], tag: &Tag) -> Result<(), Forged> {
        let nonce = AwsNonce::assume_unique_for_key(*nonce);
        self.0
            .open_in_place_separate_tag(nonce, Aad::empty(), tag, data)
            .map(|_| ())
            .map_err(|_| Forged)
    }

    fn seal(&mut self, nonce: &Nonce, input: &[u8], output: &mut [u8]) -> Tag {
        let nonce = AwsNonce::assume_unique_for_key(*nonce);
        let mut tag = [0; TAG_LEN];
        self.0
            .seal_out_of_place_scatter(nonce, Aad::empty(), input, output, &[], &mut tag)
            .expect("seal");
        tag
    }

    fn open(
        &mut self,
        nonce: &Nonce,
        input: &[u8],
        output: &mut [u8],
        tag: &Tag,
    ) -> Result<(), Forged> {
        let nonce = AwsNonce::assume_unique_for_key(*nonce);
        self.0
            .open_separate_gather(nonce, Aad::empty(), input, tag, output)
            .map_err(|_| Forged)
    }

    fn reads_ia32cap(&self) -> bool {
        true
    }
}
