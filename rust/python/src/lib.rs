//! The extension module `passkeep._native`: parse arguments, call the core, map
//! errors. Everything that could be tested without Python lives elsewhere.

mod batch;
mod buffers;
mod channels;
mod descriptor;
mod errors;
mod handles;
mod hash;
mod key;
mod payload;
mod raw;
mod report;
mod stream;
mod tree;
mod turns;
mod watch;

use pyo3::prelude::*;

/// The native half of passkeep; its public face is the package around it.
#[pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::batch::BatchKey;
    #[pymodule_export]
    use crate::handles::{Reader, Writer};
    #[pymodule_export]
    use crate::hash::{Hasher, hash_bytes, hash_stream};
    #[pymodule_export]
    use crate::key::PayloadKey;
    #[pymodule_export]
    use crate::payload::{open_bytes, open_into, open_stream, seal_bytes, seal_into, seal_stream};
    #[pymodule_export]
    use crate::raw::RawMessages;
    #[pymodule_export]
    use crate::report::{Problem, TreeEntry, TreeReport};
    #[pymodule_export]
    use crate::stream::{OpeningStream, RangeStream, SealingStream};
    #[pymodule_export]
    use crate::tree::{backup_tree, cat_tree, list_tree, measure_tree, restore_tree};
    #[pymodule_export]
    use crate::watch::CancelToken;

    /// The threads this process may use.
    #[pyfunction]
    fn usable_threads() -> usize {
        passkeep_core::usable_threads().get()
    }

    /// The version of the crate, which is the version of the package.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
