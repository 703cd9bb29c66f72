//! One file out of an archive.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use passkeep_core::Watch;

use crate::entry::{Entry, Kind};
use crate::error::Error;
use crate::input::Input;
use crate::names::Name;
use crate::read::Archive;
use crate::select::normal;
use crate::sparse::Part;
use crate::walk::as_path;

/// How many zeros are written between two looks at the watcher.
const ZEROS: u64 = 1 << 20;

/// Writes the content of one file to `sink`, and reads the archive no farther.
/// Returns the size of the file.
///
/// A hard link has the content of its first name, which stands before it: the
/// archive is read a second time if it can be.
///
/// Without `max_bytes`, which is the most to write, compressed data and holes may
/// expand as far as a restore lets compressed data.
///
/// # Errors
/// [`Error::NoSuchFile`] where `path` is not a file of the archive, and those of
/// the source, the archive, the sink and the watcher.
pub fn cat_tree<'a, R: BufRead, W: Write>(
    source: impl Into<Input<'a, R>>,
    path: &Path,
    mut sink: W,
    max_bytes: Option<u64>,
    watch: &mut dyn Watch,
) -> Result<u64, Error> {
    let Input { first, again } = source.into();
    let wanted = normal(path)?;
    let mut archive = Archive::new(first, watch);
    if max_bytes.is_none() {
        archive.limit_expansion();
    }
    let mut entry = find(&mut archive, &wanted)?;
    if entry.kind == Kind::HardLink {
        let first = normal(as_path(&entry.link))?;
        let Some(again) = again else {
            let what = format!(
                "a hard link; the content is under {}",
                as_path(&first).display()
            );
            return Err(not_a_file(path, &what));
        };
        archive.restart(again().map_err(Error::Source)?);
        entry = find(&mut archive, &first)?;
    }
    match entry.kind {
        Kind::File => {}
        Kind::Directory => return Err(not_a_file(path, "a folder")),
        Kind::SymbolicLink => {
            let what = format!("a symbolic link to {}", as_path(&entry.link).display());
            return Err(not_a_file(path, &what));
        }
        Kind::HardLink => return Err(not_a_file(path, "a hard link to another one")),
        Kind::Other(why) => return Err(not_a_file(path, why)),
    }
    if max_bytes.is_some_and(|most| entry.whole_size() > most) {
        return Err(Error::TooLarge("the file is larger than may be written"));
    }
    write(&mut archive, &entry, &mut sink)?;
    Ok(entry.whole_size())
}

fn find<R: BufRead>(archive: &mut Archive<R>, wanted: &[u8]) -> Result<Entry, Error> {
    while let Some(entry) = archive.next()? {
        if Name::parse(&entry.path).is_ok_and(|name| name.join() == wanted) {
            return Ok(entry);
        }
    }
    let message = format!("the backup holds no {}", as_path(wanted).display());
    Err(Error::NoSuchFile(message))
}

fn not_a_file(path: &Path, what: &str) -> Error {
    let path = path.display();
    Error::NoSuchFile(format!("{path} is no file in the backup: it is {what}"))
}

/// Writes a file's data, and zeros for its holes.
fn write<R: BufRead>(
    archive: &mut Archive<R>,
    entry: &Entry,
    sink: &mut impl Write,
) -> Result<(), Error> {
    let whole = [Part {
        offset: 0,
        size: entry.size,
    }];
    let (mut at, mut holes) = (0, 0);
    for part in entry.sparse.as_ref().map_or(&whole[..], |map| &map.parts) {
        zeros(archive, part.offset - at, &mut holes, sink)?;
        at = part.offset + part.size;
        let mut left = part.size;
        while left > 0 {
            let piece = archive.content()?;
            let room = usize::try_from(left).unwrap_or(usize::MAX);
            let size = piece.len().min(room);
            sink.write_all(&piece[..size]).map_err(Error::Sink)?;
            archive.consume(size)?;
            left -= size as u64;
        }
    }
    zeros(archive, entry.whole_size() - at, &mut holes, sink)?;
    sink.flush().map_err(Error::Sink)
}

/// Writes zeros for a hole; `holes` are those of the whole file so far.
fn zeros<R: BufRead>(
    archive: &mut Archive<R>,
    count: u64,
    holes: &mut u64,
    sink: &mut impl Write,
) -> Result<(), Error> {
    let mut left = count;
    while left > 0 {
        let size = left.min(ZEROS);
        *holes += size;
        archive.allow(*holes)?;
        io::copy(&mut io::repeat(0).take(size), sink).map_err(Error::Sink)?;
        left -= size;
        archive.tick()?;
    }
    Ok(())
}
