//! Buffer to buffer, on all threads, without a copy.

use crate::chunks::{Opened, Place, open_run, seal_run};
use crate::engine::{run, worth_waking};
use crate::error::Error;
use crate::format::Format;
use crate::watch::Watch;

const WRONG_SIZE: Error = Error::Limit("the output buffer does not have the size of the result");

/// Seals `plain` into `sealed`, which has exactly [`crate::Layout::sealed_size`] bytes.
///
/// # Errors
/// [`Error::Limit`] for an output of another size, and the watcher's.
pub fn seal_slice<F: Format>(
    format: &F,
    plain: &[u8],
    sealed: &mut [u8],
    threads: usize,
    watch: &mut dyn Watch,
) -> Result<(), Error> {
    if F::LAYOUT.sealed_size(plain.len() as u64)? != sealed.len() as u64 {
        return Err(WRONG_SIZE);
    }
    if plain.is_empty() {
        let place = Place {
            first: 0,
            last: true,
        };
        return seal_run(format, &mut format.cipher()?, place, plain, sealed);
    }
    let units = plain.len().div_ceil(F::LAYOUT.unit()) as u64;
    let pairs = plain
        .chunks(F::LAYOUT.unit())
        .zip(sealed.chunks_mut(F::LAYOUT.sealed_unit()));
    run(
        worth_waking(threads, plain.len() as u64),
        (0..).zip(pairs),
        || format.cipher(),
        |aead, (i, (plain, sealed))| {
            seal_run(format, aead, Place::of_unit::<F>(i, units), plain, sealed)?;
            Ok(plain.len() as u64)
        },
        watch,
    )
}

/// Opens `sealed` into `plain`, which has exactly [`crate::Layout::plain_size`] bytes and
/// is cleared where anything fails.
///
/// # Errors
/// Those of the payload, [`Error::Limit`] for an output of another size, and
/// the watcher's.
pub fn open_slice<F: Format>(
    format: &F,
    sealed: &[u8],
    plain: &mut [u8],
    threads: usize,
    watch: &mut dyn Watch,
) -> Result<(), Error> {
    if F::LAYOUT.plain_size(sealed.len() as u64)? != plain.len() as u64 {
        return Err(WRONG_SIZE);
    }
    let units = sealed.len().div_ceil(F::LAYOUT.sealed_unit()) as u64;
    let threads = worth_waking(threads, plain.len() as u64);
    let end = {
        // An empty message still has a chunk, and so a unit, to be opened.
        let outputs = plain.chunks_mut(F::LAYOUT.unit()).map(Some);
        let outputs = outputs.chain(std::iter::once(None));
        let pairs = sealed.chunks(F::LAYOUT.sealed_unit()).zip(outputs);
        run(
            threads,
            (0..).zip(pairs),
            || format.cipher(),
            |aead, (i, (sealed, plain))| {
                let plain = plain.unwrap_or_default();
                let place = Place::of_unit::<F>(i, units);
                let Opened { released, end } = open_run(format, aead, place, sealed, plain);
                end.map(|()| released as u64)
            },
            watch,
        )
    };
    if end.is_err() {
        plain.fill(0);
    }
    end
}
