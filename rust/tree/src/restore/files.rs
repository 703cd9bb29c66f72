//! Restoring files.

use std::borrow::Cow;
use std::fs::File;
use std::io::BufRead;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, fstat, ftruncate, renameat, unlinkat};
use rustix::io::Errno;

use super::metadata::finish;
use super::writers::{PIECE, Target};
use super::{Restore, SYNC_EACH, exists, flush, temporary_name};
use crate::beneath::rename_new;
use crate::calls::open;
use crate::entry::Entry;
use crate::error::Error;
use crate::names::Name;
use crate::sparse::Part;
use crate::stale;
use crate::walk::{FileId, as_path, file_id};

/// A file that is being written, under a temporary name unless the whole target
/// is temporary.
struct NewFile {
    file: File,
    temporary: Option<Vec<u8>>,
}

impl<R: BufRead> Restore<'_, R> {
    pub(super) fn file(&mut self, entry: Entry) -> Result<(), Error> {
        let done = self.report.bytes.saturating_add(entry.size);
        if self.options.max_bytes.is_some_and(|most| done > most) {
            return Err(Error::TooLarge(
                "the backup holds more than may be restored",
            ));
        }
        let new = match self.opened(|restore| restore.new_file(&entry))? {
            Ok(Some(new)) => new,
            Ok(None) => return Ok(()),
            Err(error) => return self.failed(&entry, error),
        };
        if let Some(map) = &entry.sparse
            && let Err(error) = ftruncate(&new.file, map.whole)
        {
            self.discard(&entry, &new);
            return self.failed(&entry, error);
        }
        if self.writers.is_some() {
            self.count(&entry);
            return self.hand_over(new.file, entry);
        }
        if let Err(error) = self.content(&entry, &new.file) {
            self.discard(&entry, &new);
            return Err(error);
        }
        let wanted = self.options.wanted();
        finish(&entry, new.file.as_fd(), wanted, &mut self.report);
        let published = self
            .sync_file(&new)
            .and_then(|()| self.publish(&entry, &new));
        match published {
            Ok(true) => {}
            Ok(false) => {
                self.discard(&entry, &new);
                self.collides(&entry);
                return Ok(());
            }
            Err(error) => {
                self.discard(&entry, &new);
                return self.failed(&entry, error);
            }
        }
        if let Ok(stat) = fstat(&new.file) {
            self.remember(file_id(&stat))?;
        }
        self.count(&entry);
        Ok(())
    }

    fn count(&mut self, entry: &Entry) {
        let holes = entry.whole_size().saturating_sub(entry.size);
        let report = &mut self.report;
        report.files += 1;
        // Whoever wrote the archive may claim any size.
        report.bytes = report.bytes.saturating_add(entry.size);
        report.holes = report.holes.saturating_add(holes);
    }

    /// Reads what belongs in a file, and has others write it.
    fn hand_over(&mut self, file: File, entry: Entry) -> Result<(), Error> {
        let Some(writers) = &mut self.writers else {
            return Ok(());
        };
        let parts = parts(&entry).into_owned();
        let content = parts.iter().map(|part| part.size).sum();
        let target = Arc::new(Target::new(file, entry, content));
        if content == 0 {
            writers.room(0)?;
            writers.write(&target, 0, 0);
        }
        for part in parts {
            let end = part.offset + part.size;
            let mut at = part.offset;
            while at < end {
                let size = usize::try_from(end - at).map_or(PIECE, |left| left.min(PIECE));
                let room = writers.room(size)?;
                let full = room.len() + size;
                while room.len() < full {
                    let piece = self.archive.content()?;
                    let piece = &piece[..piece.len().min(full - room.len())];
                    room.extend_from_slice(piece);
                    let size = piece.len();
                    self.archive.consume(size)?;
                }
                writers.write(&target, at, size);
                at += size as u64;
            }
        }
        Ok(())
    }

    /// Makes the file that an entry's content goes to; `None` where the entry
    /// was refused.
    fn new_file(&mut self, entry: &Entry) -> Result<Option<NewFile>, Errno> {
        let name = match Name::parse(&entry.path) {
            Ok(name) => name,
            Err(why) => {
                self.refuse(entry, &why);
                return Ok(None);
            }
        };
        let Some((parents, last)) = name.split() else {
            self.refuse(entry, &"a file without a name");
            return Ok(None);
        };
        let parent = self.beneath.make(parents)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mode = Mode::RUSR | Mode::WUSR;
        if self.in_place {
            let file = File::from(open(parent, last, flags, mode)?);
            let temporary = None;
            return Ok(Some(NewFile { file, temporary }));
        }
        if !self.options.overwrite && exists(parent, last) {
            self.exists(entry);
            return Ok(None);
        }
        loop {
            let temporary = temporary_name().map_err(|_| Errno::IO)?;
            let file = File::from(open(parent, temporary.as_slice(), flags, mode)?);
            if stale::claim_file(file.as_fd())? {
                if self.swept.insert(file_id(&fstat(parent)?)) {
                    stale::remove_files(parent, &fstat(&file)?);
                    // It counts when the file is remembered.
                    self.deferred += size_of::<FileId>() * 2;
                }
                let temporary = Some(temporary);
                return Ok(Some(NewFile { file, temporary }));
            }
        }
    }

    /// Writes the content where it belongs; holes stay holes.
    fn content(&mut self, entry: &Entry, file: &File) -> Result<(), Error> {
        for part in &*parts(entry) {
            let end = part.offset + part.size;
            let mut at = part.offset;
            while at < end {
                let piece = self.archive.content()?;
                let room = usize::try_from(end - at).unwrap_or(usize::MAX);
                let piece = &piece[..piece.len().min(room)];
                if let Err(error) = file.write_all_at(piece, at) {
                    return Err(Error::io(self.target.join(as_path(&entry.path)), error));
                }
                let size = piece.len();
                at += size as u64;
                self.archive.consume(size)?;
            }
        }
        Ok(())
    }

    /// Has the new content on the disk: before an old file makes room for it,
    /// and where one call at the end cannot do it.
    fn sync_file(&self, new: &NewFile) -> Result<(), Errno> {
        let replaces = self.options.overwrite && new.temporary.is_some();
        if self.options.sync && (replaces || SYNC_EACH) {
            flush(new.file.as_fd())?;
        }
        Ok(())
    }

    /// Gives a complete file its name; `false` where another one of this run has
    /// it already.
    fn publish(&mut self, entry: &Entry, new: &NewFile) -> Result<bool, Errno> {
        let (Some(temporary), Ok(name)) = (&new.temporary, Name::parse(&entry.path)) else {
            return Ok(true);
        };
        let (parents, last) = name.split().ok_or(Errno::INVAL)?;
        let parent = self.beneath.find(parents)?.try_clone_to_owned();
        let parent = parent.map_err(|_| Errno::MFILE)?;
        let temporary = temporary.as_slice();
        if !self.options.overwrite {
            rename_new(parent.as_fd(), temporary, last)?;
        } else if self.is_own(parent.as_fd(), last) {
            return Ok(false);
        } else {
            renameat(&parent, temporary, &parent, last)?;
        }
        Ok(true)
    }

    /// Removes a file that will not be completed. The error that is reported is
    /// the one that came before.
    fn discard(&mut self, entry: &Entry, new: &NewFile) {
        if let Ok(name) = Name::parse(&entry.path)
            && let Some((parents, last)) = name.split()
            && let Ok(parent) = self.beneath.find(parents)
        {
            let made = new.temporary.as_deref().unwrap_or(last);
            let _ = unlinkat(parent, made, AtFlags::empty());
        }
    }
}

/// Where an entry's content belongs in its file.
fn parts(entry: &Entry) -> Cow<'_, [Part]> {
    match &entry.sparse {
        Some(map) => Cow::Borrowed(&map.parts),
        None => Cow::Owned(vec![Part {
            offset: 0,
            size: entry.size,
        }]),
    }
}
