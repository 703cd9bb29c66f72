//! BLAKE3 of a message whose parts several threads hash, each where it has them at
//! hand. The tree of BLAKE3 allows that for any part, wherever it begins.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};

use crate::hash::Digest;

/// The smallest subtree that is hashed by itself: as many chunks of BLAKE3 as the widest
/// vectors take at once.
const BLOCK: usize = 16 * 1024;

/// The hash of a message so far.
#[derive(Clone)]
pub(crate) struct Tree {
    /// Subtrees of sizes that halve, except that the last two may be equal: only what
    /// follows tells whether they are the whole message.
    subtrees: Vec<ChainingValue>,
    /// Bytes in them.
    done: u64,
    /// What follows them: never more than a block, and never nothing behind a
    /// message's only subtree.
    tail: blake3::Hasher,
    tail_size: usize,
}

/// A part of a message, hashed as far as that goes without its neighbours.
pub(crate) struct Part {
    /// Up to the first boundary of blocks.
    head: Vec<u8>,
    subtrees: Vec<(ChainingValue, usize)>,
    /// From the last boundary on.
    tail: Vec<u8>,
}

impl Part {
    /// Hashes the part of a message that stands `at` there.
    pub(crate) fn new(at: u64, data: &[u8]) -> Self {
        let before = at.next_multiple_of(BLOCK as u64) - at;
        let before = usize::try_from(before).unwrap_or(BLOCK).min(data.len());
        let (head, mut rest) = data.split_at(before);
        let mut at = at + before as u64;
        let mut subtrees = Vec::new();
        while let Some(size) = subtree_size(at, rest.len()) {
            let (subtree, behind) = rest.split_at(size);
            subtrees.push((hash_subtree(at, subtree), size));
            at += size as u64;
            rest = behind;
        }
        Self {
            head: head.to_vec(),
            subtrees,
            tail: rest.to_vec(),
        }
    }
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self {
            subtrees: Vec::new(),
            done: 0,
            tail: blake3::Hasher::new(),
            tail_size: 0,
        }
    }

    /// Bytes so far.
    pub(crate) fn size(&self) -> u64 {
        self.done + self.tail_size as u64
    }

    /// Takes the next bytes.
    pub(crate) fn update(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            self.end_full_tail();
            let whole = match self.tail_size {
                0 => subtree_size(self.done, data.len()),
                _ => None,
            };
            let size = whole.unwrap_or(data.len().min(BLOCK - self.tail_size));
            let (piece, rest) = data.split_at(size);
            if whole.is_some() {
                self.push(hash_subtree(self.done, piece), size);
            } else {
                self.tail.update(piece);
                self.tail_size += size;
            }
            data = rest;
        }
    }

    /// Takes the next part, which was hashed for this place.
    pub(crate) fn append(&mut self, part: &Part) {
        self.update(&part.head);
        for (subtree, size) in &part.subtrees {
            self.end_full_tail();
            self.push(*subtree, *size);
        }
        self.update(&part.tail);
    }

    /// The hash of all so far.
    pub(crate) fn digest(&self) -> Digest {
        let mut subtrees = self.subtrees.clone();
        if self.tail_size > 0 && !subtrees.is_empty() {
            merge_complete(&mut subtrees, self.done);
            subtrees.push(self.tail.finalize_non_root());
        }
        let (Some(mut right), Some(first)) = (subtrees.pop(), subtrees.first().copied()) else {
            return *self.tail.finalize().as_bytes();
        };
        for left in subtrees[1..].iter().rev() {
            right = merge_subtrees_non_root(left, &right, Mode::Hash);
        }
        *merge_subtrees_root(&first, &right, Mode::Hash).as_bytes()
    }

    fn end_full_tail(&mut self) {
        if self.tail_size == BLOCK {
            let subtree = self.tail.finalize_non_root();
            self.push(subtree, BLOCK);
        }
    }

    fn push(&mut self, subtree: ChainingValue, size: usize) {
        merge_complete(&mut self.subtrees, self.done);
        self.subtrees.push(subtree);
        self.done += size as u64;
        self.tail = blake3::Hasher::new();
        self.tail.set_input_offset(self.done);
        self.tail_size = 0;
    }
}

/// Merges what something follows: one subtree is left for each bit of the number of
/// blocks before it.
fn merge_complete(subtrees: &mut Vec<ChainingValue>, size: u64) {
    let complete = (size / BLOCK as u64).count_ones() as usize;
    while subtrees.len() > complete {
        if let (Some(right), Some(left)) = (subtrees.pop(), subtrees.pop()) {
            subtrees.push(merge_subtrees_non_root(&left, &right, Mode::Hash));
        }
    }
}

/// The largest subtree that begins at a boundary of blocks and is not the whole message:
/// the root is hashed in a way of its own.
fn subtree_size(at: u64, available: usize) -> Option<usize> {
    let room = if at == 0 { available / 2 } else { available };
    let largest = room.checked_ilog2().map_or(0, |bits| 1 << bits);
    let aligned = match at {
        0 => largest,
        _ => {
            usize::try_from(1_u64 << at.trailing_zeros()).map_or(largest, |size| size.min(largest))
        }
    };
    (aligned >= BLOCK).then_some(aligned)
}

fn hash_subtree(at: u64, data: &[u8]) -> ChainingValue {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(at).update(data).finalize_non_root()
}

/// A hash to which several threads add parts, in any order.
pub struct Parts<'a> {
    /// Bytes that were hashed before them.
    before: u64,
    gathering: Mutex<Gathering<'a>>,
}

struct Gathering<'a> {
    tree: &'a mut Tree,
    next: u64,
    /// Parts that wait for those before them: never more than there are threads.
    waiting: BTreeMap<u64, Part>,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(tree: &'a mut Tree) -> Self {
        Self {
            before: tree.size(),
            gathering: Mutex::new(Gathering {
                tree,
                next: 0,
                waiting: BTreeMap::new(),
            }),
        }
    }

    /// Adds part number `index`, which stands `at` behind what was hashed before.
    pub(crate) fn add(&self, index: u64, at: u64, data: &[u8]) {
        let part = Part::new(self.before + at, data);
        let mut gathering = self
            .gathering
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Gathering {
            tree,
            next,
            waiting,
        } = &mut *gathering;
        waiting.insert(index, part);
        while let Some(part) = waiting.remove(next) {
            tree.append(&part);
            *next += 1;
        }
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)]
mod tests {
    use super::*;

    fn data(size: usize) -> Vec<u8> {
        (0..size).map(|i| (i % 251) as u8).collect()
    }

    /// All ways to cut a message in two, and pieces of one size, around what matters:
    /// chunks, blocks, powers of two of blocks, and one more or less.
    #[test]
    fn parts_of_any_size_give_the_digest_of_the_library() {
        let sizes = [
            0, 1, 1024, 1025, 16, 17, 31, 32, 33, 48, 64, 65, 100, 128, 129,
        ]
        .map(|size| {
            if size < 1000 && size > 1 {
                size * 1024
            } else {
                size
            }
        });
        for size in sizes
            .into_iter()
            .flat_map(|size| [size.max(1) - 1, size, size + 1])
        {
            let data = data(size);
            let expected = *blake3::hash(&data).as_bytes();
            for piece in [
                1000,
                1024,
                BLOCK - 1,
                BLOCK,
                BLOCK + 1,
                40_000,
                1 << 17,
                262_400,
            ] {
                let (mut updated, mut appended) = (Tree::new(), Tree::new());
                let mut backwards = Tree::new();
                let parts = Parts::of(&mut backwards);
                for (index, part) in (0..)
                    .zip(data.chunks(piece))
                    .collect::<Vec<_>>()
                    .iter()
                    .rev()
                {
                    parts.add(*index, index * piece as u64, part);
                }
                for piece in data.chunks(piece) {
                    appended.append(&Part::new(appended.size(), piece));
                    updated.update(piece);
                    let so_far = usize::try_from(updated.size()).unwrap_or_default();
                    assert_eq!(updated.digest(), *blake3::hash(&data[..so_far]).as_bytes());
                }
                assert_eq!(updated.digest(), expected, "{size} by {piece}");
                assert_eq!(appended.digest(), expected, "{size} by {piece}");
                assert_eq!(backwards.digest(), expected, "{size} by {piece}");
            }
        }
    }

    /// A part joins what was hashed byte by byte before it, and the other way round.
    #[test]
    fn parts_and_bytes_mix() {
        let data = data(300_000);
        for cut in [0, 1, 5000, BLOCK, BLOCK + 1, 100_000, 2 * 65_536] {
            let (first, second) = data.split_at(cut);
            let mut tree = Tree::new();
            tree.update(first);
            let (third, fourth) = second.split_at(second.len() / 2);
            tree.append(&Part::new(tree.size(), third));
            tree.update(fourth);
            assert_eq!(tree.digest(), *blake3::hash(&data).as_bytes(), "{cut}");
        }
    }
}
