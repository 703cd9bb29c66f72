//! The only file that names an AEAD implementation. Which one serves which
//! cipher, and the measurement behind the choice, is in docs/architecture.md.

use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;

use crate::error::Error;
use crate::secret::PayloadKey;

/// Bytes in the authentication tag of every cipher here.
pub(crate) const TAG_SIZE: usize = 16;

/// A keyed AEAD, one for each thread: between chunks only the nonce changes,
/// and the key schedule is kept.
pub struct Aead {
    seal: CipherCtx,
    open: CipherCtx,
}

impl Aead {
    pub(crate) fn chacha20_poly1305(key: &PayloadKey) -> Result<Self, Error> {
        let cipher = Cipher::chacha20_poly1305();
        let mut seal = CipherCtx::new()?;
        seal.encrypt_init(Some(cipher), Some(key.expose()), None)?;
        let mut open = CipherCtx::new()?;
        open.decrypt_init(Some(cipher), Some(key.expose()), None)?;
        Ok(Self { seal, open })
    }

    /// Seals `plain` into `sealed`, which is exactly a tag longer.
    pub(crate) fn seal(
        &mut self,
        nonce: &[u8; 12],
        plain: &[u8],
        sealed: &mut [u8],
    ) -> Result<(), Error> {
        let (body, tag) = sealed
            .split_at_mut_checked(plain.len())
            .ok_or(Error::Backend)?;
        self.seal.encrypt_init(None, None, Some(nonce))?;
        if !plain.is_empty() {
            self.seal.cipher_update(plain, Some(body))?;
        }
        self.seal.cipher_final(&mut [])?;
        self.seal.tag(tag)?;
        Ok(())
    }

    /// Opens `sealed` into `plain`, which is exactly a tag shorter and is
    /// cleared where the tag does not fit.
    pub(crate) fn open(
        &mut self,
        nonce: &[u8; 12],
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Result<(), Error> {
        let (body, tag) = sealed.split_at_checked(plain.len()).ok_or(Error::Backend)?;
        self.open.decrypt_init(None, None, Some(nonce))?;
        if !body.is_empty() {
            self.open.cipher_update(body, Some(plain))?;
        }
        self.open.set_tag(tag)?;
        self.open.cipher_final(&mut []).map_err(|_| {
            plain.fill(0);
            Error::Authentication
        })?;
        Ok(())
    }
}
