//! Sealed streams as objects: what file objects in Python are made of.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use passkeep_core::{Opener, RangeReader, ReadAt, Sealer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffers::{Input, Output, new_bytes};
use crate::channels::{Sink, Source};
use crate::errors::{from_core, from_io};
use crate::key::PayloadKey;
use crate::payload::{Leftover, Payload, begin, to_usize};
use crate::turns::Turns;
use crate::watch::Watcher;

/// Seals what is written to it. Nothing is a complete message before `finish`.
#[pyclass(frozen, module = "passkeep")]
pub(crate) struct SealingStream {
    sealer: Turns<Option<Sealer<'static, Sink>>>,
}

#[pymethods]
impl SealingStream {
    #[new]
    #[pyo3(signature = (sink, header, key, *, threads))]
    fn new(
        py: Python<'_>,
        mut sink: Sink,
        header: &[u8],
        key: &PayloadKey,
        threads: usize,
    ) -> PyResult<Self> {
        let (prefix, format) = key.key().begin().map_err(from_core)?;
        py.detach(|| {
            sink.write_all(header)?;
            sink.write_all(&prefix)
        })
        .map_err(from_io)?;
        let sealer = Sealer::new(format, sink, threads);
        Ok(Self {
            sealer: Turns::new(Some(sealer)),
        })
    }

    /// Takes all of `data`.
    fn write(&self, py: Python<'_>, data: Input) -> PyResult<usize> {
        let data = data.as_slice();
        py.detach(|| {
            self.sealer.take(|sealer| match sealer {
                Some(sealer) => sealer.write_all(data).map_err(from_io),
                None => Err(finished()),
            })
        })?;
        Ok(data.len())
    }

    /// Ends the message.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| {
            self.sealer.take(|sealer| match sealer.take() {
                Some(sealer) => sealer.finish().map(drop).map_err(from_core),
                None => Err(finished()),
            })
        })
    }

    /// Forgets what was not written yet; the message stays without its end.
    fn abandon(&self, py: Python<'_>) -> PyResult<()> {
        if self.sealer.is_lost() {
            return Ok(());
        }
        py.detach(|| {
            self.sealer.take(|sealer| {
                drop(sealer.take());
                Ok(())
            })
        })
    }
}

/// Opens a payload from its beginning to its end.
#[pyclass(frozen, module = "passkeep")]
pub(crate) struct OpeningStream {
    opener: Turns<Opener<Payload>>,
}

#[pymethods]
impl OpeningStream {
    #[new]
    #[pyo3(signature = (source, leftover, key, *, threads))]
    fn new(
        py: Python<'_>,
        source: Source,
        leftover: Leftover,
        key: &PayloadKey,
        threads: usize,
    ) -> PyResult<Self> {
        let (format, payload, _) = begin(py, source, leftover, key)?;
        Ok(Self {
            opener: Turns::new(Opener::new(format, payload, threads)),
        })
    }

    /// Fills some or all of `out`; nothing only at the end of the message.
    fn readinto(&self, py: Python<'_>, mut out: Output) -> PyResult<usize> {
        let out = out.as_mut_slice();
        py.detach(|| self.opener.take(|opener| opener.read(out).map_err(from_io)))
    }
}

/// Reads anywhere in the payload of a file.
#[pyclass(frozen, module = "passkeep")]
pub(crate) struct RangeStream {
    reader: Turns<RangeReader<Positioned>>,
    size: u64,
}

#[pymethods]
impl RangeStream {
    /// `source` is a path or a seekable file object; its payload begins at
    /// `offset`.
    #[new]
    #[pyo3(signature = (source, offset, key, *, threads))]
    fn new(
        py: Python<'_>,
        source: Source,
        offset: u64,
        key: &PayloadKey,
        threads: usize,
    ) -> PyResult<Self> {
        let key = key.key();
        let reader = py.detach(|| {
            let (source, size) = Positioned::new(source)?;
            let mut prefix = vec![0; key.prefix_size()];
            let first = offset.checked_add(prefix.len() as u64);
            let (first, payload) = first
                .and_then(|first| Some((first, size.checked_sub(first)?)))
                .ok_or(passkeep_core::Error::Truncated)?;
            source.read_exact_at(&mut prefix, offset)?;
            let format = key.resume(&prefix)?;
            RangeReader::open(format, source, first, payload, threads)
        });
        let reader = reader.map_err(from_core)?;
        Ok(Self {
            size: reader.size(),
            reader: Turns::new(reader),
        })
    }

    /// Bytes of plaintext; genuine, because the last chunk was verified.
    #[getter]
    fn size(&self) -> u64 {
        self.size
    }

    /// Up to `size` bytes from position `at` on: as many as there are.
    fn read<'py>(&self, py: Python<'py>, at: u64, size: u64) -> PyResult<Bound<'py, PyBytes>> {
        let size = to_usize(size.min(self.size.saturating_sub(at)))?;
        new_bytes(py, size, |out| self.fill(py, at, out))
    }

    /// Fills `out` from position `at` on: as much as it has room for, or as there is.
    fn readinto(&self, py: Python<'_>, at: u64, mut out: Output) -> PyResult<usize> {
        self.fill(py, at, out.as_mut_slice())
    }
}

impl RangeStream {
    fn fill(&self, py: Python<'_>, at: u64, out: &mut [u8]) -> PyResult<usize> {
        let mut watch = Watcher::new(None, None);
        py.detach(|| {
            self.reader
                .take(|reader| reader.read_at(at, out, &mut watch).map_err(from_core))
        })
    }
}

/// A source that is read by position.
enum Positioned {
    File(std::fs::File),
    /// One reader at a time: its position is part of it.
    Object(Mutex<Source>),
}

impl Positioned {
    fn new(source: Source) -> io::Result<(Self, u64)> {
        match source.into_file() {
            Ok(mut file) => {
                let size = file.seek(SeekFrom::End(0))?;
                Ok((Self::File(file), size))
            }
            Err(mut other) => {
                let size = other.seek(SeekFrom::End(0))?;
                Ok((Self::Object(Mutex::new(other)), size))
            }
        }
    }
}

impl ReadAt for Positioned {
    fn read_exact_at(&self, out: &mut [u8], at: u64) -> io::Result<()> {
        match self {
            Self::File(file) => ReadAt::read_exact_at(file, out, at),
            Self::Object(source) => {
                let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
                source.seek(SeekFrom::Start(at))?;
                source.read_exact(out)
            }
        }
    }
}

fn finished() -> PyErr {
    PyValueError::new_err("the stream was finished")
}
