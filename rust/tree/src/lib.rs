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

mod attributes;
mod beneath;
mod calls;
mod cat;
mod entry;
mod error;
mod filter;
mod header;
mod input;
mod measure;
mod names;
mod pack;
mod pax;
mod read;
mod report;
mod restore;
mod scan;
mod select;
mod sparse;
mod staging;
mod stale;
mod unpack;
mod walk;
mod write;

pub use cat::cat_tree;
pub use error::Error;
pub use filter::Filter;
pub use input::Input;
pub use measure::{Totals, measure};
pub use pack::LEVELS;
pub use report::{Problem, ProblemKind, Report};
pub use restore::{Links, RestoreOptions, restore_tree};
pub use scan::{Entry, EntryKind, scan_tree};
pub use write::{WriteOptions, write_tree};
