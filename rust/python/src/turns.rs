//! Objects that several threads of Python share, one at a time.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, TryLockError};
use std::time::Duration;

use passkeep_core::Error;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::errors::{from_core, from_io};
use crate::watch::Stop;

/// How long a thread sleeps at most before it asks again whether it is its turn.
const PATIENCE: Duration = Duration::from_millis(1);

const NOBODY: u64 = 0;

static THREADS: AtomicU32 = AtomicU32::new(1);

thread_local! {
    static THREAD: u32 = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// A value that one thread uses at a time. Others wait until it is done, and
/// signal handlers run meanwhile.
///
/// Two things that would hang with a lock are errors: a callback that uses the
/// object whose work called it, and a forked process whose parent was using it.
/// That is why whoever waits asks again and again: a queue of those who wait is a
/// lock, too, which a fork may find taken.
pub(crate) struct Turns<T> {
    /// The process and the thread that use the value.
    holder: AtomicU64,
    /// Locked only by the holder, who therefore never waits for it.
    value: Mutex<T>,
}

impl<T> Turns<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            holder: AtomicU64::new(NOBODY),
            value: Mutex::new(value),
        }
    }

    /// Uses the value. Never called with the GIL: who has the value may be waiting
    /// for it.
    pub(crate) fn take<R>(&self, work: impl FnOnce(&mut T) -> PyResult<R>) -> PyResult<R> {
        let _turn = self.wait()?;
        match self.value.try_lock() {
            Ok(mut value) => work(&mut value),
            Err(TryLockError::Poisoned(value)) => work(&mut value.into_inner()),
            Err(TryLockError::WouldBlock) => Err(reentrant()),
        }
    }

    /// Whether a thread of another process uses the value, and so for ever.
    pub(crate) fn is_lost(&self) -> bool {
        let holder = self.holder.load(Ordering::Relaxed);
        holder != NOBODY && holder >> 32 != u64::from(std::process::id())
    }

    fn wait(&self) -> PyResult<Turn<'_>> {
        let process = u64::from(std::process::id()) << 32;
        let me = process | u64::from(THREAD.with(|thread| *thread));
        let mut stop = Stop::default();
        let mut pause = Duration::from_micros(20);
        loop {
            let taken =
                self.holder
                    .compare_exchange(NOBODY, me, Ordering::Acquire, Ordering::Relaxed);
            match taken {
                Ok(_) => return Ok(Turn(&self.holder)),
                Err(holder) if holder == me => return Err(reentrant()),
                // The thread that has it did not come along.
                Err(_) if self.is_lost() => return Err(from_core(Error::Forked)),
                Err(_) => {}
            }
            stop.look().map_err(from_io)?;
            std::thread::sleep(pause);
            pause = (2 * pause).min(PATIENCE);
        }
    }
}

/// Ends with its drop.
struct Turn<'a>(&'a AtomicU64);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(NOBODY, Ordering::Release);
    }
}

fn reentrant() -> PyErr {
    PyRuntimeError::new_err("a callback uses the object whose work it belongs to")
}
