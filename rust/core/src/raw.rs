//! The backend's ciphers without a format: what the engine is measured against.

use std::sync::{Mutex, PoisonError};

use crate::aead::{Aead, TAG_SIZE};
use crate::error::Error;
use crate::format::random;
use crate::layout::{UNIT, WRONG_SIZE};
use crate::secret::AeadKey;

/// A buffer cut into messages of one size, each sealed under its number and a key that
/// nobody keeps.
///
/// Sealing a second time uses the same nonces again, which nothing that protects data may
/// do: this is for measuring.
pub struct RawMessages {
    key: AeadKey,
    cipher: fn(&AeadKey) -> Aead,
    message: usize,
}

/// A run of messages for a thread: the number of the first, what is read, what is written.
type Run<'a> = (u64, (&'a [u8], &'a mut [u8]));

impl RawMessages {
    /// AES-256-GCM in messages of `message` bytes.
    ///
    /// # Errors
    /// Those of the operating system, and [`Error::Limit`] for empty messages.
    pub fn aes_256_gcm(message: usize) -> Result<Self, Error> {
        Self::new(Aead::aes_256_gcm, message)
    }

    /// ChaCha20-Poly1305 in messages of `message` bytes.
    ///
    /// # Errors
    /// Those of the operating system, and [`Error::Limit`] for empty messages.
    pub fn chacha20_poly1305(message: usize) -> Result<Self, Error> {
        Self::new(Aead::chacha20_poly1305, message)
    }

    fn new(cipher: fn(&AeadKey) -> Aead, message: usize) -> Result<Self, Error> {
        if message == 0 {
            return Err(Error::Limit("a message has at least one byte"));
        }
        let key = random::<32>()?;
        Ok(Self {
            key: AeadKey::derive(|out| *out = key),
            cipher,
            message,
        })
    }

    /// Seals `plain` into `sealed`, which has room for exactly the messages and their tags.
    ///
    /// # Errors
    /// [`Error::Limit`] for an output of another size.
    pub fn seal(&self, plain: &[u8], sealed: &mut [u8], threads: usize) -> Result<(), Error> {
        if self.sealed_size(plain.len()) != sealed.len() {
            return Err(WRONG_SIZE);
        }
        let wide = self.message + TAG_SIZE;
        let (inputs, outputs) = (
            plain.chunks(self.run() * self.message),
            sealed.chunks_mut(self.run() * wide),
        );
        self.share(
            inputs.zip(outputs),
            threads,
            |aead, (first, (plain, sealed))| {
                let messages = plain.chunks(self.message).zip(sealed.chunks_mut(wide));
                for (number, (plain, sealed)) in (first..).zip(messages) {
                    aead.seal(&nonce(number), plain, sealed)?;
                }
                Ok(())
            },
        )
    }

    /// Opens what [`Self::seal`] made.
    ///
    /// # Errors
    /// [`Error::Limit`] for an output of another size, and [`Error::Authentication`].
    pub fn open(&self, sealed: &[u8], plain: &mut [u8], threads: usize) -> Result<(), Error> {
        if self.sealed_size(plain.len()) != sealed.len() {
            return Err(WRONG_SIZE);
        }
        let wide = self.message + TAG_SIZE;
        let (inputs, outputs) = (
            sealed.chunks(self.run() * wide),
            plain.chunks_mut(self.run() * self.message),
        );
        self.share(
            inputs.zip(outputs),
            threads,
            |aead, (first, (sealed, plain))| {
                let messages = sealed.chunks(wide).zip(plain.chunks_mut(self.message));
                for (number, (sealed, plain)) in (first..).zip(messages) {
                    aead.open(&nonce(number), sealed, plain)?;
                }
                Ok(())
            },
        )
    }

    fn sealed_size(&self, plain: usize) -> usize {
        plain + plain.div_ceil(self.message) * TAG_SIZE
    }

    /// The messages that a thread takes at a time: as many as the engine's do.
    fn run(&self) -> usize {
        (UNIT / self.message).max(1)
    }

    /// Has threads take runs until there are no more.
    fn share<'a>(
        &self,
        runs: impl Iterator<Item = (&'a [u8], &'a mut [u8])> + Send,
        threads: usize,
        work: impl Fn(&mut Aead, Run<'a>) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        let step = self.run();
        let runs = Mutex::new((0..).step_by(step).zip(runs));
        let next = || runs.lock().unwrap_or_else(PoisonError::into_inner).next();
        let worker = || {
            let mut aead = (self.cipher)(&self.key);
            while let Some(run) = next() {
                work(&mut aead, run)?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
            let mine = worker();
            let ended = others.into_iter().map(|other| match other.join() {
                Ok(ended) => ended,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            ended.fold(mine, Result::and)
        })
    }
}

fn nonce(number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    nonce
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_what_the_cipher_makes_of_it() {
        let plain: Vec<u8> = (0..1_000_003_u32).map(|i| i.to_le_bytes()[1]).collect();
        for messages in [
            RawMessages::aes_256_gcm(16 << 10).unwrap(),
            RawMessages::chacha20_poly1305(64 << 10).unwrap(),
            RawMessages::aes_256_gcm(300_000).unwrap(),
        ] {
            let size = messages.message;
            let mut sealed = vec![0; messages.sealed_size(plain.len())];
            messages.seal(&plain, &mut sealed, 3).unwrap();
            let mut aead = (messages.cipher)(&messages.key);
            for (i, (plain, sealed)) in plain.chunks(size).zip(sealed.chunks(size + 16)).enumerate()
            {
                let mut alone = vec![0; plain.len() + TAG_SIZE];
                aead.seal(&nonce(i as u64), plain, &mut alone).unwrap();
                assert_eq!(alone, sealed, "message {i} of {size} bytes");
            }
            let mut back = vec![0; plain.len()];
            messages.open(&sealed, &mut back, 2).unwrap();
            assert!(back == plain);

            sealed[500_000] ^= 1;
            let end = messages.open(&sealed, &mut back, 2);
            assert!(matches!(end, Err(Error::Authentication)));
            let end = messages.open(&sealed[1..], &mut back, 2);
            assert!(matches!(end, Err(Error::Limit(_))));
        }
    }

    #[test]
    fn messages_are_not_empty() {
        assert!(matches!(RawMessages::aes_256_gcm(0), Err(Error::Limit(_))));
    }
}
