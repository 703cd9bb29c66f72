//! Vendored OpenSSL through `CipherCtx`: the key schedule happens once, each
//! chunk only sets a new IV.

use openssl::{cipher::Cipher as EvpCipher, cipher_ctx::CipherCtx};

use super::{Aead, Cipher, Forged, Key, Nonce, TAG_LEN, Tag};

/// A context has one direction, so there are two.
pub struct OpenSsl {
    seal: CipherCtx,
    open: CipherCtx,
}

impl OpenSsl {
    pub fn new(cipher: Cipher, key: &Key) -> Self {
        let cipher = match cipher {
            Cipher::Aes256Gcm => EvpCipher::aes_256_gcm(),
            Cipher::ChaCha20Poly1305 => EvpCipher::chacha20_poly1305(),
        };
        let mut seal = CipherCtx::new().expect("context");
        seal.encrypt_init(Some(cipher), Some(key), None)
            .expect("key");
        let mut open = CipherCtx::new().expect("context");
        open.decrypt_init(Some(cipher), Some(key), None)
            .expect("key");
        Self { seal, open }
    }

    fn start_seal(&mut self, nonce: &Nonce) {
        self.seal
            .encrypt_init(None, None, Some(nonce))
            .expect("nonce");
    }

    fn finish_seal(&mut self) -> Tag {
        self.seal.cipher_final(&mut []).expect("final");
        let mut tag = [0; TAG_LEN];
        self.seal.tag(&mut tag).expect("tag");
        tag
    }

    fn start_open(&mut self, nonce: &Nonce, tag: &Tag) {
        self.open
            .decrypt_init(None, None, Some(nonce))
            .expect("nonce");
        self.open.set_tag(tag).expect("tag");
    }

    fn finish_open(&mut self) -> Result<(), Forged> {
        self.open
            .cipher_final(&mut [])
            .map(|_| ())
            .map_err(|_| Forged)
    }
}

impl Aead for OpenSsl {
    fn name(&self) -> &'static str {
        "OpenSSL"
    }

    fn seal_in_place(&mut self, nonce: &Nonce, data: &mut [u8]) -> Tag {
        self.start_seal(nonce);
        let len = data.len();
        let written = self.seal.cipher_update_inplace(data, len).expect("update");
        assert_eq!(written, len);
        self.finish_seal()
    }

    fn open_in_place(&mut self, nonce: &Nonce, data: &mut [u8], tag: &Tag) -> Result<(), Forged> {
        self.start_open(nonce, tag);
        let len = data.len();
        let written = self.open.cipher_update_inplace(data, len).expect("update");
        assert_eq!(written, len);
        self.finish_open()
    }

    fn seal(&mut self, nonce: &Nonce, input: &[u8], output: &mut [u8]) -> Tag {
        self.start_seal(nonce);
        let written = self
            .seal
            .cipher_update(input, Some(output))
            .expect("update");
        assert_eq!(written, input.len());
        self.finish_seal()
    }

    fn open(
        &mut self,
        nonce: &Nonce,
        input: &[u8],
        output: &mut [u8],
        tag: &Tag,
    ) -> Result<(), Forged> {
        self.start_open(nonce, tag);
        let written = self
            .open
            .cipher_update(input, Some(output))
            .expect("update");
        assert_eq!(written, input.len());
        self.finish_open()
    }

    fn reads_ia32cap(&self) -> bool {
        true
    }
}
