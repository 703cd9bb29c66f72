//! Sealing and opening a run of consecutive chunks on one thread.

use crate::aead::Aead;
use crate::error::Error;
use crate::format::Format;

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
    pub(crate) fn of_unit<F: Format>(unit: u64, units: u64) -> Self {
        Self {
            first: unit * F::LAYOUT.unit_chunks() as u64,
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
/// run that ends a message may hold a partial chunk, and only an empty message
/// is an empty run.
pub(crate) fn seal_run<F: Format>(
    format: &F,
    aead: &mut Aead,
    place: Place,
    plain: &[u8],
    sealed: &mut [u8],
) -> Result<(), Error> {
    if plain.is_empty() {
        return aead.seal(&format.nonce(place.first, true), plain, sealed);
    }
    let count = plain.len().div_ceil(F::LAYOUT.chunk);
    let pairs = plain
        .chunks(F::LAYOUT.chunk)
        .zip(sealed.chunks_mut(F::LAYOUT.sealed_chunk()));
    for ((i, (plain, sealed)), chunk) in pairs.enumerate().zip(place.first..) {
        let last = place.last && i + 1 == count;
        aead.seal(&format.nonce(chunk, last), plain, sealed)?;
    }
    Ok(())
}

/// Opens `sealed` into the front of `plain`, chunk by chunk, up to the first
/// one that does not authenticate.
pub(crate) fn open_run<F: Format>(
    format: &F,
    aead: &mut Aead,
    place: Place,
    sealed: &[u8],
    plain: &mut [u8],
) -> Opened {
    let mut released = 0;
    let count = sealed.len().div_ceil(F::LAYOUT.sealed_chunk());
    let chunks = sealed.chunks(F::LAYOUT.sealed_chunk());
    for ((i, sealed), chunk) in chunks.enumerate().zip(place.first..) {
        let last = place.last && i + 1 == count;
        let size = sealed.len().checked_sub(F::LAYOUT.tag);
        let Some((size, plain)) =
            size.and_then(|size| Some((size, plain.get_mut(released..released + size)?)))
        else {
            let end = Err(Error::Truncated);
            return Opened { released, end };
        };
        let mut end = aead.open(&format.nonce(chunk, last), sealed, plain);
        if matches!(end, Err(Error::Authentication)) && size == F::LAYOUT.chunk {
            end = explain(format, aead, chunk, last, sealed, plain);
        }
        if end.is_ok() && size == 0 && chunk > 0 {
            // Only an empty message has an empty chunk.
            end = Err(Error::Authentication);
        }
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

/// A full chunk that fails as what its place says may be intact as the other
/// kind: then the message was cut, or extended, exactly at a chunk boundary.
/// The chunk itself is genuine, so it is released and the boundary is blamed.
fn explain<F: Format>(
    format: &F,
    aead: &mut Aead,
    chunk: u64,
    last: bool,
    sealed: &[u8],
    plain: &mut [u8],
) -> Result<(), Error> {
    aead.open(&format.nonce(chunk, !last), sealed, plain)?;
    Err(if last {
        Error::Truncated
    } else {
        Error::Trailing
    })
}

fn is_boundary(end: &Result<(), Error>) -> bool {
    matches!(end, Err(Error::Truncated | Error::Trailing))
}
