//! Sources and sinks as Python file objects: what reads a header, or writes
//! armor, waits as the core does, and hands the rest over to it.

use std::io::{Read, Write};

use passkeep_core::zeroed;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffers::Input;
use crate::channels::{Sink, Source};
use crate::errors::{from_core, from_io};
use crate::watch::CancelToken;

/// The most that is read at once, whatever is asked for.
const LONGEST_READ: usize = 1 << 20;

/// A source whose waiting a token or a signal ends.
#[pyclass(module = "passkeep._native")]
pub(crate) struct Reader(Option<Source>);

#[pymethods]
impl Reader {
    #[new]
    #[pyo3(signature = (source, *, cancel=None))]
    fn new(source: &Bound<'_, PyAny>, cancel: Option<&CancelToken>) -> PyResult<Self> {
        Source::open(source, cancel).map(|source| Self(Some(source)))
    }

    /// Up to `size` bytes, and none only at the end.
    fn read<'py>(&mut self, py: Python<'py>, size: usize) -> PyResult<Bound<'py, PyBytes>> {
        let source = self.0.as_mut().ok_or_else(handed_over)?;
        let mut data = zeroed(size.min(LONGEST_READ)).map_err(from_core)?;
        let size = py.detach(|| source.read(&mut data)).map_err(from_io)?;
        Ok(PyBytes::new(py, &data[..size]))
    }

    /// Closes what was opened, unless it was handed over.
    fn close(&mut self) {
        self.0 = None;
    }

    /// The size of a regular file that was opened by its path.
    #[getter]
    fn size(&self) -> PyResult<Option<u64>> {
        let source = self.0.as_ref().ok_or_else(handed_over)?;
        let size = source.regular().map(std::fs::File::metadata);
        let size = size.transpose().map_err(from_io)?;
        Ok(size.map(|metadata| metadata.len()))
    }
}

impl Reader {
    /// The source, for whoever reads the rest of it.
    pub(crate) fn take(&mut self) -> PyResult<Source> {
        self.0.take().ok_or_else(handed_over)
    }
}

/// A sink whose waiting a token or a signal ends.
#[pyclass(module = "passkeep._native")]
pub(crate) struct Writer(Option<Sink>);

#[pymethods]
impl Writer {
    #[new]
    #[pyo3(signature = (target, *, cancel=None))]
    fn new(target: &Bound<'_, PyAny>, cancel: Option<&CancelToken>) -> PyResult<Self> {
        Sink::open(target, cancel).map(|sink| Self(Some(sink)))
    }

    /// Takes all of `data`.
    fn write(&mut self, py: Python<'_>, data: Input) -> PyResult<usize> {
        let sink = self.0.as_mut().ok_or_else(handed_over)?;
        let data = data.as_slice();
        py.detach(|| sink.write_all(data)).map_err(from_io)?;
        Ok(data.len())
    }

    /// Flushes the file object that it writes to.
    fn flush(&mut self, py: Python<'_>) -> PyResult<()> {
        let sink = self.0.as_mut().ok_or_else(handed_over)?;
        py.detach(|| sink.flush()).map_err(from_io)
    }

    /// Closes what was opened, unless it was handed over.
    fn close(&mut self) {
        self.0 = None;
    }
}

impl Writer {
    /// The sink, for whoever writes the rest.
    pub(crate) fn take(&mut self) -> PyResult<Sink> {
        self.0.take().ok_or_else(handed_over)
    }
}

fn handed_over() -> PyErr {
    PyValueError::new_err("this stream is closed, or was handed over")
}
