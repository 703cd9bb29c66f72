//! The core of passkeep: payload formats and the parallel engine that seals
//! and opens large streams on every core of the machine.
//!
//! This crate knows nothing of Python, recipients or passkeys. It is handed a
//! [`PayloadKey`] and moves bytes:
//!
//! * [`Sealer`] and [`Opener`] are streaming: [`std::io::Write`] in,
//!   [`std::io::Read`] out, bounded memory.
//! * [`seal_file`] and [`open_file`] go from file to file with positioned reads
//!   and writes on all threads.
//! * [`RangeReader`] reads anywhere in a message.
//! * [`seal_slice`] and [`open_slice`] go from buffer to buffer.
//!
//! All of them produce the same bytes for any number of threads, and none of
//! them ever releases plaintext that has not been authenticated. A chunk is decrypted
//! where its plaintext belongs and cleared again if it is not genuine: whoever
//! looks into the output of [`open_slice`] before that returns may see what nobody vouched for.

mod aead;
mod age;
mod batch;
mod chunks;
mod cobblestone;
mod engine;
mod error;
mod file;
mod fill;
mod format;
mod hash;
mod layout;
mod open;
mod parts;
mod range;
mod raw;
mod room;
mod seal;
mod secret;
mod slice;
mod watch;
#[cfg(test)]
mod wycheproof;

pub use aead::Aead;
pub use age::FileKey;
pub use batch::{Object, open_batch, seal_batch};
pub use cobblestone::CobblestoneKey;
pub use engine::{Pipeline, usable_threads};
pub use error::Error;
pub use file::{open_file, seal_file};
pub use fill::Fill;
pub use format::{Format, PayloadKey};
pub use hash::{Algorithm, DIGEST_SIZE, Digest, Hasher, hash_file, hash_slice};
pub use layout::{LastChunk, Layout};
pub use open::Opener;
pub use parts::Parts;
pub use range::{RangeReader, ReadAt};
pub use raw::RawMessages;
pub use room::zeroed;
pub use seal::Sealer;
pub use slice::{Stability, open_slice, seal_slice};
pub use watch::Watch;
