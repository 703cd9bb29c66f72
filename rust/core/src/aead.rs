//! The only file that names an AEAD implementation. Which one serves which
//! cipher, and the measurement behind the choice, is in docs/architecture.md.

use openssl::cipher::{Cipher, CipherRef};
use openssl::cipher_ctx::CipherCtx;

use crate::error::Error;
use crate::secret::AeadKey;

/// Bytes in the authentication tag of every cipher here.
pub(crate) const TAG_SIZE: usize = 16;

/// No format here binds associated data to its chunks.
const NO_AAD: &[u8] = &[];

/// A keyed AEAD, one for each thread: between chunks only the nonce changes,
/// and the key schedule is kept.
pub struct Aead {
    seal: CipherCtx,
    open: CipherCtx,
}

impl Aead {
    pub(crate) fn chacha20_poly1305(key: &AeadKey) -> Result<Self, Error> {
        Self::new(Cipher::chacha20_poly1305(), key.expose())
    }

    pub(crate) fn aes_256_gcm(key: &AeadKey) -> Result<Self, Error> {
        Self::new(Cipher::aes_256_gcm(), key.expose())
    }

    fn new(cipher: &CipherRef, key: &[u8]) -> Result<Self, Error> {
        let mut seal = CipherCtx::new()?;
        seal.encrypt_init(Some(cipher), Some(key), None)?;
        let mut open = CipherCtx::new()?;
        open.decrypt_init(Some(cipher), Some(key), None)?;
        Ok(Self { seal, open })
    }

    /// Seals `plain` into `sealed`, which is exactly a tag longer.
    pub(crate) fn seal(
        &mut self,
        nonce: &[u8; 12],
        plain: &[u8],
        sealed: &mut [u8],
    ) -> Result<(), Error> {
        self.seal_with(nonce, NO_AAD, plain, sealed)
    }

    /// Opens `sealed` into `plain`, which is exactly a tag shorter and is
    /// cleared where the tag does not fit.
    pub(crate) fn open(
        &mut self,
        nonce: &[u8; 12],
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Result<(), Error> {
        self.open_with(nonce, NO_AAD, sealed, plain)
    }

    fn seal_with(
        &mut self,
        nonce: &[u8; 12],
        aad: &[u8],
        plain: &[u8],
        sealed: &mut [u8],
    ) -> Result<(), Error> {
        let (body, tag) = sealed
            .split_at_mut_checked(plain.len())
            .ok_or(Error::Backend)?;
        self.seal.encrypt_init(None, None, Some(nonce))?;
        update(&mut self.seal, aad, None)?;
        update(&mut self.seal, plain, Some(body))?;
        self.seal.cipher_final(&mut [])?;
        self.seal.tag(tag)?;
        Ok(())
    }

    fn open_with(
        &mut self,
        nonce: &[u8; 12],
        aad: &[u8],
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Result<(), Error> {
        let (body, tag) = sealed.split_at_checked(plain.len()).ok_or(Error::Backend)?;
        self.open.decrypt_init(None, None, Some(nonce))?;
        update(&mut self.open, aad, None)?;
        update(&mut self.open, body, Some(plain))?;
        self.open.set_tag(tag)?;
        self.open.cipher_final(&mut []).map_err(|_| {
            plain.fill(0);
            Error::Authentication
        })?;
        Ok(())
    }
}

/// Gives data to a cipher, which takes no empty piece.
fn update(context: &mut CipherCtx, data: &[u8], out: Option<&mut [u8]>) -> Result<(), Error> {
    if !data.is_empty() {
        context.cipher_update(data, out)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::similar_names)] // aead and aad are the names of the field
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::wycheproof::{bytes, each};

    const CHACHA20_POLY1305: &str =
        include_str!("../../../tests/vectors/wycheproof/chacha20_poly1305_test.json");
    const AES_GCM: &str = include_str!("../../../tests/vectors/wycheproof/aes_gcm_test.json");

    /// Every vector with a nonce of 96 bits, which is the only size that the
    /// formats have and the type allows.
    #[test]
    fn wycheproof_chacha20_poly1305() {
        assert_eq!(
            run_all(CHACHA20_POLY1305, Cipher::chacha20_poly1305),
            (316, 9)
        );
    }

    /// Likewise, for keys of 256 bits, which are the only size of the formats.
    #[test]
    fn wycheproof_aes_256_gcm() {
        assert_eq!(run_all(AES_GCM, Cipher::aes_256_gcm), (66, 250));
    }

    /// Runs the vectors that apply, and counts them and the others.
    fn run_all(vectors: &str, cipher: fn() -> &'static CipherRef) -> (usize, usize) {
        let (mut ran, mut not_applicable) = (0, 0);
        each(vectors, |test| {
            let nonce = bytes(&test["iv"]).try_into();
            let key = bytes(&test["key"]);
            if let (Ok(nonce), 32) = (nonce, key.len()) {
                run(test, &key, &nonce, cipher());
                ran += 1;
            } else {
                not_applicable += 1;
            }
        });
        (ran, not_applicable)
    }

    fn run(test: &Value, key: &[u8], nonce: &[u8; 12], cipher: &CipherRef) {
        let (aad, plain) = (bytes(&test["aad"]), bytes(&test["msg"]));
        let expected = [bytes(&test["ct"]), bytes(&test["tag"])].concat();
        // Used twice, as every thread does with its context.
        let mut aead = Aead::new(cipher, key).unwrap();
        for _ in 0..2 {
            let mut opened = vec![0xAA; plain.len()];
            let end = aead.open_with(nonce, &aad, &expected, &mut opened);
            if test["result"] == "valid" {
                let mut sealed = vec![0; expected.len()];
                aead.seal_with(nonce, &aad, &plain, &mut sealed).unwrap();
                assert_eq!(sealed, expected, "{}", test["tcId"]);
                assert!(end.is_ok() && opened == plain, "{}", test["tcId"]);
            } else {
                assert!(
                    matches!(end, Err(Error::Authentication)),
                    "{}",
                    test["tcId"]
                );
                assert!(opened.iter().all(|byte| *byte == 0), "cleared on failure");
            }
        }
    }
}
