//! Key material: no `Debug`, no `Clone`, wiped on drop.

use zeroize::Zeroizing;

/// A 256-bit AEAD key.
pub(crate) struct AeadKey(Box<Zeroizing<[u8; 32]>>);

impl AeadKey {
    /// A key that `fill` writes, so that no other copy of it exists.
    pub(crate) fn derive(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut key = Self(Box::new(Zeroizing::new([0; 32])));
        fill(&mut key.0);
        key
    }

    /// Another copy, for a thread of its own.
    pub(crate) fn duplicate(&self) -> Self {
        Self::derive(|out| out.copy_from_slice(&**self.0))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}
