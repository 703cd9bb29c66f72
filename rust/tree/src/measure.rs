//! How much there is, before the work begins.

use std::path::{Path, PathBuf};

use passkeep_core::Watch;
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::error::Error;
use crate::filter::Filter;
use crate::sparse::occupied;
use crate::walk::{Found, Visit, walk};

/// What trees hold.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Regular files.
    pub files: u64,
    /// Their bytes, without what seems to be holes.
    pub bytes: u64,
}

/// Counts files and bytes that `filter` does not leave out, without opening a file.
///
/// # Errors
/// Those of the roots themselves and of the watcher; what lies deeper and
/// cannot be read is not counted.
pub fn measure(roots: &[PathBuf], filter: &Filter, watch: &mut dyn Watch) -> Result<Totals, Error> {
    let mut count = Count {
        totals: Totals::default(),
        watch,
    };
    walk(roots, filter, &mut count)?;
    Ok(count.totals)
}

struct Count<'a> {
    totals: Totals,
    watch: &'a mut dyn Watch,
}

impl Visit for Count<'_> {
    fn found(&mut self, found: &Found) -> Result<(), Error> {
        if found.kind() == FileType::RegularFile {
            self.totals.files += 1;
            self.totals.bytes += occupied(&found.stat);
        }
        self.watch.tick(0).map_err(Error::Watch)
    }

    fn unreadable(&mut self, _: &Path, _: Errno) {}
}
