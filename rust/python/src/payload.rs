//! Sealing and opening one payload: bytes, files and streams.

use std::fs::File;
use std::io::{self, BufRead, Cursor, Read, Write};
use std::sync::Arc;

use passkeep_core::{
    Fill, Format, Opener, Sealer, Watch, open_file, open_slice, seal_file, seal_slice,
};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffers::{Input, Output, new_bytes, stability};
use crate::channels::{Sink, Source};
use crate::errors::{DamagedError, InvalidInputError, LimitError, from_core, from_io};
use crate::hash::Hasher;
use crate::key::PayloadKey;
use crate::watch::{CancelToken, Watcher};

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
    let size = to_usize(start as u64 + sealed.map_err(from_core)?)?;
    let mut watch = Watcher::new(None, cancel);
    new_bytes(py, size, |out| {
        let (front, chunks) = out.split_at_mut(start);
        front[..header.len()].copy_from_slice(header);
        front[header.len()..].copy_from_slice(&prefix);
        py.detach(|| seal_slice(&*format, plain, chunks, threads, &mut watch))
            .map_err(from_core)?;
        Ok(size)
    })
}

/// Opens a buffer whose payload begins at `offset`.
#[pyfunction]
#[pyo3(signature = (data, offset, key, *, threads, cancel=None))]
pub(crate) fn open_bytes<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    offset: usize,
    key: &PayloadKey,
    threads: usize,
    cancel: Option<&CancelToken>,
) -> PyResult<Bound<'py, PyBytes>> {
    let stability = stability(data, false)?;
    let data: Input = data.extract()?;
    let mut payload = data.as_slice().get(offset..).unwrap_or_default();
    let format = resume(key, &mut payload)?;
    let size = format.layout().plain_size(payload.len() as u64);
    let size = to_usize(size.map_err(from_core)?)?;
    let mut watch = Watcher::new(None, cancel);
    new_bytes(py, size, |out| {
        py.detach(|| open_slice(&*format, payload, stability, out, threads, &mut watch))
            .map_err(from_core)?;
        Ok(size)
    })
}

/// Seals a buffer into another one, header first. Returns how much of it was
/// filled.
#[pyfunction]
#[pyo3(signature = (data, out, header, key, *, threads, cancel=None))]
pub(crate) fn seal_into(
    py: Python<'_>,
    data: Input,
    mut out: Output,
    header: &[u8],
    key: &PayloadKey,
    threads: usize,
    cancel: Option<&CancelToken>,
) -> PyResult<usize> {
    let plain = data.as_slice();
    out.refuse_overlap(plain)?;
    let (prefix, format) = key.key().begin().map_err(from_core)?;
    let sealed = format.layout().sealed_size(plain.len() as u64);
    let start = header.len() + prefix.len();
    let size = to_usize(start as u64 + sealed.map_err(from_core)?)?;
    let (front, chunks) = room(&mut out, size)?.split_at_mut(start);
    front[..header.len()].copy_from_slice(header);
    front[header.len()..].copy_from_slice(&prefix);
    let mut watch = Watcher::new(None, cancel);
    py.detach(|| seal_slice(&*format, plain, chunks, threads, &mut watch))
        .map_err(from_core)?;
    Ok(size)
}

/// Opens a buffer, whose payload begins at `offset`, into another one. Returns how
/// much of it was filled.
#[pyfunction]
#[pyo3(signature = (data, offset, out, key, *, threads, cancel=None))]
pub(crate) fn open_into(
    py: Python<'_>,
    data: &Bound<'_, PyAny>,
    offset: usize,
    mut out: Output,
    key: &PayloadKey,
    threads: usize,
    cancel: Option<&CancelToken>,
) -> PyResult<usize> {
    let stability = stability(data, true)?;
    let data: Input = data.extract()?;
    out.refuse_overlap(data.as_slice())?;
    let mut payload = data.as_slice().get(offset..).unwrap_or_default();
    let format = resume(key, &mut payload)?;
    let size = format.layout().plain_size(payload.len() as u64);
    let size = to_usize(size.map_err(from_core)?)?;
    let out = room(&mut out, size)?;
    let mut watch = Watcher::new(None, cancel);
    py.detach(|| open_slice(&*format, payload, stability, out, threads, &mut watch))
        .map_err(from_core)?;
    Ok(size)
}

/// The beginning of a buffer that a result of `size` bytes goes to.
fn room(out: &mut Output, size: usize) -> PyResult<&mut [u8]> {
    let out = out.as_mut_slice();
    let given = out.len();
    out.get_mut(..size).ok_or_else(|| {
        let message = format!("the output needs {size} bytes and has {given}; nothing was written");
        InvalidInputError::new_err(message)
    })
}

/// Seals `source` into `sink`, header first. Returns the plaintext size. What is
/// written is hashed on the way by `digest`.
#[pyfunction]
#[pyo3(signature = (source, sink, header, key, *, threads, digest=None, progress=None, cancel=None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn seal_stream(
    py: Python<'_>,
    mut source: Source,
    mut sink: Sink,
    header: &[u8],
    key: &PayloadKey,
    threads: usize,
    digest: Option<&Hasher>,
    progress: Option<Py<PyAny>>,
    cancel: Option<&CancelToken>,
) -> PyResult<u64> {
    let mut watch = Watcher::new(progress, cancel);
    source.stop_by(cancel);
    sink.stop_by(cancel);
    let (prefix, format) = key.key().begin().map_err(from_core)?;
    let before = [header, &prefix].concat();
    py.detach(|| {
        lend(digest, |mut digest| {
            let positions = source.regular().zip(sink.regular());
            let positions = positions.filter(|_| shared(digest.as_deref_mut()));
            let size = if let Some((from, mut to)) = positions {
                to.write_all(&before)?;
                let at = before.len() as u64;
                let parts = digest.and_then(|digest| {
                    digest.update(&before);
                    digest.parts()
                });
                let parts = parts.as_ref();
                seal_file(&*format, from, to, at, threads, parts, &mut watch)?
            } else {
                let mut sealer = sealer(format, sink, &before, threads, digest)?;
                let size = pour(&mut source, &mut sealer, &mut watch)?;
                sealer.finish()?;
                size
            };
            watch.finish(size)?;
            Ok(size)
        })?
        .map_err(from_core)
    })
}

/// Whether threads can share the work of a digest, if there is one.
fn shared(digest: Option<&mut passkeep_core::Hasher>) -> bool {
    digest.is_none_or(|digest| digest.parts().is_some())
}

/// Lends `work` a digest, if there is one.
pub(crate) fn lend<T>(
    digest: Option<&Hasher>,
    work: impl FnOnce(Option<&mut passkeep_core::Hasher>) -> T,
) -> PyResult<T> {
    match digest {
        None => Ok(work(None)),
        Some(digest) => digest.lend(|digest| work(Some(digest))),
    }
}

/// A sealer behind what it writes `before` the chunks. Its threads write where the sink
/// is a file, and `digest` takes all of it.
pub(crate) fn sealer<'a>(
    format: Arc<dyn Format>,
    mut sink: Sink,
    before: &[u8],
    threads: usize,
    digest: Option<&'a mut passkeep_core::Hasher>,
) -> io::Result<Sealer<'a, Sink>> {
    sink.write_all(before)?;
    let file = sink.regular().map(File::try_clone).transpose()?;
    let mut sealer = Sealer::new(format, sink, threads);
    if let Some(file) = file {
        sealer = sealer.by_position(file, before.len() as u64);
    }
    if let Some(digest) = digest {
        digest.update(before);
        sealer = sealer.hashing(digest);
    }
    Ok(sealer)
}

/// Opens a payload into `sink`. What was read of `source` beyond the header is
/// given as `leftover`; a path is read from `offset` on instead. Returns the
/// plaintext size.
#[pyfunction]
#[pyo3(signature = (source, leftover, sink, key, *, threads, progress=None, cancel=None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn open_stream(
    py: Python<'_>,
    mut source: Source,
    leftover: Leftover,
    mut sink: Sink,
    key: &PayloadKey,
    threads: usize,
    progress: Option<Py<PyAny>>,
    cancel: Option<&CancelToken>,
) -> PyResult<u64> {
    let mut watch = Watcher::new(progress, cancel);
    source.stop_by(cancel);
    sink.stop_by(cancel);
    let (format, payload, offset) = begin(py, source, leftover, key)?;
    py.detach(|| {
        let size = if let (Some(from), Some(to)) = (payload.regular(), sink.regular()) {
            open_file(&*format, from, offset, to, threads, &mut watch)?
        } else {
            let mut opener = opener(format, payload, offset, threads)?;
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
    fn regular(&self) -> Option<&File> {
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
                source.skip(offset).map_err(from_io)?;
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

/// An opener of a payload's chunks, which its threads read themselves where they lie
/// in a file from `offset` on.
pub(crate) fn opener(
    format: Arc<dyn Format>,
    payload: Payload,
    offset: u64,
    threads: usize,
) -> io::Result<Opener<Payload>> {
    let Some(file) = payload.regular().map(File::try_clone).transpose()? else {
        return Ok(Opener::new(format, payload, threads));
    };
    // A file without any chunk is cut short, as one that ends before them is.
    let size = file.metadata()?.len().saturating_sub(offset);
    Ok(Opener::new(format, payload, threads).by_position(file, offset, size))
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

pub(crate) fn to_usize(size: u64) -> PyResult<usize> {
    usize::try_from(size).map_err(|_| LimitError::new_err("the result does not fit the memory"))
}

/// Moves everything that `source` holds into `sealer`.
fn pour<W: Write>(
    source: &mut impl Read,
    sealer: &mut Sealer<'_, W>,
    watch: &mut Watcher,
) -> io::Result<u64> {
    while sealer.fill_from(source)? > 0 {
        watch.tick(sealer.written())?;
    }
    Ok(sealer.written())
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
