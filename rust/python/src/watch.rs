//! Progress, cancellation and Ctrl-C for work that runs without the GIL.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use passkeep_core::Watch;
use pyo3::prelude::*;

use crate::errors::{CancelledError, attached, to_io};

/// How often the interpreter is asked for signals and told of progress: well
/// below what a person notices, and cheap beside the work of that time.
pub(crate) const INTERVAL: Duration = Duration::from_millis(50);

/// Stops an operation from another thread, within a fifth of a second.
#[pyclass(frozen, module = "passkeep")]
pub(crate) struct CancelToken {
    flag: Arc<AtomicBool>,
}

#[pymethods]
impl CancelToken {
    #[new]
    fn new() -> Self {
        Self {
            flag: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Asks the operations that were given this token to stop.
    fn cancel(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Whether `cancel` was called.
    #[getter]
    fn cancelled(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }
}

/// What may stop work: the caller's token, and Python's signals. Shared by
/// everything of an operation that may wait.
#[derive(Default)]
pub(crate) struct Stop {
    cancel: Option<Arc<AtomicBool>>,
    last: Option<Instant>,
}

impl Stop {
    pub(crate) fn new(cancel: Option<&CancelToken>) -> Self {
        Self {
            cancel: cancel.map(|token| Arc::clone(&token.flag)),
            last: None,
        }
    }

    /// Fails where the work is to stop. Cheap enough for every step of it: the
    /// interpreter is asked only now and then.
    pub(crate) fn look(&mut self) -> io::Result<()> {
        if self.last.is_some_and(|last| last.elapsed() < INTERVAL) {
            return self.look_at_token();
        }
        self.look_now()
    }

    /// Fails where the work is to stop, and runs signal handlers in any case:
    /// for when a system call was interrupted, or has waited.
    pub(crate) fn look_now(&mut self) -> io::Result<()> {
        self.look_at_token()?;
        self.last = Some(Instant::now());
        // The method itself is not general enough in its lifetime.
        #[allow(clippy::redundant_closure_for_method_calls)]
        attached(|py| py.check_signals())
    }

    fn look_at_token(&self) -> io::Result<()> {
        match &self.cancel {
            Some(flag) if flag.load(Ordering::Relaxed) => {
                Err(to_io(CancelledError::new_err("cancelled")))
            }
            _ => Ok(()),
        }
    }
}

/// What the caller asked to be told, and when to stop.
pub(crate) struct Watcher {
    progress: Option<Py<PyAny>>,
    told: Option<Instant>,
    stop: Stop,
}

impl Watcher {
    pub(crate) fn new(progress: Option<Py<PyAny>>, cancel: Option<&CancelToken>) -> Self {
        Self {
            progress,
            told: None,
            stop: Stop::new(cancel),
        }
    }

    /// Tells the last figure, however short the time since the one before.
    pub(crate) fn finish(&mut self, done: u64) -> io::Result<()> {
        self.told = None;
        self.tick(done)
    }
}

impl Watch for Watcher {
    fn tick(&mut self, done: u64) -> io::Result<()> {
        self.stop.look()?;
        let Some(progress) = &self.progress else {
            return Ok(());
        };
        if self.told.is_some_and(|told| told.elapsed() < INTERVAL) {
            return Ok(());
        }
        self.told = Some(Instant::now());
        attached(|py| progress.call1(py, (done,)).map(drop))
    }
}
