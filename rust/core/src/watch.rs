//! How the caller of long work follows and stops it.

use std::io;

/// Watches long work from the thread that runs it.
pub trait Watch {
    /// Called often with the bytes done so far. An error stops the work and is
    /// returned from it.
    fn tick(&mut self, done: u64) -> io::Result<()>;
}

/// Nobody watches.
impl Watch for () {
    fn tick(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}
