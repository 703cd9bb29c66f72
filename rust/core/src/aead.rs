//! The only file that names an AEAD implementation. Which one serves which
//! cipher, and the measurement behind the choice, is in docs/architecture.md.

use std::sync::LazyLock;

use openssl::cipher::{Cipher, CipherRef};
use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;

use crate::error::Error;
use crate::secret::AeadKey;

/// Bytes in the authentication tag of every cipher here.
pub(crate) const TAG_SIZE: usize = 16;

/// No format here binds associated data to its chunks.
const NO_AAD: &[u8] = &[];

/// A keyed AEAD, one for each thread: between chunks only the nonce changes,
/// and the key schedule is kept. Each direction is made ready when it is used.
pub struct Aead {
    cipher: &'static CipherRef,
    key: AeadKey,
    seal: Option<CipherCtx>,
    open: Option<CipherCtx>,
}

/// The implementations, looked up once: a context that looks one up by itself does
/// so each time it is made, which costs more than sealing a small message.
static CHACHA20_POLY1305: LazyLock<Option<Cipher>> =
    LazyLock::new(|| Cipher::fetch(None, "ChaCha20-Poly1305", None).ok());
static AES_256_GCM: LazyLock<Option<Cipher>> =
    LazyLock::new(|| Cipher::fetch(None, "AES-256-GCM", None).ok());

impl Aead {
    pub(crate) fn chacha20_poly1305(key: &AeadKey) -> Self {
        let cipher = CHACHA20_POLY1305.as_deref();
        Self::new(cipher.unwrap_or(Cipher::chacha20_poly1305()), key)
    }

    pub(crate) fn aes_256_gcm(key: &AeadKey) -> Self {
        let cipher = AES_256_GCM.as_deref();
        Self::new(cipher.unwrap_or(Cipher::aes_256_gcm()), key)
    }

    fn new(cipher: &'static CipherRef, key: &AeadKey) -> Self {
        Self {
            cipher,
            key: key.duplicate(),
            seal: None,
            open: None,
        }
    }

    /// Takes another key of the same cipher, which costs less than a cipher anew.
    pub(crate) fn rekey(&mut self, key: &AeadKey) -> Result<(), Error> {
        self.key = key.duplicate();
        let key = Some(self.key.expose().as_slice());
        if let Some(context) = &mut self.seal {
            context.encrypt_init(None, key, None)?;
        }
        if let Some(context) = &mut self.open {
            context.decrypt_init(None, key, None)?;
        }
        Ok(())
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
        let context = ready(&mut self.seal, |context| {
            context.encrypt_init(Some(self.cipher), Some(self.key.expose()), None)
        })?;
        context.encrypt_init(None, None, Some(nonce))?;
        update(context, aad, None)?;
        update(context, plain, Some(body))?;
        context.cipher_final(&mut [])?;
        context.tag(tag)?;
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
        let context = ready(&mut self.open, |context| {
            context.decrypt_init(Some(self.cipher), Some(self.key.expose()), None)
        })?;
        context.decrypt_init(None, None, Some(nonce))?;
        update(context, aad, None)?;
        update(context, body, Some(plain))?;
        context.set_tag(tag)?;
        context.cipher_final(&mut []).map_err(|_| {
            plain.fill(0);
            Error::Authentication
        })?;
        Ok(())
    }
}

/// A context that has the key, made at its first use.
fn ready(
    slot: &mut Option<CipherCtx>,
    init: impl FnOnce(&mut CipherCtx) -> Result<(), ErrorStack>,
) -> Result<&mut CipherCtx, Error> {
    if slot.is_none() {
        let mut context = CipherCtx::new()?;
        init(&mut context)?;
        *slot = Some(context);
    }
    slot.as_mut().ok_or(Error::Backend)
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
            run_all(CHACHA20_POLY1305, Cipher::chacha20_poly1305()),
            (316, 9)
        );
    }

    /// Likewise, for keys of 256 bits, which are the only size of the formats.
    #[test]
    fn wycheproof_aes_256_gcm() {
        assert_eq!(run_all(AES_GCM, Cipher::aes_256_gcm()), (66, 250));
    }

    /// Runs the vectors that apply, and counts them and the others.
    fn run_all(vectors: &str, cipher: &'static CipherRef) -> (usize, usize) {
        let (mut ran, mut not_applicable) = (0, 0);
        each(vectors, |test| {
            let nonce = bytes(&test["iv"]).try_into();
            let key = bytes(&test["key"]);
            if let (Ok(nonce), 32) = (nonce, key.len()) {
                run(test, &key, &nonce, cipher);
                ran += 1;
            } else {
                not_applicable += 1;
            }
        });
        (ran, not_applicable)
    }

    fn run(test: &Value, key: &[u8], nonce: &[u8; 12], cipher: &'static CipherRef) {
        let (aad, plain) = (bytes(&test["aad"]), bytes(&test["msg"]));
        let expected = [bytes(&test["ct"]), bytes(&test["tag"])].concat();
        // Used twice, as every thread does with its context, after a use with another
        // key.
        let other = AeadKey::derive(|out| out.fill(0x55));
        let mut aead = Aead::new(cipher, &other);
        let mut sealed = vec![0; expected.len()];
        aead.seal_with(nonce, &aad, &plain, &mut sealed).unwrap();
        assert_ne!(sealed, expected);
        let mut opened = vec![0; plain.len()];
        assert!(aead.open_with(nonce, &aad, &expected, &mut opened).is_err());
        let key = AeadKey::derive(|out| out.copy_from_slice(key));
        aead.rekey(&key).unwrap();
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
