//! Progress, cancellation and Ctrl-C for work that runs without the GIL.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use passkeep_core::Watch;
use pyo3::prelude::*;

use crate::errors::CancelledError;

/// How often the interpreter is asked for signals and told of progress: well
/// below what a person notices, and cheap beside the work of that time.
const INTERVAL: Duration = Duration::from_millis(50);

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

/// What the caller asked to be told, and when to stop.
pub(crate) struct Watcher {
    progress: Option<Py<PyAny>>,
    cancel: Option<Arc<AtomicBool>>,
    last: Option<Instant>,
}

impl Watcher {
    pub(crate) fn new(progress: Option<Py<PyAny>>, cancel: Option<&CancelToken>) -> Self {
        Self {
            progress,
            cancel: cancel.map(|token| Arc::clone(&token.flag)),
            last: None,
        }
    }

    /// Tells the last figure, however short the time since the one before.
    pub(crate) fn finish(&mut self, done: u64) -> io::Result<()> {
        self.last = None;
        self.tick(done)
    }
}

impl Watch for Watcher {
    fn tick(&mut self, done: u64) -> io::Result<()> {
        if let Some(flag) = &self.cancel
            && flag.load(Ordering::Relaxed)
        {
            return Err(CancelledError::new_err("cancelled").into());
        }
        if self.last.is_some_and(|last| last.elapsed() < INTERVAL) {
            return Ok(());
        }
        self.last = Some(Instant::now());
        Python::attach(|py| {
            py.check_signals()?;
            match &self.progress {
                Some(progress) => progress.call1(py, (done,)).map(drop),
                None => Ok(()),
            }
        })
        .map_err(io::Error::from)
    }
}
