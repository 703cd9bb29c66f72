//! Sealing and opening one payload: bytes, files and streams.

use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom, Write};

use std::sync::Arc;

use passkeep_core::{Format, Opener, Sealer, Watch, open_file, open_slice, seal_file, seal_slice};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffers::{Input, Stable};
use crate::channels::{Sink, Source};
use crate::errors::{DamagedError, LimitError, from_core, from_io};
use crate::key::PayloadKey;
use crate::watch::{CancelToken, Watcher};

/// How much a stream moves between two looks at the watcher.
const PIECE: usize = 1 << 20;

/// Seals a buffer: header and payload in one bytes object.
#[pyfunction]
#[pyo3(signature = (data, header, key, *, threads, cancel=None))]
pub(crate) fn seal_bytes<'py>(
    py: Python<'py>,
    data: Input,
    header: &[u8],
    key: &PayloadKey,
    threads: usize,
    cancel: Option<&CancelToken>,
) -> PyResult<Bound<'py, PyBytes>> {
    let plain = data.as_slice();
    let (prefix, format) = key.key().begin().map_err(from_core)?;
    let sealed = format.layout().sealed_size(plain.len() as u64);
    let start = header.len() + prefix.len();
    let size = start as u64 + sealed.map_err(from_core)?;
    let mut watch = Watcher::new(None, cancel);
    PyBytes::new_with(py, to_usize(size)?, |out| {
        let (front, chunks) = out.split_at_mut(start);
        front[..header.len()].copy_from_slice(header);
        front[header.len()..].copy_from_slice(&prefix);
        py.detach(|| seal_slice(&*format, plain, chunks, threads, &mut watch))
            .map_err(from_core)
    })
}

/// Opens a buffer whose payload begins at `offset`.
#[pyfunction]
#[pyo3(signature = (data, offset, key, *, threads, cancel=None))]
pub(crate) fn open_bytes<'py>(
    py: Python<'py>,
    data: Stable<'py>,
    offset: usize,
    key: &PayloadKey,
    threads: usize,
    cancel: Option<&CancelToken>,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut payload = data.as_slice().get(offset..).unwrap_or_default();
    let format = resume(key, &mut payload)?;
    let size = format.layout().plain_size(payload.len() as u64);
    let size = to_usize(size.map_err(from_core)?)?;
    let mut watch = Watcher::new(None, cancel);
    PyBytes::new_with(py, size, |out| {
        py.detach(|| open_slice(&*format, payload, out, threads, &mut watch))
            .map_err(from_core)
    })
}

/// Seals `source` into `sink`, header first. Returns the plaintext size.
#[pyfunction]
#[pyo3(signature = (source, sink, header, key, *, threads, progress=None, cancel=None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn seal_stream(
    py: Python<'_>,
    mut source: Source,
    mut sink: Sink,
    header: &[u8],
    key: &PayloadKey,
    threads: usize,
    progress: Option<Py<PyAny>>,
    cancel: Option<&CancelToken>,
) -> PyResult<u64> {
    let mut watch = Watcher::new(progress, cancel);
    let (prefix, format) = key.key().begin().map_err(from_core)?;
    py.detach(|| {
        sink.write_all(header)?;
        sink.write_all(&prefix)?;
        let size = if let (Some(from), Some(to)) = (source.regular(), sink.regular()) {
            let offset = (header.len() + prefix.len()) as u64;
            seal_file(&*format, from, to, offset, threads, &mut watch)?
        } else {
            let mut sealer = Sealer::new(format, &mut sink, threads);
            let size = pour(&mut source, &mut sealer, &mut watch)?;
            sealer.finish()?;
            size
        };
        watch.finish(size)?;
        Ok(size)
    })
    .map_err(from_core)
}

/// Opens a payload into `sink`. What was read of `source` beyond the header is
/// given as `leftover`; a path is read from `offset` on instead. Returns the
/// plaintext size.
#[pyfunction]
#[pyo3(signature = (source, leftover, sink, key, *, threads, progress=None, cancel=None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn open_stream(
    py: Python<'_>,
    source: Source,
    leftover: Leftover,
    mut sink: Sink,
    key: &PayloadKey,
    threads: usize,
    progress: Option<Py<PyAny>>,
    cancel: Option<&CancelToken>,
) -> PyResult<u64> {
    let mut watch = Watcher::new(progress, cancel);
    let (format, payload, offset) = begin(py, source, leftover, key)?;
    py.detach(|| {
        let size = if let (Some(from), Some(to)) = (payload.regular(), sink.regular()) {
            open_file(&*format, from, offset, to, threads, &mut watch)?
        } else {
            let mut opener = Opener::new(format, payload, threads);
            let size = drain(&mut opener, &mut sink, &mut watch)?;
            sink.flush()?;
            size
        };
        watch.finish(size)?;
        Ok(size)
    })
    .map_err(from_core)
}

/// What stands between the header and the rest of a source: the offset of the
/// payload in a file, or the bytes that were read beyond the header.
#[derive(FromPyObject)]
pub(crate) enum Leftover {
    /// The payload begins here; the source is a file that was not read yet.
    Offset(u64),
    /// These bytes of the payload were read already.
    Bytes(Vec<u8>),
}

/// A payload behind its prefix: what was read ahead, then the source.
pub(crate) struct Payload {
    ahead: Cursor<Vec<u8>>,
    source: Source,
}

impl Payload {
    /// The regular file to read by position, where nothing was read ahead.
    fn regular(&self) -> Option<&std::fs::File> {
        if self.ahead.get_ref().is_empty() {
            self.source.regular()
        } else {
            None
        }
    }
}

impl Read for Payload {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.ahead.read(out)? {
            0 => self.source.read(out),
            size => Ok(size),
        }
    }
}

/// Reads the payload's prefix. Returns the format, the payload's chunks and
/// their offset in a file.
pub(crate) fn begin(
    py: Python<'_>,
    mut source: Source,
    leftover: Leftover,
    key: &PayloadKey,
) -> PyResult<(Arc<dyn Format>, Payload, u64)> {
    py.detach(|| {
        let (ahead, offset) = match leftover {
            Leftover::Bytes(bytes) => (bytes, 0),
            Leftover::Offset(offset) => {
                skip(&mut source, offset)?;
                (Vec::new(), offset)
            }
        };
        let mut payload = Payload {
            ahead: Cursor::new(ahead),
            source,
        };
        let format = resume(key, &mut payload)?;
        Ok((format, payload, offset + key.key().prefix_size() as u64))
    })
}

/// Puts a file that was opened by its path behind its header.
fn skip(source: &mut Source, offset: u64) -> PyResult<()> {
    match source {
        Source::Path(file) => file
            .seek(SeekFrom::Start(offset))
            .map(drop)
            .map_err(from_io),
        Source::Stream(_) | Source::Object(_) => Err(PyTypeError::new_err(
            "a stream cannot be read from an offset",
        )),
    }
}

/// The format of the payload that begins here.
fn resume(key: &PayloadKey, payload: &mut impl Read) -> PyResult<Arc<dyn Format>> {
    let key = key.key();
    let mut prefix = vec![0; key.prefix_size()];
    payload
        .read_exact(&mut prefix)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                DamagedError::new_err("the data is cut short: it ends with its header")
            }
            _ => from_io(error),
        })?;
    key.resume(&prefix).map_err(from_core)
}

fn to_usize(size: u64) -> PyResult<usize> {
    usize::try_from(size).map_err(|_| LimitError::new_err("the result does not fit the memory"))
}

/// Moves everything that `source` holds into `sealer`.
fn pour(source: &mut impl Read, sealer: &mut impl Write, watch: &mut Watcher) -> io::Result<u64> {
    let mut buffer = vec![0; PIECE];
    let mut done = 0;
    loop {
        let size = source.read(&mut buffer)?;
        if size == 0 {
            return Ok(done);
        }
        sealer.write_all(&buffer[..size])?;
        done += size as u64;
        watch.tick(done)?;
    }
}

/// Moves everything that `opener` releases into `sink`.
fn drain(opener: &mut impl BufRead, sink: &mut impl Write, watch: &mut Watcher) -> io::Result<u64> {
    let mut done = 0;
    loop {
        let ready = opener.fill_buf()?;
        let size = ready.len();
        if size == 0 {
            return Ok(done);
        }
        sink.write_all(ready)?;
        opener.consume(size);
        done += size as u64;
        watch.tick(done)?;
    }
}
