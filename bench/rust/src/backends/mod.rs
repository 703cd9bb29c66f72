//! One module per library, all behind the same trait.

#[cfg(feature = "aws-lc")]
mod aws_lc;
#[cfg(feature = "aws-lc-ffi")]
mod aws_lc_ffi;
#[cfg(feature = "graviola")]
mod graviola;
#[cfg(feature = "openssl")]
mod openssl;
#[cfg(feature = "ring")]
mod ring;
#[cfg(feature = "rustcrypto")]
mod rustcrypto;

pub const KEY_LEN: usize = 32;
pub const NONCE_LEN: usize = 12;
pub const TAG_LEN: usize = 16;

pub type Key = [u8; KEY_LEN];
pub type Nonce = [u8; NONCE_LEN];
pub type Tag = [u8; TAG_LEN];

/// The two ciphers under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    Aes256Gcm,
    ChaCha20Poly1305,
}

impl Cipher {
    pub const ALL: [Self; 2] = [Self::Aes256Gcm, Self::ChaCha20Poly1305];

    pub fn name(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "AES-256-GCM",
            Self::ChaCha20Poly1305 => "ChaCha20-Poly1305",
        }
    }
}

/// Authentication failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forged;

/// One library with one key. No associated data: the chunk formats under
/// consideration put position and finality into the nonce.
///
/// Everything but a failed authentication panics, because a benchmark has no
/// better answer to it.
pub trait Aead {
    fn name(&self) -> &'static str;

    fn seal_in_place(&mut self, nonce: &Nonce, data: &mut [u8]) -> Tag;

    fn open_in_place(&mut self, nonce: &Nonce, data: &mut [u8], tag: &Tag) -> Result<(), Forged>;

    /// `input` and `output` have the same length. The default is what a caller
    /// must do when the library works in place only.
    fn seal(&mut self, nonce: &Nonce, input: &[u8], output: &mut [u8]) -> Tag {
        output.copy_from_slice(input);
        self.seal_in_place(nonce, output)
    }

    fn open(
        &mut self,
        nonce: &Nonce,
        input: &[u8],
        output: &mut [u8],
        tag: &Tag,
    ) -> Result<(), Forged> {
        output.copy_from_slice(input);
        self.open_in_place(nonce, output, tag)
    }

    /// Whether `seal` and `open` are left at their defaults.
    fn copies(&self) -> bool {
        false
    }

    /// Whether the library reads the `OPENSSL_ia32cap` variable.
    fn reads_ia32cap(&self) -> bool {
        false
    }
}

/// Every backend that was compiled in.
#[allow(clippy::vec_init_then_push, unused_mut, unused_variables)] // any subset of features
pub fn all(cipher: Cipher, key: &Key) -> Vec<Box<dyn Aead>> {
    let mut backends: Vec<Box<dyn Aead>> = Vec::new();
    #[cfg(feature = "aws-lc")]
    backends.push(Box::new(aws_lc::AwsLc::new(cipher, key)));
    #[cfg(feature = "aws-lc-ffi")]
    backends.push(Box::new(aws_lc_ffi::AwsLcFfi::new(cipher, key)));
    #[cfg(feature = "openssl")]
    backends.push(Box::new(openssl::OpenSsl::new(cipher, key)));
    #[cfg(feature = "graviola")]
    backends.push(graviola::new(cipher, key));
    #[cfg(feature = "ring")]
    backends.push(Box::new(ring::Ring::new(cipher, key)));
    #[cfg(feature = "rustcrypto")]
    backends.push(rustcrypto::new(cipher, key));
    backends
}
