//! BLAKE3 and SHA-256: over streams on one thread, and BLAKE3 over buffers and
//! files on all of them.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};
use openssl::sha::Sha256;

use crate::engine::{run, worth_waking};
use crate::error::Error;
use crate::layout::UNIT;
use crate::room::resize;
use crate::watch::Watch;

/// Larger files are hashed on one thread, in constant memory. A tree that is this
/// large takes 128 MiB; a sparse file costs nothing and may claim any size.
const LARGEST_TREE: u64 = 1 << 40;

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
    Blake3(Box<blake3::Hasher>),
    Sha256(Sha256),
}

impl Hasher {
    /// A hasher of nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Blake3 => State::Blake3(Box::default()),
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
        })
    }

    /// Takes the next piece.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.0 {
            State::Blake3(hasher) => {
                hasher.update(data);
            }
            State::Sha256(hasher) => hasher.update(data),
        }
    }

    /// The digest of all that was taken so far.
    pub fn digest(&self) -> Digest {
        match &self.0 {
            State::Blake3(hasher) => *hasher.finalize().as_bytes(),
            State::Sha256(hasher) => hasher.clone().finish(),
        }
    }
}

/// Passes on what is written to it, and hashes it on the way.
pub struct Hashing<'a, W: Write> {
    sink: W,
    hasher: &'a mut Hasher,
}

impl<'a, W: Write> Hashing<'a, W> {
    /// A writer in front of `sink`.
    pub fn new(sink: W, hasher: &'a mut Hasher) -> Self {
        Self { sink, hasher }
    }
}

impl<W: Write> Write for Hashing<'_, W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let taken = self.sink.write(data)?;
        self.hasher.update(&data[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
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
    hash_tree(data.len() as u64, threads, watch, |_, at, hash| {
        // Within the buffer, because the tree is as large as it is.
        let start = usize::try_from(at).unwrap_or(data.len());
        hash(&data[start..data.len().min(start + UNIT)]);
        Ok(())
    })
}

/// The digest of a regular file, read by position.
///
/// # Errors
/// [`Error::Changed`] where it shrinks or grows meanwhile, those of the file, and
/// the watcher's.
pub fn hash_file(
    algorithm: Algorithm,
    file: &File,
    threads: usize,
    watch: &mut dyn Watch,
) -> Result<Digest, Error> {
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
    let tree = UNIT as u64 + 1..=LARGEST_TREE;
    let digest = if algorithm == Algorithm::Sha256 || !tree.contains(&size) {
        let (mut hasher, mut buffer) = (Hasher::new(algorithm), Vec::new());
        for at in (0..size).step_by(UNIT) {
            read(&mut buffer, at)?;
            hasher.update(&buffer);
            watch.tick(at + buffer.len() as u64)?;
        }
        hasher.digest()
    } else {
        hash_tree(size, threads, watch, |buffer, at, hash| {
            read(buffer, at)?;
            hash(buffer);
            Ok(())
        })?
    };
    if file.metadata()?.len() == size {
        Ok(digest)
    } else {
        Err(Error::Changed)
    }
}

/// BLAKE3 of more than one unit: each thread hashes subtrees of a unit, whose
/// size is a power of two as the tree demands, and they are merged at the end.
///
/// `load` gives the unit at a position to the function that hashes it.
fn hash_tree(
    size: u64,
    threads: usize,
    watch: &mut dyn Watch,
    load: impl Fn(&mut Vec<u8>, u64, &mut dyn FnMut(&[u8])) -> Result<(), Error> + Sync,
) -> Result<Digest, Error> {
    let unit = UNIT as u64;
    let units = size.div_ceil(unit);
    let leaves = usize::try_from(units).map_err(|_| Error::Limit("the input is too large"))?;
    let leaves = Mutex::new(vec![ChainingValue::default(); leaves]);
    run(
        threads,
        (0..leaves.lock().map_or(0, |leaves| leaves.len())).zip((0..).step_by(UNIT)),
        || Ok(Vec::new()),
        |buffer: &mut Vec<u8>, (index, at): (usize, u64)| {
            let mut done = 0;
            load(buffer, at, &mut |data| {
                let mut hasher = blake3::Hasher::new();
                let leaf = hasher.set_input_offset(at).update(data).finalize_non_root();
                leaves.lock().unwrap_or_else(PoisonError::into_inner)[index] = leaf;
                done = data.len() as u64;
            })?;
            Ok(done)
        },
        watch,
    )?;
    let leaves = leaves.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (left, right) = halves(&leaves);
    let root = merge_subtrees_root(&merge(left), &merge(right), Mode::Hash);
    Ok(*root.as_bytes())
}

/// The value of a subtree with these leaves, of which there is at least one.
fn merge(leaves: &[ChainingValue]) -> ChainingValue {
    if let [leaf] = leaves {
        return *leaf;
    }
    let (left, right) = halves(leaves);
    merge_subtrees_non_root(&merge(left), &merge(right), Mode::Hash)
}

/// The left half of a tree is the largest complete one that leaves something to
/// the right.
fn halves(leaves: &[ChainingValue]) -> (&[ChainingValue], &[ChainingValue]) {
    leaves.split_at(leaves.len().next_power_of_two() / 2)
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
                let mut sink = Vec::new();
                let mut hasher = Hasher::new(algorithm);
                let mut hashing = Hashing::new(&mut sink, &mut hasher);
                data.chunks(70_001)
                    .for_each(|piece| hashing.write_all(piece).unwrap());
                assert_eq!((hasher.digest(), &sink[..]), (expected, data));
                for threads in [1, 2, 8] {
                    let of_slice = hash_slice(algorithm, data, threads, &mut ());
                    assert_eq!(of_slice.unwrap(), expected, "{size}");
                    let of_file = hash_file(algorithm, &file, threads, &mut ());
                    assert_eq!(of_file.unwrap(), expected, "{size}");
                }
            }
        }
    }
}
