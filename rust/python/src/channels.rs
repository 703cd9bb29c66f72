//! Where payloads come from and go to: files by path, the standard streams by
//! number, or Python file objects.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffers::Input;
use crate::errors::from_io;

const STDIN: i32 = 0;
const STDOUT: i32 = 1;

/// A file, pipe or Python object that is read.
pub(crate) enum Source {
    Path(File),
    Stream(File),
    Object(Py<PyAny>),
}

/// A file, pipe or Python object that is written.
pub(crate) enum Sink {
    Path(File),
    Stream(File),
    Object(Py<PyAny>),
}

impl Source {
    /// The file behind this source where it may be read by position. Files that
    /// the kernel makes up claim to be empty, and are read as streams.
    pub(crate) fn regular(&self) -> Option<&File> {
        match self {
            Self::Path(file) => {
                regular(file).filter(|file| file.metadata().is_ok_and(|about| about.len() > 0))
            }
            Self::Stream(_) | Self::Object(_) => None,
        }
    }
}

impl Sink {
    /// The file behind this sink where it may be written by position. A
    /// standard stream never may: it can stand in the middle of a file.
    pub(crate) fn regular(&self) -> Option<&File> {
        match self {
            Self::Path(file) => regular(file),
            Self::Stream(_) | Self::Object(_) => None,
        }
    }
}

fn regular(file: &File) -> Option<&File> {
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file())
        .then_some(file)
}

impl<'py> FromPyObject<'_, 'py> for Source {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(number) = object.extract::<i32>() {
            if number != STDIN {
                return Err(PyValueError::new_err("only descriptor 0 can be read"));
            }
            return duplicate(io::stdin()).map(Self::Stream);
        }
        if let Ok(path) = object.extract::<PathBuf>() {
            return File::open(path).map(Self::Path).map_err(from_io);
        }
        has_method(&object, "read")?;
        Ok(Self::Object(object.to_owned().unbind()))
    }
}

impl<'py> FromPyObject<'_, 'py> for Sink {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(number) = object.extract::<i32>() {
            if number != STDOUT {
                return Err(PyValueError::new_err("only descriptor 1 can be written"));
            }
            return duplicate(io::stdout()).map(Self::Stream);
        }
        if let Ok(path) = object.extract::<PathBuf>() {
            // The package made this file under a temporary name of its own.
            let file = OpenOptions::new().write(true).open(path);
            return file.map(Self::Path).map_err(from_io);
        }
        has_method(&object, "write")?;
        Ok(Self::Object(object.to_owned().unbind()))
    }
}

fn duplicate(stream: impl AsFd) -> PyResult<File> {
    let descriptor = stream.as_fd().try_clone_to_owned().map_err(from_io)?;
    Ok(File::from(descriptor))
}

fn has_method(object: &Bound<'_, PyAny>, name: &str) -> PyResult<()> {
    if object.hasattr(name)? {
        Ok(())
    } else {
        let message = format!("expected a path or a binary file object with {name}()");
        Err(PyTypeError::new_err(message))
    }
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Path(file) | Self::Stream(file) => retry(|| file.read(out)),
            Self::Object(object) => Ok(Python::attach(|py| {
                let data = object.call_method1(py, "read", (out.len(),))?;
                let data: Input = data.extract(py).map_err(|_| {
                    PyTypeError::new_err("read() of the source did not return bytes")
                })?;
                let data = data.as_slice();
                let Some(room) = out.get_mut(..data.len()) else {
                    return Err(PyValueError::new_err(
                        "read() of the source returned more than it was asked for",
                    ));
                };
                room.copy_from_slice(data);
                Ok(data.len())
            })?),
        }
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Path(file) | Self::Stream(file) => file.seek(to),
            Self::Object(object) => Ok(Python::attach(|py| {
                let position = match to {
                    SeekFrom::Start(at) => object.call_method1(py, "seek", (at, 0)),
                    SeekFrom::Current(by) => object.call_method1(py, "seek", (by, 1)),
                    SeekFrom::End(by) => object.call_method1(py, "seek", (by, 2)),
                };
                position?.extract(py)
            })?),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Self::Path(file) | Self::Stream(file) => {
                let taken = retry(|| file.write(data))?;
                if taken < data.len() {
                    // A signal ends a write to a full pipe early, and only this
                    // tells of it.
                    check_signals()?;
                }
                Ok(taken)
            }
            Self::Object(object) => Ok(Python::attach(|py| {
                let chunk = PyBytes::new(py, data);
                let taken = object.call_method1(py, "write", (chunk,))?;
                // A raw file object may take less; others return nothing.
                let taken: Option<usize> = taken.extract(py)?;
                match taken.unwrap_or(data.len()) {
                    taken if taken <= data.len() => Ok(taken),
                    _ => Err(PyValueError::new_err(
                        "write() of the sink claims more than it was given",
                    )),
                }
            })?),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Path(file) | Self::Stream(file) => file.flush(),
            Self::Object(object) => Ok(Python::attach(|py| {
                if object.bind(py).hasattr("flush")? {
                    object.call_method0(py, "flush")?;
                }
                PyResult::Ok(())
            })?),
        }
    }
}

/// Lets Python's signal handlers run; they may raise.
fn check_signals() -> io::Result<()> {
    // The method itself is not general enough in its lifetime.
    #[allow(clippy::redundant_closure_for_method_calls)]
    Ok(Python::attach(|py| py.check_signals())?)
}

/// Lets Python's signal handlers run when a signal interrupts a system call,
/// and tries again when they raise nothing.
fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                check_signals()?;
            }
            other => return other,
        }
    }
}
