//! What the engine needs to know of a payload format. A new format is one new
//! file that implements [`Format`] and, for its keys, [`PayloadKey`].

use std::sync::Arc;

use crate::aead::Aead;
use crate::error::Error;
use crate::layout::Layout;

/// A key that payloads are sealed with. Each payload begins with a prefix of
/// its own (a nonce, a salt), and both together give the format of its chunks.
pub trait PayloadKey: Send + Sync {
    /// Bytes that stand before the first chunk.
    fn prefix_size(&self) -> usize;

    /// Sizes of chunks, and what ends a message.
    fn layout(&self) -> Layout;

    /// Begins a new payload, with randomness from the operating system: its
    /// prefix, and the format of its chunks.
    ///
    /// # Errors
    /// Those of the operating system and of the backend.
    fn begin(&self) -> Result<(Vec<u8>, Arc<dyn Format>), Error>;

    /// The format of the payload that `prefix` begins.
    ///
    /// # Errors
    /// [`Error::Truncated`] where the prefix is too short, and
    /// [`Error::Commitment`] where it shows that the payload was not sealed
    /// with this key.
    fn resume(&self, prefix: &[u8]) -> Result<Arc<dyn Format>, Error>;
}

/// A keyed payload format: how its chunks are sized, numbered and sealed.
pub trait Format: Send + Sync {
    /// Sizes of chunks, and what ends a message.
    fn layout(&self) -> Layout;

    /// A cipher of its own for each thread, ready with this payload's key.
    #[doc(hidden)]
    fn cipher(&self) -> Aead;

    /// The nonce of chunk number `chunk`, which ends the message if `last`.
    fn nonce(&self, chunk: u64, last: bool) -> [u8; 12];
}

/// Randomness from the operating system.
pub(crate) fn random<const SIZE: usize>() -> Result<[u8; SIZE], Error> {
    let mut bytes = [0; SIZE];
    getrandom::fill(&mut bytes).map_err(|error| Error::Io(error.into()))?;
    Ok(bytes)
}
