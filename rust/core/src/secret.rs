//! Key material: no `Debug`, no `Clone`, wiped on drop.

use zeroize::Zeroizing;

use crate::age::FILE_KEY_SIZE;

/// The 16 random bytes that an age header wraps.
pub struct FileKey(Zeroizing<[u8; FILE_KEY_SIZE]>);

impl FileKey {
    /// Copies a file key; `None` unless it is exactly 16 bytes long.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; FILE_KEY_SIZE] = bytes.try_into().ok()?;
        Some(Self(Zeroizing::new(bytes)))
    }

    pub(crate) fn expose(&self) -> &[u8; FILE_KEY_SIZE] {
        &self.0
    }
}

/// A 256-bit AEAD key.
pub(crate) struct PayloadKey(Box<Zeroizing<[u8; 32]>>);

impl PayloadKey {
    /// A key that `fill` writes, so that no other copy of it exists.
    pub(crate) fn derive(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut key = Self(Box::new(Zeroizing::new([0; 32])));
        fill(&mut key.0);
        key
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}
