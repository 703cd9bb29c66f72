//! Trees of files: backup, restore and listing on `passkeep-tree`.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use passkeep_core::{Opener, Sealer};
use passkeep_tree::{
    Entry, EntryKind, Error, Links, Report, RestoreOptions, WriteOptions, scan_tree, write_tree,
};
use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

use crate::channels::{Sink, Source};
use crate::errors::{DamagedError, InvalidInputError, LimitError, attached, from_core, from_io};
use crate::hash::Hasher;
use crate::key::PayloadKey;
use crate::payload::{Leftover, begin, hashed};
use crate::watch::{CancelToken, Watcher};

/// One entry that is not as it should be.
#[pyclass(frozen, get_all, module = "passkeep")]
pub(crate) struct Problem {
    /// Which entry.
    path: OsString,
    /// "unreadable", "changed", "special", "refused" or "exists".
    kind: &'static str,
    /// What happened.
    message: String,
}

/// What a backup, a restore or a verification did.
#[pyclass(frozen, get_all, module = "passkeep")]
pub(crate) struct TreeReport {
    /// Regular files.
    files: u64,
    /// Directories.
    directories: u64,
    /// Symbolic links, and further names of files.
    links: u64,
    /// Bytes of file content.
    bytes: u64,
    /// The first thousand problems.
    problems: Vec<Py<Problem>>,
    /// All problems, counted.
    problem_count: u64,
}

#[pymethods]
impl TreeReport {
    fn __repr__(&self) -> String {
        format!(
            "<TreeReport {} files, {} directories, {} links, {} bytes, {} problems>",
            self.files, self.directories, self.links, self.bytes, self.problem_count
        )
    }
}

/// What a backup says of an entry; whoever wrote it chose every part.
#[pyclass(frozen, get_all, module = "passkeep")]
pub(crate) struct TreeEntry {
    /// Its name in the backup.
    path: OsString,
    /// "file", "directory", "symlink", "hardlink" or "other".
    kind: &'static str,
    /// Bytes of its content.
    size: u64,
    /// Permission bits.
    mode: u32,
    /// Seconds since 1970.
    mtime: f64,
    /// Where a link leads.
    target: Option<OsString>,
}

/// Seals trees into `sink`, header first.
#[pyfunction]
#[pyo3(signature = (
    roots, sink, header, key, *, skip, threads, digest=None, progress=None, cancel=None
))]
#[allow(clippy::too_many_arguments)]
pub(crate) fn backup_tree(
    py: Python<'_>,
    roots: Vec<PathBuf>,
    mut sink: Sink,
    header: &[u8],
    key: &PayloadKey,
    skip: Vec<PathBuf>,
    threads: usize,
    digest: Option<&Hasher>,
    progress: Option<Py<PyAny>>,
    cancel: Option<&CancelToken>,
) -> PyResult<TreeReport> {
    let mut watch = Watcher::new(progress, cancel);
    sink.stop_by(cancel);
    let (prefix, format) = key.key().begin().map_err(from_core)?;
    let report = py.detach(|| {
        hashed(digest, sink, |sink| {
            sink.write_all(header).map_err(Error::Sink)?;
            sink.write_all(&prefix).map_err(Error::Sink)?;
            let mut sealer = Sealer::new(format, sink, threads);
            let options = WriteOptions { skip };
            let report = write_tree(&roots, &mut sealer, &options, &mut watch)?;
            sealer.finish().map_err(|error| Error::Sink(error.into()))?;
            watch.finish(report.bytes).map_err(Error::Watch)?;
            Ok(report)
        })
    })?;
    to_report(py, report)
}

/// Counts files and bytes without opening a file.
#[pyfunction]
#[pyo3(signature = (roots, *, cancel=None))]
pub(crate) fn measure_tree(
    py: Python<'_>,
    roots: Vec<PathBuf>,
    cancel: Option<&CancelToken>,
) -> PyResult<(u64, u64)> {
    let mut watch = Watcher::new(None, cancel);
    let totals = py.detach(|| passkeep_tree::measure(&roots, &mut watch));
    totals
        .map(|totals| (totals.files, totals.bytes))
        .map_err(from_tree)
}

/// Restores a tree beneath `target`.
#[pyfunction]
#[pyo3(signature = (
    source, leftover, key, target, *,
    all_links, overwrite, sync, threads, progress=None, cancel=None
))]
#[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools)]
pub(crate) fn restore_tree(
    py: Python<'_>,
    mut source: Source,
    leftover: Leftover,
    key: &PayloadKey,
    target: PathBuf,
    all_links: bool,
    overwrite: bool,
    sync: bool,
    threads: usize,
    progress: Option<Py<PyAny>>,
    cancel: Option<&CancelToken>,
) -> PyResult<TreeReport> {
    let mut watch = Watcher::new(progress, cancel);
    source.stop_by(cancel);
    let (format, payload, _) = begin(py, source, leftover, key)?;
    let options = RestoreOptions {
        links: if all_links { Links::All } else { Links::Inside },
        overwrite,
        sync,
    };
    let report = py.detach(|| {
        let opener = Opener::new(format, payload, threads);
        let report = passkeep_tree::restore_tree(opener, &target, &options, &mut watch)?;
        watch.finish(report.bytes).map_err(Error::Watch)?;
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
    let (format, payload, _) = begin(py, source, leftover, key)?;
    let mut show = |entry: &Entry| match &visit {
        Some(visit) => attached(|py| visit.call1(py, (to_entry(entry),)).map(drop)),
        None => Ok(()),
    };
    let report = py.detach(|| {
        let opener = Opener::new(format, payload, threads);
        let report = scan_tree(opener, &mut show, &mut watch)?;
        watch.finish(report.bytes).map_err(Error::Watch)?;
        Ok(report)
    });
    to_report(py, report)
}

fn to_entry(entry: &Entry) -> TreeEntry {
    let (seconds, nanoseconds) = entry.mtime;
    #[allow(clippy::cast_precision_loss)] // as Python's own st_mtime
    let mtime = seconds as f64 + f64::from(nanoseconds) * 1e-9;
    TreeEntry {
        path: entry.path.clone().into(),
        kind: match entry.kind {
            EntryKind::File => "file",
            EntryKind::Directory => "directory",
            EntryKind::SymbolicLink => "symlink",
            EntryKind::HardLink => "hardlink",
            _ => "other",
        },
        size: entry.size,
        mode: entry.mode,
        mtime,
        target: entry.target.clone().map(OsString::from),
    }
}

fn to_report(py: Python<'_>, report: Result<Report, Error>) -> PyResult<TreeReport> {
    let report = report.map_err(from_tree)?;
    let problems = report.problems.into_iter().map(|problem| {
        let problem = Problem {
            path: problem.path.into(),
            kind: problem.kind.name(),
            message: problem.message,
        };
        Py::new(py, problem)
    });
    Ok(TreeReport {
        files: report.files,
        directories: report.directories,
        links: report.links,
        bytes: report.bytes,
        problems: problems.collect::<PyResult<_>>()?,
        problem_count: report.problem_count,
    })
}

fn from_tree(error: Error) -> PyErr {
    match error {
        Error::Source(error) | Error::Sink(error) | Error::Watch(error) => from_io(error),
        Error::Io { path, source } => match source.raw_os_error() {
            Some(code) => {
                pyo3::exceptions::PyOSError::new_err((code, crate::errors::describe(&source), path))
            }
            None => from_io(source),
        },
        Error::Limit(message) => LimitError::new_err(message),
        Error::Usage(message) => InvalidInputError::new_err(message),
        Error::Format(_) => DamagedError::new_err(error.to_string()),
        Error::NotATree => not_a_tree(&error.to_string()),
        other => from_core(passkeep_core::Error::Io(io::Error::other(
            other.to_string(),
        ))),
    }
}

/// What opened is a single stream: nothing is damaged, it is the wrong command.
fn not_a_tree(message: &str) -> PyErr {
    Python::attach(|py| {
        let hint = [(
            "hint",
            "If it is a single file, decrypt it with `passkeep decrypt`.",
        )];
        hint.into_py_dict(py)
            .and_then(|hint| py.get_type::<DamagedError>().call((message,), Some(&hint)))
            .map_or_else(|error| error, PyErr::from_value)
    })
}
