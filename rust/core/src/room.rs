//! Buffers of the size of a unit and more, which there may be no memory for.
//!
//! Rust ends the process where memory is missing, and with it whoever called us
//! from Python. Small things are left to that; what is large is asked for.

use std::io;

use rustix::process::{Resource, getrlimit};

use crate::error::Error;

/// The addresses that a thread takes: 64 MiB that glibc sets aside for what it
/// allocates, whether it uses them or not, its stack, and the units it works on.
const THREAD_SIZE: usize = 72 << 20;

/// A buffer of zeros.
///
/// # Errors
/// [`io::ErrorKind::OutOfMemory`] where there is no memory for it.
pub fn zeroed(size: usize) -> Result<Vec<u8>, Error> {
    let mut buffer = Vec::new();
    resize(&mut buffer, size)?;
    Ok(buffer)
}

/// Gives a buffer a length; what is new in it is zero.
pub(crate) fn resize(buffer: &mut Vec<u8>, size: usize) -> Result<(), Error> {
    let more = size.saturating_sub(buffer.len());
    buffer.try_reserve_exact(more).map_err(|_| missing())?;
    buffer.resize(size, 0);
    Ok(())
}

/// Whether a limit on the process's addresses has room for so many threads. One
/// that finds no memory as it starts ends the process.
pub(crate) fn for_threads(count: usize) -> bool {
    let limited = getrlimit(Resource::As).current.is_some();
    !limited || fits(count.saturating_mul(THREAD_SIZE))
}

fn fits(size: usize) -> bool {
    Vec::<u8>::new().try_reserve_exact(size).is_ok()
}

fn missing() -> Error {
    Error::Io(io::ErrorKind::OutOfMemory.into())
}
