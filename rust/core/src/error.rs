//! The one error type of the core.

use std::io;

/// Why sealing or opening a payload ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A chunk did not authenticate: wrong key, changed, moved or damaged.
    /// Deliberately one variant with one message, whatever the cause.
    #[error("the data was changed or damaged: a chunk does not authenticate")]
    Authentication,
    /// The beginning of a message shows another key, or another context.
    #[error("the data belongs to another key or name, or its beginning was changed")]
    Commitment,
    /// The payload ends before its final chunk.
    #[error("the data is cut short: its end is missing")]
    Truncated,
    /// The payload goes on after its final chunk.
    #[error("there is data after the end of the message")]
    Trailing,
    /// A limit of the format or of this machine would be exceeded.
    #[error("{0}")]
    Limit(&'static str),
    /// The input file changed its size while it was read.
    #[error("the input changed while it was read")]
    Changed,
    /// The stream had failed or ended before; nothing more can be done with it.
    #[error("this stream has already failed or was finished")]
    Finished,
    /// The stream was made before a fork; its threads stayed in the parent.
    #[error("this stream belongs to the parent process")]
    Forked,
    /// The cryptographic backend refused to work.
    #[error("the cryptographic backend failed")]
    Backend,
    /// Reading, writing, or the watcher failed.
    #[error(transparent)]
    Io(io::Error),
}

impl Error {
    /// Whether bytes that were read, rather than this machine, are at fault.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Authentication | Self::Commitment | Self::Truncated | Self::Trailing
        )
    }
}

impl From<io::Error> for Error {
    /// Takes a core error out of the `io::Error` that carried it through
    /// [`std::io::Read`] or [`std::io::Write`].
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(inner) => inner,
            Err(error) => Self::Io(error),
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(inner) => inner,
            Error::Truncated => Self::new(io::ErrorKind::UnexpectedEof, error),
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}

impl From<openssl::error::ErrorStack> for Error {
    fn from(_: openssl::error::ErrorStack) -> Self {
        Self::Backend
    }
}
