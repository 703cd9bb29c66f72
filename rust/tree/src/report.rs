//! What a run did, and what it could not do.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::walk::as_path;

/// Problems that are kept; a hostile archive could make any number of them.
const KEPT: usize = 1000;
/// Longer names, which only a hostile archive has, are cut in the report, and so
/// are messages, which tell names.
const LONGEST: usize = 4096;

/// What became of a tree.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links, and further names of files.
    pub links: u64,
    /// Bytes of file content, without holes.
    pub bytes: u64,
    /// Bytes of holes in sparse files, which take no room.
    pub holes: u64,
    /// Bytes of content that passed, whatever became of them.
    pub read: u64,
    /// Bytes that the archive takes, compressed if it is.
    pub stored: u64,
    /// The first thousand problems.
    pub problems: Vec<Problem>,
    /// All of them, counted.
    pub problem_count: u64,
}

/// One entry that is not as it should be.
#[derive(Debug)]
#[non_exhaustive]
pub struct Problem {
    /// Which entry.
    pub path: PathBuf,
    /// What sort of problem.
    pub kind: ProblemKind,
    /// What happened.
    pub message: String,
}

/// Sorts of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// It could not be read.
    Unreadable,
    /// It changed while it was read.
    Changed,
    /// It is a device, a FIFO or a socket.
    Special,
    /// Restoring it would be unsafe or is not possible here.
    Refused,
    /// Something stands in its place.
    Exists,
    /// It was asked for, and the backup does not have it.
    Missing,
}

impl ProblemKind {
    /// Its name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Changed => "changed",
            Self::Special => "special",
            Self::Refused => "refused",
            Self::Exists => "exists",
            Self::Missing => "missing",
        }
    }
}

impl Report {
    /// Whether there was nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.files + self.directories + self.links == 0
    }

    /// Adds the problems of another report.
    pub(crate) fn take_problems(&mut self, other: Self) {
        self.problem_count += other.problem_count;
        let room = KEPT - self.problems.len();
        self.problems.extend(other.problems.into_iter().take(room));
    }

    pub(crate) fn problem(
        &mut self,
        path: &Path,
        kind: ProblemKind,
        message: &dyn std::fmt::Display,
    ) {
        self.problem_count += 1;
        if self.problems.len() < KEPT {
            let raw = path.as_os_str().as_bytes();
            let mut message = message.to_string();
            if message.len() > LONGEST {
                let end = (0..=LONGEST).rfind(|at| message.is_char_boundary(*at));
                message.truncate(end.unwrap_or(0));
                message.shrink_to_fit();
            }
            self.problems.push(Problem {
                path: as_path(&raw[..raw.len().min(LONGEST)]).to_owned(),
                kind,
                message,
            });
        }
    }
}
