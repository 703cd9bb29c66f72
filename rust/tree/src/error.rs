//! What ends a whole run. What only one entry suffers is a [`crate::Problem`].

use std::io;
use std::path::PathBuf;

/// Why writing, restoring or listing a tree ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The archive could not be read; the cause may be an error of the core.
    #[error(transparent)]
    Source(io::Error),
    /// The archive could not be written.
    #[error(transparent)]
    Sink(io::Error),
    /// The watcher stopped the run.
    #[error(transparent)]
    Watch(io::Error),
    /// The file system refused something that concerns the whole run.
    #[error("{}: {source}", path.display())]
    Io {
        /// What was worked on.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The stream does not begin like a tar archive.
    #[error("this is not a backup of a tree")]
    NotATree,
    /// The archive is malformed.
    #[error("the archive is malformed: {0}")]
    Format(&'static str),
    /// The archive asks for more than a limit allows.
    #[error("{0}")]
    Limit(&'static str),
    /// The archive holds more than may be restored; the caller may allow more.
    #[error("{0}")]
    TooLarge(&'static str),
    /// What was asked for is not a file of the archive.
    #[error("{0}")]
    NoSuchFile(String),
    /// The caller's arguments do not fit together.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    pub(crate) fn io(path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self::Io {
            path: path.into(),
            source: source.into(),
        }
    }
}
