//! BLAKE3 and SHA-256: over streams on one thread, and BLAKE3 over buffers and
//! files on all of them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use openssl::sha::Sha256;

use crate::engine::{run, worth_waking};
use crate::error::Error;
use crate::layout::UNIT;
use crate::parts::{Parts, Tree};
use crate::room::resize;
use crate::watch::Watch;

/// Bytes of a digest of either algorithm.
pub const DIGEST_SIZE: usize = 32;
/// A digest of either algorithm.
pub type Digest = [u8; DIGEST_SIZE];

/// A hash function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// BLAKE3, 256 bits: a tree, so that several threads can share the work.
    Blake3,
    /// SHA-256: a chain, so that nobody can.
    Sha256,
}

/// Hashes what it is given, piece by piece, on the caller's thread.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Blake3(Box<Tree>),
    Sha256(Sha256),
}

impl Hasher {
    /// A hasher of nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Blake3 => State::Blake3(Box::new(Tree::new())),
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
        })
    }

    /// Takes the next piece.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.0 {
            State::Blake3(tree) => tree.update(data),
            State::Sha256(hasher) => hasher.update(data),
        }
    }

    /// The digest of all that was taken so far.
    pub fn digest(&self) -> Digest {
        match &self.0 {
            State::Blake3(tree) => tree.digest(),
            State::Sha256(hasher) => hasher.clone().finish(),
        }
    }

    /// What several threads may add their parts to, unless the hash is a chain.
    pub fn parts(&mut self) -> Option<Parts<'_>> {
        self.tree().map(Parts::of)
    }

    /// The tree, to which several threads may add their parts, if it is one.
    pub(crate) fn tree(&mut self) -> Option<&mut Tree> {
        match &mut self.0 {
            State::Blake3(tree) => Some(tree),
            State::Sha256(_) => None,
        }
    }
}

/// The digest of a buffer.
///
/// # Errors
/// The watcher's.
pub fn hash_slice(
    algorithm: Algorithm,
    data: &[u8],
    threads: usize,
    watch: &mut dyn Watch,
) -> Result<Digest, Error> {
    let threads = worth_waking(threads, data.len() as u64);
    if algorithm == Algorithm::Sha256 || threads <= 1 {
        let mut hasher = Hasher::new(algorithm);
        let mut done = 0;
        for piece in data.chunks(UNIT) {
            hasher.update(piece);
            done += piece.len() as u64;
            watch.tick(done)?;
        }
        return Ok(hasher.digest());
    }
    hash_units(data.len() as u64, threads, watch, |_, at, hash| {
        // Within the buffer, because the tree is as large as it is.
        let start = usize::try_from(at).unwrap_or(data.len());
        hash(&data[start..data.len().min(start + UNIT)]);
        Ok(())
    })
}

/// The digest of a regular file, read by position, and how large that is.
///
/// # Errors
/// [`Error::Changed`] where it shrinks or grows meanwhile, those of the file, and
/// the watcher's.
pub fn hash_file(
    algorithm: Algorithm,
    file: &File,
    threads: usize,
    watch: &mut dyn Watch,
) -> Result<(Digest, u64), Error> {
    let size = file.metadata()?.len();
    let read = |buffer: &mut Vec<u8>, at: u64| {
        let length = usize::try_from(size - at).map_or(UNIT, |left| left.min(UNIT));
        resize(buffer, length)?;
        file.read_exact_at(buffer, at)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => Error::Changed,
                _ => error.into(),
            })
    };
    let threads = worth_waking(threads, size);
    let digest = if algorithm == Algorithm::Sha256 || threads <= 1 {
        let (mut hasher, mut buffer) = (Hasher::new(algorithm), Vec::new());
        for at in (0..size).step_by(UNIT) {
            read(&mut buffer, at)?;
            hasher.update(&buffer);
            watch.tick(at + buffer.len() as u64)?;
        }
        hasher.digest()
    } else {
        hash_units(size, threads, watch, |buffer, at, hash| {
            read(buffer, at)?;
            hash(buffer);
            Ok(())
        })?
    };
    if file.metadata()?.len() == size {
        Ok((digest, size))
    } else {
        Err(Error::Changed)
    }
}

/// BLAKE3 by several threads, each of which hashes units.
///
/// `load` gives the unit at a position to the function that hashes it.
fn hash_units(
    size: u64,
    threads: usize,
    watch: &mut dyn Watch,
    load: impl Fn(&mut Vec<u8>, u64, &mut dyn FnMut(&[u8])) -> Result<(), Error> + Sync,
) -> Result<Digest, Error> {
    let mut tree = Tree::new();
    let parts = Parts::of(&mut tree);
    let positions = (0..size).step_by(UNIT);
    run(
        threads,
        (0..).zip(positions),
        || Ok(Vec::new()),
        |buffer: &mut Vec<u8>, (index, at): (u64, u64)| {
            let mut done = 0;
            load(buffer, at, &mut |data| {
                parts.add(index, at, data);
                done = data.len() as u64;
            })?;
            Ok(done)
        },
        watch,
    )?;
    drop(parts);
    Ok(tree.digest())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::cast_possible_truncation)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn every_way_gives_the_digest_of_the_library() {
        let data: Vec<u8> = (0..9 * UNIT).map(|i| (i % 251) as u8).collect();
        for size in [
            0,
            1,
            1024,
            UNIT - 1,
            UNIT,
            UNIT + 1,
            2 * UNIT,
            3 * UNIT,
            5 * UNIT + 7,
            9 * UNIT,
        ] {
            let data = &data[..size];
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(data).unwrap();
            for algorithm in [Algorithm::Blake3, Algorithm::Sha256] {
                let expected: Digest = match algorithm {
                    Algorithm::Blake3 => *blake3::hash(data).as_bytes(),
                    Algorithm::Sha256 => openssl::sha::sha256(data),
                };
                let mut hasher = Hasher::new(algorithm);
                data.chunks(70_001).for_each(|piece| hasher.update(piece));
                assert_eq!(hasher.digest(), expected);
                for threads in [1, 2, 8] {
                    let of_slice = hash_slice(algorithm, data, threads, &mut ());
                    assert_eq!(of_slice.unwrap(), expected, "{size}");
                    let of_file = hash_file(algorithm, &file, threads, &mut ());
                    assert_eq!(of_file.unwrap(), (expected, size as u64));
                }
            }
        }
    }
}
