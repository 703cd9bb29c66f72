//! What is told of trees: reports, entries and errors.

use std::ffi::OsString;
use std::io;

use passkeep_tree::{Entry, EntryKind, Error, Report};
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

use crate::errors::{
    DamagedError, InvalidInputError, LimitError, NotInBackupError, from_core, from_io,
};

/// One entry that is not as it should be.
#[pyclass(frozen, get_all, module = "passkeep")]
pub(crate) struct Problem {
    /// Which entry.
    path: OsString,
    /// "unreadable", "changed", "special", "refused", "exists" or "missing".
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
    /// Bytes of file content, without holes.
    bytes: u64,
    /// Bytes of holes in sparse files, which take no room.
    holes: u64,
    /// Bytes that the archive takes in the backup, compressed if it is.
    stored: u64,
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
    /// Bytes of its content, holes included.
    size: u64,
    /// Permission bits.
    mode: u32,
    /// Seconds since 1970.
    mtime: f64,
    /// Where a link leads.
    target: Option<OsString>,
}

pub(crate) fn to_entry(entry: &Entry) -> TreeEntry {
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

pub(crate) fn to_report(py: Python<'_>, report: Result<Report, Error>) -> PyResult<TreeReport> {
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
        holes: report.holes,
        stored: report.stored,
        problems: problems.collect::<PyResult<_>>()?,
        problem_count: report.problem_count,
    })
}

pub(crate) fn from_tree(error: Error) -> PyErr {
    match error {
        Error::Source(error) | Error::Sink(error) | Error::Watch(error) => from_io(error),
        Error::Io { path, source } => match source.raw_os_error() {
            Some(code) => {
                pyo3::exceptions::PyOSError::new_err((code, crate::errors::describe(&source), path))
            }
            None => from_io(source),
        },
        Error::Limit(message) => LimitError::new_err(message),
        Error::NoSuchFile(message) => NotInBackupError::new_err(message),
        Error::Usage(message) => InvalidInputError::new_err(message),
        Error::Format(_) => DamagedError::new_err(error.to_string()),
        Error::NotATree => hinted::<DamagedError>(
            &error.to_string(),
            "If it is a single file, decrypt it with `passkeep decrypt`.",
        ),
        Error::TooLarge(message) => hinted::<LimitError>(
            message,
            "If you trust who wrote it, allow more with --max-size (max_bytes=).",
        ),
        other => from_core(passkeep_core::Error::Io(io::Error::other(
            other.to_string(),
        ))),
    }
}

/// An error with a hint of its own.
fn hinted<E: PyTypeInfo>(message: &str, hint: &str) -> PyErr {
    Python::attach(|py| {
        [("hint", hint)]
            .into_py_dict(py)
            .and_then(|hint| py.get_type::<E>().call((message,), Some(&hint)))
            .map_or_else(|error| error, PyErr::from_value)
    })
}
