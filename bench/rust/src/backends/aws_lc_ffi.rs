//! The same C code as [`super::aws_lc`] called directly, to see what the safe
//! interface costs. `unsafe` stays in this file.

use std::ptr;

use aws_lc_sys::{
    EVP_AEAD_CTX, EVP_AEAD_CTX_free, EVP_AEAD_CTX_new, EVP_AEAD_CTX_open_gather,
    EVP_AEAD_CTX_seal_scatter, EVP_aead_aes_256_gcm, EVP_aead_chacha20_poly1305,
};

use super::{Aead, Cipher, Forged, Key, NONCE_LEN, Nonce, TAG_LEN, Tag};

pub struct AwsLcFfi(*mut EVP_AEAD_CTX);

impl AwsLcFfi {
    pub fn new(cipher: Cipher, key: &Key) -> Self {
        // SAFETY: the algorithm is a static; key and length belong together.
        let context = unsafe {
            let algorithm = match cipher {
                Cipher::Aes256Gcm => EVP_aead_aes_256_gcm(),
                Cipher::ChaCha20Poly1305 => EVP_aead_chacha20_poly1305(),
            };
            EVP_AEAD_CTX_new(algorithm, key.as_ptr(), key.len(), TAG_LEN)
        };
        assert!(!context.is_null(), "EVP_AEAD_CTX_new");
        Self(context)
    }

    /// # Safety
    /// `len` bytes must be readable at `input` and writable at `output`, which
    /// are either the same address or do not overlap.
    unsafe fn raw_seal(&self, nonce: &Nonce, input: *const u8, output: *mut u8, len: usize) -> Tag {
        let mut tag = [0; TAG_LEN];
        let mut tag_len = 0;
        // SAFETY: see above; the other buffers are arrays passed with their size.
        let ok = unsafe {
            EVP_AEAD_CTX_seal_scatter(
                self.0,
                output,
                tag.as_mut_ptr(),
                &raw mut tag_len,
                TAG_LEN,
                nonce.as_ptr(),
                NONCE_LEN,
                input,
                len,
                ptr::null(),
                0,
                ptr::null(),
                0,
            )
        };
        assert!(ok == 1 && tag_len == TAG_LEN, "seal");
        tag
    }

    /// # Safety
    /// As [`Self::raw_seal`].
    unsafe fn raw_open(
        &self,
        nonce: &Nonce,
        input: *const u8,
        output: *mut u8,
        len: usize,
        tag: &Tag,
    ) -> Result<(), Forged> {
        // SAFETY: see above; the other buffers are arrays passed with their size.
        let ok = unsafe {
            EVP_AEAD_CTX_open_gather(
                self.0,
                output,
                nonce.as_ptr(),
                NONCE_LEN,
                input,
                len,
                tag.as_ptr(),
                TAG_LEN,
                ptr::null(),
                0,
            )
        };
        if ok == 1 { Ok(()) } else { Err(Forged) }
    }
}

impl Drop for AwsLcFfi {
    fn drop(&mut self) {
        // SAFETY: created by EVP_AEAD_CTX_new and freed only here.
        unsafe { EVP_AEAD_CTX_free(self.0) }
    }
}

impl Aead for AwsLcFfi {
    fn name(&self) -> &'static str {
        "aws-lc-sys (FFI)"
    }

    fn seal_in_place(&mut self, nonce: &Nonce, data: &mut [u8]) -> Tag {
        let address = data.as_mut_ptr();
        // SAFETY: one exclusive slice, input and output the same address.
        unsafe { self.raw_seal(nonce, address, address, data.len()) }
    }

    fn open_in_place(&mut self, nonce: &Nonce, data: &mut [u8], tag: &Tag) -> Result<(), Forged> {
        let address = data.as_mut_ptr();
        // SAFETY: one exclusive slice, input and output the same address.
        unsafe { self.raw_open(nonce, address, address, data.len(), tag) }
    }

    fn seal(&mut self, nonce: &Nonce, input: &[u8], output: &mut [u8]) -> Tag {
        assert_eq!(input.len(), output.len());
        // SAFETY: equal lengths, and an exclusive slice overlaps nothing.
        unsafe { self.raw_seal(nonce, input.as_ptr(), output.as_mut_ptr(), input.len()) }
    }

    fn open(
        &mut self,
        nonce: &Nonce,
        input: &[u8],
        output: &mut [u8],
        tag: &Tag,
    ) -> Result<(), Forged> {
        assert_eq!(input.len(), output.len());
        // SAFETY: equal lengths, and an exclusive slice overlaps nothing.
        unsafe { self.raw_open(nonce, input.as_ptr(), output.as_mut_ptr(), input.len(), tag) }
    }

    fn reads_ia32cap(&self) -> bool {
        true
    }
}
