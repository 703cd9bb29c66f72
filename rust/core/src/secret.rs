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

#[cfg(test)]
mod tests {
    use hmac::Hmac;
    use hmac::digest::CtOutput;
    use sha2::{Sha256, Sha512};
    use zeroize::ZeroizeOnDrop;

    /// Features of dependencies decide that, and a missing one is no error otherwise.
    #[test]
    fn what_keys_are_derived_with_is_wiped() {
        fn wiped<T: ZeroizeOnDrop>() {}
        wiped::<Sha256>();
        wiped::<Sha512>();
        wiped::<CtOutput<Hmac<Sha512>>>();
    }
}
