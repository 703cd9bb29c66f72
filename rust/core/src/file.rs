//! File to file: every thread claims a unit, reads it where it lies, works on
//! it and writes it where it belongs.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::aead::Aead;
use crate::chunks::{Opened, Place, open_run, seal_run};
use crate::engine::{run, worth_waking};
use crate::error::Error;
use crate::format::Format;
use crate::layout::UNIT;
use crate::parts::Parts;
use crate::room::resize;
use crate::watch::Watch;

/// Where a payload lies in a file.
#[derive(Clone, Copy)]
struct Span {
    offset: u64,
    size: u64,
}

/// Seals the whole of `source` into `target`, whose first chunk stands at
/// `offset`. What is written is hashed on the way. Returns the plaintext size.
///
/// # Errors
/// [`Error::Changed`] where `source` shrinks or grows meanwhile, and those of
/// the files. `target` is worthless then.
pub fn seal_file(
    format: &dyn Format,
    source: &File,
    target: &File,
    offset: u64,
    threads: usize,
    hash: Option<&Parts>,
    watch: &mut dyn Watch,
) -> Result<u64, Error> {
    let layout = format.layout();
    let size = source.metadata()?.len();
    let sealed_size = layout.sealed_size(size)?;
    reserve(
        target,
        Span {
            offset,
            size: sealed_size,
        },
    )?;
    let unit = layout.unit() as u64;
    let units = layout.units(size);
    run(
        worth_waking(threads, size),
        0..units,
        || Ok(Worker::new(format)),
        |worker, i| {
            let (plain, sealed) = (i * unit, i * layout.sealed_unit() as u64);
            let length = usize::try_from(unit.min(size - plain)).unwrap_or(UNIT);
            resize(&mut worker.plain, length)?;
            read_exact_at(source, &mut worker.plain, plain, &Error::Changed)?;
            let place = Place::of_unit(layout, i, units);
            let chunks = layout.run_chunks(length, place.last);
            resize(&mut worker.sealed, length + chunks * layout.tag)?;
            seal_run(
                format,
                &mut worker.aead,
                place,
                &worker.plain,
                &mut worker.sealed,
            )?;
            if let Some(hash) = hash {
                hash.add(i, sealed, &worker.sealed);
            }
            target.write_all_at(&worker.sealed, offset + sealed)?;
            Ok(length as u64)
        },
        watch,
    )?;
    if source.metadata()?.len() == size {
        Ok(size)
    } else {
        Err(Error::Changed)
    }
}

/// Opens the payload that lies in `source` from `offset` to its end into
/// `target`. Returns the plaintext size.
///
/// # Errors
/// Those of the payload and of the files. `target` is worthless then: other
/// than a stream, it may hold verified chunks from behind the bad one.
pub fn open_file(
    format: &dyn Format,
    source: &File,
    offset: u64,
    target: &File,
    threads: usize,
    watch: &mut dyn Watch,
) -> Result<u64, Error> {
    let sealed_size = source.metadata()?.len().checked_sub(offset);
    let sealed_size = sealed_size.ok_or(Error::Truncated)?;
    let layout = format.layout();
    let size = layout.plain_size(sealed_size)?;
    reserve(target, Span { offset: 0, size })?;
    let unit = layout.sealed_unit() as u64;
    let units = layout.units(size);
    run(
        worth_waking(threads, size),
        0..units,
        || Ok(Worker::new(format)),
        |worker, i| {
            let (sealed, plain) = (i * unit, i * layout.unit() as u64);
            let length = usize::try_from(unit.min(sealed_size - sealed)).unwrap_or(UNIT);
            resize(&mut worker.sealed, length)?;
            read_exact_at(
                source,
                &mut worker.sealed,
                offset + sealed,
                &Error::Truncated,
            )?;
            resize(&mut worker.plain, layout.unit())?;
            let place = Place::of_unit(layout, i, units);
            let Opened { released, end } = open_run(
                format,
                &mut worker.aead,
                place,
                &worker.sealed,
                None,
                &mut worker.plain,
            );
            end?;
            target.write_all_at(&worker.plain[..released], plain)?;
            Ok(released as u64)
        },
        watch,
    )?;
    if source.metadata()?.len() == offset + sealed_size {
        Ok(size)
    } else {
        Err(Error::Changed)
    }
}

/// A thread's cipher and buffers.
struct Worker {
    aead: Aead,
    plain: Vec<u8>,
    sealed: Vec<u8>,
}

impl Worker {
    fn new(format: &dyn Format) -> Self {
        Self {
            aead: format.cipher(),
            plain: Vec::new(),
            sealed: Vec::new(),
        }
    }
}

fn read_exact_at(file: &File, buffer: &mut [u8], at: u64, short: &Error) -> Result<(), Error> {
    file.read_exact_at(buffer, at)
        .map_err(|error| match (error.kind(), short) {
            (std::io::ErrorKind::UnexpectedEof, Error::Truncated) => Error::Truncated,
            (std::io::ErrorKind::UnexpectedEof, _) => Error::Changed,
            _ => Error::Io(error),
        })
}

/// Gives the target its final size at once: the file system can lay it out in
/// one piece, a full disk is noticed before the work and not after it, and
/// threads that write side by side do not extend the file under each other.
fn reserve(target: &File, span: Span) -> Result<(), Error> {
    target.set_len(span.offset + span.size)?;
    if span.size == 0 {
        return Ok(());
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        let reserve = || fallocate(target, FallocateFlags::empty(), span.offset, span.size);
        match rustix::io::retry_on_intr(reserve) {
            // A file system that cannot reserve is written to as it is.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            Err(error) => return Err(Error::Io(error.into())),
        }
    }
    Ok(())
}
