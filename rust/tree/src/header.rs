//! Header blocks.

use rustix::fs::Stat;
use tar::{EntryType, Header};

use crate::pax::Time;

/// The longest name that a header block holds.
pub(crate) const SHORT_NAME: usize = 100;
/// The largest size that a header block holds in octal.
pub(crate) const SHORT_SIZE: u64 = 0o777_7777_7777;

/// What a sparse file is called by programs that do not know sparse files: they
/// restore its map and data under this name.
pub(crate) fn sparse_name(path: &[u8]) -> Vec<u8> {
    let base = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let mut name = b"GNUSparseFile.0/".to_vec();
    name.extend_from_slice(&base[..base.len().min(SHORT_NAME - name.len())]);
    name
}

/// A header block. What does not fit stands in the extended header before it.
pub(crate) fn block(
    kind: EntryType,
    name: &[u8],
    stat: &Stat,
    size: u64,
    link: Option<&[u8]>,
) -> Header {
    let mut header = Header::new_ustar();
    let ustar = header.as_old_mut();
    copy_start(&mut ustar.name, name);
    copy_start(&mut ustar.linkname, link.unwrap_or_default());
    header.set_entry_type(kind);
    header.set_mode(stat.st_mode & 0o7777);
    header.set_uid(stat.st_uid.into());
    header.set_gid(stat.st_gid.into());
    header.set_mtime(u64::try_from(modified(stat).seconds).unwrap_or(0));
    header.set_size(size);
    header.set_cksum();
    header
}

fn copy_start(field: &mut [u8], value: &[u8]) {
    let size = value.len().min(field.len());
    field[..size].copy_from_slice(&value[..size]);
}

#[allow(
    clippy::unnecessary_cast,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
pub(crate) fn modified(stat: &Stat) -> Time {
    Time {
        seconds: stat.st_mtime as i64,
        nanoseconds: stat.st_mtime_nsec as u32,
    }
}
