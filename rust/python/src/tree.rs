//! Trees of files: backup, restore and listing on `passkeep-tree`.

use std::io;
use std::path::PathBuf;

use passkeep_core::Opener;
use passkeep_tree::{
    Entry, Error, Filter, Input, Links, RestoreOptions, WriteOptions, scan_tree, write_tree,
};
use pyo3::prelude::*;

use crate::channels::{Sink, Source};
use crate::errors::{attached, from_core};
use crate::hash::Hasher;
use crate::key::PayloadKey;
use crate::payload::{Leftover, Payload, begin, lend, opener, sealer};
use crate::report::{TreeReport, from_tree, to_entry, to_report};
use crate::watch::{CancelToken, Watcher};

/// Seals trees into `sink`, header first.
#[pyfunction]
#[pyo3(signature = (
    roots, sink, header, key, *,
    skip, exclude, exclude_caches, xattrs, compress, threads, digest=None,
    progress=None, cancel=None
))]
#[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools)]
pub(crate) fn backup_tree(
    py: Python<'_>,
    roots: Vec<PathBuf>,
    mut sink: Sink,
    header: &[u8],
    key: &PayloadKey,
    skip: Vec<PathBuf>,
    exclude: Vec<String>,
    exclude_caches: bool,
    xattrs: bool,
    compress: Option<i32>,
    threads: usize,
    digest: Option<&Hasher>,
    progress: Option<Py<PyAny>>,
    cancel: Option<&CancelToken>,
) -> PyResult<TreeReport> {
    let mut watch = Watcher::new(progress, cancel);
    let options = WriteOptions {
        skip,
        filter: Filter::new(&exclude, exclude_caches).map_err(from_tree)?,
        attributes: xattrs,
        compress,
        threads,
    };
    sink.stop_by(cancel);
    let (prefix, format) = key.key().begin().map_err(from_core)?;
    let before = [header, &prefix].concat();
    let report = py.detach(|| {
        lend(digest, |digest| {
            let sealer = sealer(format, sink, &before, threads, digest);
            let mut sealer = sealer.map_err(Error::Sink)?;
            let report = write_tree(&roots, &mut sealer, &options, &mut watch)?;
            sealer.finish().map_err(|error| Error::Sink(error.into()))?;
            watch.finish(report.read).map_err(Error::Watch)?;
            Ok(report)
        })
    })?;
    to_report(py, report)
}

/// Counts files and bytes without opening a file.
#[pyfunction]
#[pyo3(signature = (roots, *, exclude=Vec::new(), exclude_caches=false, cancel=None))]
pub(crate) fn measure_tree(
    py: Python<'_>,
    roots: Vec<PathBuf>,
    exclude: Vec<String>,
    exclude_caches: bool,
    cancel: Option<&CancelToken>,
) -> PyResult<(u64, u64)> {
    let mut watch = Watcher::new(None, cancel);
    let filter = Filter::new(&exclude, exclude_caches).map_err(from_tree)?;
    let totals = py.detach(|| passkeep_tree::measure(&roots, &filter, &mut watch));
    totals
        .map(|totals| (totals.files, totals.bytes))
        .map_err(from_tree)
}

/// Restores a tree beneath `target`.
#[pyfunction]
#[pyo3(signature = (
    source, leftover, key, target, *,
    paths, all_links, overwrite, sync, xattrs, owners, max_bytes, threads,
    progress=None, cancel=None
))]
#[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools)]
pub(crate) fn restore_tree(
    py: Python<'_>,
    mut source: Source,
    leftover: Leftover,
    key: &PayloadKey,
    target: PathBuf,
    paths: Vec<PathBuf>,
    all_links: bool,
    overwrite: bool,
    sync: bool,
    xattrs: bool,
    owners: bool,
    max_bytes: Option<u64>,
    threads: usize,
    progress: Option<Py<PyAny>>,
    cancel: Option<&CancelToken>,
) -> PyResult<TreeReport> {
    let mut watch = Watcher::new(progress, cancel);
    source.stop_by(cancel);
    let reopen = Reopen::new(&source, &leftover, key, threads, cancel);
    let (format, payload, offset) = begin(py, source, leftover, key)?;
    let options = RestoreOptions {
        links: if all_links { Links::All } else { Links::Inside },
        overwrite,
        sync,
        paths,
        attributes: xattrs,
        owners,
        max_bytes,
        threads,
    };
    let report = py.detach(|| {
        let opener = opener(format, payload, offset, threads).map_err(Error::Source)?;
        let input = input(opener, reopen);
        let report =
            passkeep_tree::restore_tree::<Opener<Payload>>(input, &target, &options, &mut watch)?;
        watch.finish(report.read).map_err(Error::Watch)?;
        Ok(report)
    });
    to_report(py, report)
}

/// Reads a tree to its end, and shows each entry to `visit`.
#[pyfunction]
#[pyo3(signature = (source, leftover, key, visit, *, threads, progress=None, cancel=None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn list_tree(
    py: Python<'_>,
    mut source: Source,
    leftover: Leftover,
    key: &PayloadKey,
    visit: Option<Py<PyAny>>,
    threads: usize,
    progress: Option<Py<PyAny>>,
    cancel: Option<&CancelToken>,
) -> PyResult<TreeReport> {
    let mut watch = Watcher::new(progress, cancel);
    source.stop_by(cancel);
    let (format, payload, offset) = begin(py, source, leftover, key)?;
    let mut show = |entry: &Entry| match &visit {
        Some(visit) => attached(|py| visit.call1(py, (to_entry(entry),)).map(drop)),
        None => Ok(()),
    };
    let report = py.detach(|| {
        let opener = opener(format, payload, offset, threads).map_err(Error::Source)?;
        let report = scan_tree(opener, &mut show, &mut watch)?;
        watch.finish(report.read).map_err(Error::Watch)?;
        Ok(report)
    });
    to_report(py, report)
}

/// Writes one file of a tree to `sink`. Returns its size.
#[pyfunction]
#[pyo3(signature = (source, leftover, key, path, sink, *, max_bytes, threads, cancel=None))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn cat_tree(
    py: Python<'_>,
    mut source: Source,
    leftover: Leftover,
    key: &PayloadKey,
    path: PathBuf,
    mut sink: Sink,
    max_bytes: Option<u64>,
    threads: usize,
    cancel: Option<&CancelToken>,
) -> PyResult<u64> {
    let mut watch = Watcher::new(None, cancel);
    source.stop_by(cancel);
    sink.stop_by(cancel);
    let reopen = Reopen::new(&source, &leftover, key, threads, cancel);
    let (format, payload, offset) = begin(py, source, leftover, key)?;
    py.detach(|| {
        let opener = opener(format, payload, offset, threads).map_err(Error::Source)?;
        let input = input(opener, reopen);
        let (sink, watch) = (&mut sink, &mut watch);
        passkeep_tree::cat_tree::<Opener<Payload>, _>(input, &path, sink, max_bytes, watch)
    })
    .map_err(from_tree)
}

/// A backup that can be opened a second time: a file.
struct Reopen<'a> {
    source: Source,
    offset: u64,
    key: &'a PayloadKey,
    threads: usize,
}

impl<'a> Reopen<'a> {
    /// `None` for a stream.
    fn new(
        source: &Source,
        leftover: &Leftover,
        key: &'a PayloadKey,
        threads: usize,
        cancel: Option<&CancelToken>,
    ) -> Option<Self> {
        let Leftover::Offset(offset) = *leftover else {
            return None;
        };
        Some(Self {
            source: source.again(cancel)?,
            offset,
            key,
            threads,
        })
    }

    fn open(self) -> io::Result<Opener<Payload>> {
        let leftover = Leftover::Offset(self.offset);
        let opened = attached(|py| begin(py, self.source, leftover, self.key));
        let (format, payload, offset) = opened?;
        opener(format, payload, offset, self.threads)
    }
}

fn input(opener: Opener<Payload>, reopen: Option<Reopen<'_>>) -> Input<'_, Opener<Payload>> {
    match reopen {
        Some(reopen) => Input::seekable(opener, move || reopen.open()),
        None => opener.into(),
    }
}
