//! Many small messages under one key, each bound to a context of its own
//! (docs/formats.md, "Batches").

use crate::cobblestone::CobblestoneKey;
use crate::engine::{run, worth_waking};
use crate::error::Error;
use crate::format::PayloadKey;
use crate::room::{resize, zeroed};
use crate::slice::{Stability, open_slice, seal_slice};
use crate::watch::Watch;

/// Objects that a thread claims at a time.
const CLAIM: usize = 64;

/// One object: the context that it is bound to, and its content.
pub struct Object<'a> {
    /// What it is sealed as.
    pub context: &'a [u8],
    /// Its plaintext, or its sealed message.
    pub data: &'a [u8],
}

/// Seals each object to a message of its own, on several threads.
///
/// # Errors
/// Those of the operating system, of the backend and of the watcher.
pub fn seal_batch(
    key: &CobblestoneKey,
    objects: &[Object],
    threads: usize,
    watch: &mut dyn Watch,
) -> Result<Vec<Vec<u8>>, Error> {
    each(objects, threads, watch, |object| seal(key, object))
}

/// Opens each message, on several threads.
///
/// # Errors
/// The first object that does not open, by its index, and why.
pub fn open_batch(
    key: &CobblestoneKey,
    objects: &[Object],
    threads: usize,
    watch: &mut dyn Watch,
) -> Result<Vec<Vec<u8>>, Error> {
    each(objects, threads, watch, |object| open(key, object))
}

fn seal(key: &CobblestoneKey, object: &Object) -> Result<Vec<u8>, Error> {
    let (mut sealed, format) = key.in_context(object.context).begin()?;
    let start = sealed.len();
    let size = format.layout().sealed_size(object.data.len() as u64)?;
    resize(&mut sealed, start + to_usize(size)?)?;
    seal_slice(&*format, object.data, &mut sealed[start..], 1, &mut ())?;
    Ok(sealed)
}

fn open(key: &CobblestoneKey, object: &Object) -> Result<Vec<u8>, Error> {
    let key = key.in_context(object.context);
    let (prefix, chunks) = object
        .data
        .split_at_checked(key.prefix_size())
        .ok_or(Error::Truncated)?;
    let format = key.resume(prefix)?;
    let size = format.layout().plain_size(chunks.len() as u64)?;
    let mut plain = zeroed(to_usize(size)?)?;
    open_slice(&*format, chunks, Stability::Shared, &mut plain, 1, &mut ())?;
    Ok(plain)
}

/// Works on all objects, some at a time, with the results in their order.
fn each(
    objects: &[Object],
    threads: usize,
    watch: &mut dyn Watch,
    work: impl Fn(&Object) -> Result<Vec<u8>, Error> + Sync,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut results = vec![Vec::new(); objects.len()];
    let size = objects.iter().map(|object| object.data.len() as u64).sum();
    // Waking threads pays for many small objects as it does for a large one.
    let threads = match objects.len() {
        0..=CLAIM => worth_waking(threads, size),
        many => threads.min(many.div_ceil(CLAIM)),
    };
    run(
        threads,
        objects.chunks(CLAIM).zip(results.chunks_mut(CLAIM)),
        || Ok(()),
        |(), (objects, results)| {
            let mut done = 0;
            for (object, result) in objects.iter().zip(results) {
                *result = work(object)?;
                done += object.data.len() as u64;
            }
            Ok(done)
        },
        watch,
    )?;
    Ok(results)
}

fn to_usize(size: u64) -> Result<usize, Error> {
    usize::try_from(size).map_err(|_| Error::Limit("the result does not fit the memory"))
}
