//! Rust errors as the exceptions of `passkeep.errors`.

use std::io;

use passkeep_core::Error;
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;

pyo3::import_exception!(passkeep.errors, CancelledError);
pyo3::import_exception!(passkeep.errors, DamagedError);
pyo3::import_exception!(passkeep.errors, InvalidInputError);
pyo3::import_exception!(passkeep.errors, LimitError);
pyo3::import_exception!(passkeep.errors, NotInBackupError);
pyo3::import_exception!(passkeep.errors, OutputError);

/// The exception for an error of the core.
pub(crate) fn from_core(error: Error) -> PyErr {
    match error {
        Error::Io(error) => from_io(error),
        Error::Limit(message) => LimitError::new_err(message),
        error if error.is_damage() => DamagedError::new_err(error.to_string()),
        error @ Error::Changed => OutputError::new_err(error.to_string()),
        other => PyRuntimeError::new_err(other.to_string()),
    }
}

/// The exception for an error of the system, or the one that passed through it:
/// a Python exception raised by a callback, or an error of the core.
pub(crate) fn from_io(error: io::Error) -> PyErr {
    match Error::from(error) {
        Error::Io(error) => match error.raw_os_error() {
            // With an errno, OSError chooses its own subclass.
            Some(code) => PyOSError::new_err((code, describe(&error))),
            None => error.into(),
        },
        other => from_core(other),
    }
}

/// A Python exception on its way through [`std::io`]; [`from_io`] takes it out
/// again. Its kind never says what it is: std takes `Interrupted` as a reason to
/// call again, and would call a callback that raises `InterruptedError` for ever.
pub(crate) fn to_io(error: PyErr) -> io::Error {
    io::Error::other(error)
}

/// Calls Python from work that runs without the GIL. Fails where the interpreter ended
/// meanwhile, as it does while daemon threads work.
pub(crate) fn attached<T>(call: impl FnOnce(Python<'_>) -> PyResult<T>) -> io::Result<T> {
    match Python::try_attach(call) {
        Some(result) => result.map_err(to_io),
        None => Err(io::Error::other("the interpreter has ended")),
    }
}

/// The system's words, without the number that Rust adds and Python adds again.
pub(crate) fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
