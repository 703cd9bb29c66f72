//! Extended attributes of files.

use std::os::fd::BorrowedFd;

use rustix::fs::{fgetxattr, flistxattr};
use rustix::io::Errno;

/// The most that the attributes of one file may take; readers limit how much an
/// extended header may hold.
pub(crate) const MAX_ATTRIBUTES: usize = 512 << 10;

/// What is said of an attribute that is not there.
#[cfg(target_vendor = "apple")]
const GONE: Errno = Errno::NOATTR;
#[cfg(not(target_vendor = "apple"))]
const GONE: Errno = Errno::NODATA;

/// Names of attributes, and their values.
pub(crate) type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

/// Whether an attribute belongs to users. Others give programs powers, or are
/// the system's own.
pub(crate) fn is_of_users(name: &[u8]) -> bool {
    if cfg!(target_os = "linux") {
        name.starts_with(b"user.")
    } else {
        !["security.", "system.", "trusted."]
            .iter()
            .any(|reserved| name.starts_with(reserved.as_bytes()))
    }
}

/// A file's attributes that belong to users, sorted by name; none where the file
/// system has no attributes.
pub(crate) fn read(file: BorrowedFd) -> Result<Attributes, Errno> {
    let names = match grown(|room| flistxattr(file, room)) {
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        other => other?,
    };
    let mut names: Vec<_> = names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty() && is_of_users(name))
        .collect();
    names.sort_unstable();
    let mut attributes = Vec::new();
    let mut size = 0;
    for name in names {
        let value = match grown(|room| fgetxattr(file, name, room)) {
            // It went away meanwhile.
            Err(GONE) => continue,
            other => other?,
        };
        size += name.len() + value.len();
        if size > MAX_ATTRIBUTES {
            return Err(Errno::TOOBIG);
        }
        attributes.push((name.to_vec(), value));
    }
    Ok(attributes)
}

/// Calls with ever more room, until the answer fits.
fn grown(mut call: impl FnMut(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut room = vec![0; 1024];
    loop {
        match call(&mut room) {
            Err(Errno::RANGE) if room.len() < MAX_ATTRIBUTES => room.resize(room.len() * 4, 0),
            Err(error) => return Err(error),
            Ok(size) => {
                room.truncate(size);
                return Ok(room);
            }
        }
    }
}
