//! Many small messages under one key, each bound to a context of its own
//! (docs/formats.md, "Batches").

use crate::aead::Aead;
use crate::chunks::{Place, open_run, seal_run};
use crate::cobblestone::{Cobblestone, CobblestoneKey, LAYOUT, PREFIX_SIZE, SALT_SIZE};
use crate::engine::{run, worth_waking};
use crate::error::Error;
use crate::format::{Format, random};
use crate::layout::UNIT;
use crate::room::zeroed;
use crate::slice::{Stability, open_slice, seal_slice};
use crate::watch::Watch;

/// Small objects that a thread claims at a time.
const CLAIM: usize = 64;

/// The whole message in one run.
const WHOLE: Place = Place {
    first: 0,
    last: true,
};

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
    each(objects, threads, watch, |object, hands| {
        let salt = match &mut *hands {
            Hands::One(worker) => worker.salt()?,
            Hands::All(..) => random()?,
        };
        let (prefix, format) = key.begin_in(object.context, &salt);
        let size = to_usize(LAYOUT.sealed_size(object.data.len() as u64)?)?;
        let mut sealed = zeroed(PREFIX_SIZE.saturating_add(size))?;
        let (front, chunks) = sealed.split_at_mut(PREFIX_SIZE);
        front.copy_from_slice(&prefix);
        match hands {
            Hands::One(worker) => {
                let aead = keyed(&mut worker.aead, &format)?;
                seal_run(&format, aead, WHOLE, object.data, chunks)?;
            }
            Hands::All(threads, watch) => {
                seal_slice(&format, object.data, chunks, *threads, *watch)?;
            }
        }
        Ok(sealed)
    })
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
    each(objects, threads, watch, |object, hands| {
        let (prefix, chunks) = object
            .data
            .split_at_checked(PREFIX_SIZE)
            .ok_or(Error::Truncated)?;
        let format = key.resume_in(object.context, prefix)?;
        let mut plain = zeroed(to_usize(LAYOUT.plain_size(chunks.len() as u64)?)?)?;
        match hands {
            Hands::One(Worker { aead, copy, .. }) => {
                let aead = keyed(aead, &format)?;
                open_run(&format, aead, WHOLE, chunks, Some(copy), &mut plain).end?;
            }
            Hands::All(threads, watch) => {
                let stability = Stability::Shared;
                open_slice(&format, chunks, stability, &mut plain, *threads, *watch)?;
            }
        }
        Ok(plain)
    })
}

/// Who works on an object.
enum Hands<'a> {
    /// One thread among several that have objects of their own.
    One(&'a mut Worker),
    /// So many threads together, and who watches them.
    All(usize, &'a mut dyn Watch),
}

/// What a thread keeps from object to object: for small ones, making it anew costs
/// as much as the work itself.
#[derive(Default)]
struct Worker {
    aead: Option<Aead>,
    copy: Vec<u8>,
    salts: Vec<[u8; SALT_SIZE]>,
}

impl Worker {
    fn salt(&mut self) -> Result<[u8; SALT_SIZE], Error> {
        if self.salts.is_empty() {
            let random = random::<{ SALT_SIZE * CLAIM }>()?;
            self.salts.extend(random.as_chunks().0);
        }
        self.salts.pop().ok_or(Error::Backend)
    }
}

/// The thread's cipher with the key of a message.
fn keyed<'a>(slot: &'a mut Option<Aead>, format: &Cobblestone) -> Result<&'a mut Aead, Error> {
    match slot {
        Some(aead) => aead.rekey(format.key())?,
        None => *slot = Some(format.cipher()),
    }
    slot.as_mut().ok_or(Error::Backend)
}

/// Works on all objects, with the results in their order: small ones some at a time,
/// each large one by all threads.
fn each(
    objects: &[Object],
    threads: usize,
    watch: &mut dyn Watch,
    work: impl Fn(&Object, &mut Hands) -> Result<Vec<u8>, Error> + Sync,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut results = Vec::with_capacity(objects.len());
    for group in objects.chunk_by(|first, second| !is_large(first) && !is_large(second)) {
        match group {
            [object] => results.push(work(object, &mut Hands::All(threads, watch))?),
            small => results.append(&mut each_small(small, threads, watch, &work)?),
        }
    }
    Ok(results)
}

fn each_small(
    objects: &[Object],
    threads: usize,
    watch: &mut dyn Watch,
    work: &(impl Fn(&Object, &mut Hands) -> Result<Vec<u8>, Error> + Sync),
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
        claims(objects, &mut results),
        || Ok(Worker::default()),
        |worker, (objects, results)| {
            let mut done = 0;
            for (object, result) in objects.iter().zip(results) {
                *result = work(object, &mut Hands::One(worker))?;
                done += object.data.len() as u64;
            }
            Ok(done)
        },
        watch,
    )?;
    Ok(results)
}

/// What a thread claims at a time: so many objects, or fewer where they are not small,
/// so that all threads have something to do.
fn claims<'a>(
    objects: &'a [Object<'a>],
    results: &'a mut [Vec<u8>],
) -> impl Iterator<Item = (&'a [Object<'a>], &'a mut [Vec<u8>])> {
    let size = objects
        .iter()
        .map(|object| object.data.len())
        .sum::<usize>();
    let claim = UNIT / (size / objects.len().max(1)).max(1);
    let claim = claim.clamp(1, CLAIM);
    objects.chunks(claim).zip(results.chunks_mut(claim))
}

fn is_large(object: &Object) -> bool {
    object.data.len() > UNIT
}

fn to_usize(size: u64) -> Result<usize, Error> {
    usize::try_from(size).map_err(|_| Error::Limit("the result does not fit the memory"))
}
