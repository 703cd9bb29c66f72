//! What the engine needs to know of a payload format. A new format is one new
//! file that implements [`Format`].

use crate::aead::Aead;
use crate::error::Error;
use crate::layout::Layout;

/// A keyed payload format: how its chunks are sized, numbered and sealed.
pub trait Format: Send + Sync + 'static {
    /// Sizes of chunks and what ends a message.
    const LAYOUT: Layout;

    /// A cipher of its own for each thread, ready with this payload's key.
    #[doc(hidden)]
    fn cipher(&self) -> Result<Aead, Error>;

    /// The nonce of chunk number `chunk`, which ends the message if `last`.
    fn nonce(&self, chunk: u64, last: bool) -> [u8; 12];
}
