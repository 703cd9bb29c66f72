//! `RustCrypto`: out of place through its pair-of-buffers type.

use aes_gcm::Aes256Gcm;
use chacha20poly1305::{
    ChaCha20Poly1305,
    aead::{
        AeadInOut, KeyInit,
        array::typenum::{U12, U16},
        inout::InOutBuf,
    },
};

use super::{Aead, Cipher, Forged, Key, Nonce, Tag};

pub fn new(cipher: Cipher, key: &Key) -> Box<dyn Aead> {
    match cipher {
        Cipher::Aes256Gcm => Box::new(RustCrypto(Aes256Gcm::new(key.into()))),
        Cipher::ChaCha20Poly1305 => Box::new(RustCrypto(ChaCha20Poly1305::new(key.into()))),
    }
}

struct RustCrypto<A>(A);

impl<A: AeadInOut<NonceSize = U12, TagSize = U16>> RustCrypto<A> {
    fn seal_buffer(&self, nonce: &Nonce, buffer: InOutBuf<'_, '_, u8>) -> Tag {
        self.0
            .encrypt_inout_detached(nonce.into(), &[], buffer)
            .expect("seal")
            .into()
    }

    fn open_buffer(
        &self,
        nonce: &Nonce,
        buffer: InOutBuf<'_, '_, u8>,
        tag: &Tag,
    ) -> Result<(), Forged> {
        self.0
            .decrypt_inout_detached(nonce.into(), &[], buffer, tag.into())
            .map_err(|_| Forged)
    }
}

impl<A: AeadInOut<NonceSize = U12, TagSize = U16>> Aead for RustCrypto<A> {
    fn name(&self) -> &'static str {
        "RustCrypto"
    }

    fn seal_in_place(&mut self, nonce: &Nonce, data: &mut [u8]) -> Tag {
        self.seal_buffer(nonce, data.into())
    }

    fn open_in_place(&mut self, nonce: &Nonce, data: &mut [u8], tag: &Tag) -> Result<(), Forged> {
        self.open_buffer(nonce, data.into(), tag)
    }

    fn seal(&mut self, nonce: &Nonce, input: &[u8], output: &mut [u8]) -> Tag {
        self.seal_buffer(nonce, InOutBuf::new(input, output).expect("equal lengths"))
    }

    fn open(
        &mut self,
        nonce: &Nonce,
        input: &[u8],
        output: &mut [u8],
        tag: &Tag,
    ) -> Result<(), Forged> {
        let buffer = InOutBuf::new(input, output).expect("equal lengths");
        self.open_buffer(nonce, buffer, tag)
    }
}
