//! Buffer to buffer, on all threads, without a copy.

use crate::chunks::{Opened, Place, open_run, seal_run};
use crate::engine::{run, worth_waking};
use crate::error::Error;
use crate::format::Format;
use crate::layout::WRONG_SIZE;
use crate::watch::Watch;

/// Seals `plain` into `sealed`, which has exactly [`crate::Layout::sealed_size`] bytes.
///
/// # Errors
/// [`Error::Limit`] for an output of another size, and the watcher's.
pub fn seal_slice(
    format: &dyn Format,
    plain: &[u8],
    sealed: &mut [u8],
    threads: usize,
    watch: &mut dyn Watch,
) -> Result<(), Error> {
    let layout = format.layout();
    if layout.sealed_size(plain.len() as u64)? != sealed.len() as u64 {
        return Err(WRONG_SIZE);
    }
    let units = layout.units(plain.len() as u64);
    // A last chunk without plaintext is still a chunk, and may be a unit.
    let inputs = plain.chunks(layout.unit()).map(Some);
    let inputs = inputs.chain(std::iter::once(None));
    let pairs = inputs.zip(sealed.chunks_mut(layout.sealed_unit()));
    run(
        worth_waking(threads, plain.len() as u64),
        (0..).zip(pairs),
        || Ok(format.cipher()),
        |aead, (i, (plain, sealed))| {
            let plain = plain.unwrap_or_default();
            let place = Place::of_unit(layout, i, units);
            seal_run(format, aead, place, plain, sealed)?;
            Ok(plain.len() as u64)
        },
        watch,
    )
}

/// Whether somebody else could write into an input while it is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    /// Nobody can.
    Stable,
    /// Somebody could: each chunk is copied before it is authenticated, since what
    /// is decrypted must be what was authenticated.
    Shared,
}

/// Opens `sealed` into `plain`, which has exactly [`crate::Layout::plain_size`] bytes and
/// is cleared where anything fails.
///
/// # Errors
/// Those of the payload, [`Error::Limit`] for an output of another size, and
/// the watcher's.
pub fn open_slice(
    format: &dyn Format,
    sealed: &[u8],
    stability: Stability,
    plain: &mut [u8],
    threads: usize,
    watch: &mut dyn Watch,
) -> Result<(), Error> {
    let layout = format.layout();
    if layout.plain_size(sealed.len() as u64)? != plain.len() as u64 {
        return Err(WRONG_SIZE);
    }
    let units = layout.units(plain.len() as u64);
    let threads = worth_waking(threads, plain.len() as u64);
    let end = {
        // A last chunk without plaintext is still a chunk, and may be a unit.
        let outputs = plain.chunks_mut(layout.unit()).map(Some);
        let outputs = outputs.chain(std::iter::once(None));
        let pairs = sealed.chunks(layout.sealed_unit()).zip(outputs);
        run(
            threads,
            (0..).zip(pairs),
            || Ok((format.cipher(), Vec::new())),
            |(aead, copy), (i, (sealed, plain))| {
                let plain = plain.unwrap_or_default();
                let copy = (stability == Stability::Shared).then_some(copy);
                let place = Place::of_unit(layout, i, units);
                let Opened { released, end } = open_run(format, aead, place, sealed, copy, plain);
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
