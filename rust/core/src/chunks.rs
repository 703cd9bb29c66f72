//! Sealing and opening a run of consecutive chunks on one thread.

use crate::aead::Aead;
use crate::error::Error;
use crate::format::Format;
use crate::layout::{LastChunk, Layout};

/// Where a run of chunks stands in its message.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// The number of the run's first chunk.
    pub(crate) first: u64,
    /// Whether the message ends with this run.
    pub(crate) last: bool,
}

impl Place {
    /// The place of unit number `unit` in a message of `units` units.
    pub(crate) fn of_unit(layout: Layout, unit: u64, units: u64) -> Self {
        Self {
            first: unit * layout.unit_chunks() as u64,
            last: unit + 1 == units,
        }
    }
}

/// What became of a run that was opened.
pub(crate) struct Opened {
    /// Plaintext bytes, from the start of the run, that authenticated.
    pub(crate) released: usize,
    /// Why the rest did not.
    pub(crate) end: Result<(), Error>,
}

/// Seals `plain` into `sealed`, which has exactly the sealed size. Only the
/// run that ends a message may hold a partial or an empty chunk.
pub(crate) fn seal_run(
    format: &dyn Format,
    aead: &mut Aead,
    place: Place,
    plain: &[u8],
    sealed: &mut [u8],
) -> Result<(), Error> {
    let layout = format.layout();
    let count = layout.run_chunks(plain.len(), place.last);
    let (mut plain, mut sealed) = (plain, sealed);
    for (i, chunk) in (0..count).zip(place.first..) {
        let size = plain.len().min(layout.chunk);
        let (piece, rest) = plain.split_at(size);
        let (out, room) = sealed
            .split_at_mut_checked(size + layout.tag)
            .ok_or(Error::Backend)?;
        (plain, sealed) = (rest, room);
        let last = place.last && i + 1 == count;
        aead.seal(&format.nonce(chunk, last), piece, out)?;
    }
    Ok(())
}

/// Opens `sealed` into the front of `plain`, chunk by chunk, up to the first
/// one that does not authenticate. Where somebody could write into `sealed`
/// meanwhile, each chunk is copied to `copy` first: a chunk fits the nearest
/// caches, so that the memory is read once all the same.
pub(crate) fn open_run(
    format: &dyn Format,
    aead: &mut Aead,
    place: Place,
    sealed: &[u8],
    mut copy: Option<&mut Vec<u8>>,
    plain: &mut [u8],
) -> Opened {
    let layout = format.layout();
    let mut released = 0;
    let count = sealed.len().div_ceil(layout.sealed_chunk());
    let chunks = sealed.chunks(layout.sealed_chunk());
    for ((i, sealed), chunk) in chunks.enumerate().zip(place.first..) {
        let last = place.last && i + 1 == count;
        let size = sealed.len().checked_sub(layout.tag);
        let Some((size, plain)) =
            size.and_then(|size| Some((size, plain.get_mut(released..released + size)?)))
        else {
            let end = Err(Error::Truncated);
            return Opened { released, end };
        };
        let sealed = match &mut copy {
            None => sealed,
            Some(copy) => {
                copy.clear();
                copy.extend_from_slice(sealed);
                copy
            }
        };
        let end = open_chunk(format, aead, chunk, last, sealed, plain);
        if end.is_ok() || is_boundary(&end) {
            released += size;
        }
        if end.is_err() {
            return Opened { released, end };
        }
    }
    Opened {
        released,
        end: if count == 0 {
            Err(Error::Truncated)
        } else {
            Ok(())
        },
    }
}

/// Opens one chunk. Where it is genuine, but the message was cut or extended
/// exactly at its boundary, the boundary is blamed.
fn open_chunk(
    format: &dyn Format,
    aead: &mut Aead,
    chunk: u64,
    last: bool,
    sealed: &[u8],
    plain: &mut [u8],
) -> Result<(), Error> {
    let end = aead.open(&format.nonce(chunk, last), sealed, plain);
    let layout = format.layout();
    let full = plain.len() == layout.chunk;
    match layout.last {
        LastChunk::MayBeFull => {
            if full && matches!(end, Err(Error::Authentication)) {
                // It may be intact as the other kind.
                aead.open(&format.nonce(chunk, !last), sealed, plain)?;
                return Err(if last {
                    Error::Truncated
                } else {
                    Error::Trailing
                });
            }
            if end.is_ok() && plain.is_empty() && chunk > 0 {
                // Only an empty message has an empty chunk.
                return Err(Error::Authentication);
            }
        }
        LastChunk::IsShorter => {
            if last && full && end.is_ok() {
                return Err(Error::Truncated);
            }
        }
    }
    end
}

fn is_boundary(end: &Result<(), Error>) -> bool {
    matches!(end, Err(Error::Truncated | Error::Trailing))
}
