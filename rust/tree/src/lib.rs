//! Trees of files as one pax tar stream, and back.
//!
//! Writing walks without ever following a link and goes on past what it cannot
//! read. Restoring treats the archive as hostile: every directory is opened
//! beneath the target one component at a time without following links, links
//! are created last, and what is refused is reported.
//!
//! The `tar` crate gives the header block; framing and pax records are ours,
//! because its reader keeps extended headers of any size in memory and splits
//! pax records at line feeds, which names may contain.

mod beneath;
mod error;
mod measure;
mod names;
mod pax;
mod read;
mod report;
mod restore;
mod scan;
mod staging;
mod walk;
mod write;

pub use error::Error;
pub use measure::{Totals, measure};
pub use report::{Problem, ProblemKind, Report};
pub use restore::{Links, RestoreOptions, restore_tree};
pub use scan::{Entry, EntryKind, scan_tree};
pub use write::{WriteOptions, write_tree};
