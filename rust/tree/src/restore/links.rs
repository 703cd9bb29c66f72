//! Restoring links, last of all: nothing is written through them.

use std::collections::HashMap;
use std::io::BufRead;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, linkat, renameat, symlinkat, unlinkat};
use rustix::io::Errno;

use super::metadata::finish_link;
use super::{Links, Restore, exists, temporary_name};
use crate::beneath::rename_new;
use crate::calls::about;
use crate::entry::{Entry, Kind, OVERHEAD};
use crate::error::Error;
use crate::input::Again;
use crate::names::{Name, link_stays_inside};
use crate::report::ProblemKind;
use crate::walk::{FileId, as_path, file_id};

impl<R: BufRead> Restore<'_, R> {
    /// Restores the content of hard links whose first name was not selected,
    /// which passed before the link was seen: the archive is read once more,
    /// and the content gets the selected name.
    pub(super) fn find_first_names(&mut self, again: Option<Again<'_, R>>) -> Result<(), Error> {
        let mut wanted: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        let mut links = Vec::new();
        for mut link in std::mem::take(&mut self.links) {
            let first = Name::parse(&link.link).ok().map(|name| name.join());
            let Some(first) = first
                .filter(|first| link.kind == Kind::HardLink && !self.selection.would_take(first))
            else {
                links.push(link);
                continue;
            };
            if again.is_none() {
                let message = format!(
                    "its content is under the name {}, which was not selected",
                    as_path(&first).display()
                );
                self.refuse(&link, &message);
            } else if let Some(path) = wanted.get(&first) {
                link.link.clone_from(path);
                links.push(link);
            } else {
                self.deferred(first.len() + link.path.len() + OVERHEAD)?;
                wanted.insert(first, link.path);
            }
        }
        self.links = links;
        if let (Some(again), false) = (again, wanted.is_empty()) {
            self.archive.restart(again().map_err(Error::Source)?);
            self.restore_as(wanted)?;
        }
        Ok(())
    }

    /// Restores files under the names that are `wanted` for them.
    fn restore_as(&mut self, mut wanted: HashMap<Vec<u8>, Vec<u8>>) -> Result<(), Error> {
        while !wanted.is_empty() {
            let Some(mut entry) = self.archive.next()? else {
                break;
            };
            let Ok(name) = Name::parse(&entry.path).map(|name| name.join()) else {
                continue;
            };
            if entry.kind == Kind::File
                && let Some(path) = wanted.remove(&name)
            {
                entry.path = path;
                self.file(entry)?;
            }
        }
        for path in wanted.into_values() {
            let message = "a hard link to nothing";
            self.report
                .problem(as_path(&path), ProblemKind::Refused, &message);
        }
        Ok(())
    }

    pub(super) fn make_links(&mut self) -> Result<(), Error> {
        for entry in std::mem::take(&mut self.links) {
            self.archive.tick()?;
            match self.make_link(&entry) {
                Ok(Some(id)) => {
                    self.remember(id)?;
                    self.report.links += 1;
                }
                Ok(None) => {}
                Err(error) => self.failed(&entry, error)?,
            }
        }
        Ok(())
    }

    /// Makes a link, and says which file it is; `None` where it was refused.
    fn make_link(&mut self, entry: &Entry) -> Result<Option<FileId>, Errno> {
        let name = match Name::parse(&entry.path) {
            Ok(name) => name,
            Err(why) => {
                self.refuse(entry, &why);
                return Ok(None);
            }
        };
        let Some((parents, last)) = name.split() else {
            self.refuse(entry, &"a link without a name");
            return Ok(None);
        };
        if entry.kind == Kind::SymbolicLink
            && self.options.links == Links::Inside
            && !link_stays_inside(&entry.link, parents.len())
        {
            self.refuse(entry, &"a link that could lead out of the target");
            return Ok(None);
        }
        let first = if entry.kind == Kind::HardLink {
            match self.first_name(entry)? {
                None => return Ok(None),
                first => first,
            }
        } else {
            None
        };
        let parent = self.beneath.make(parents)?.try_clone_to_owned();
        let parent = parent.map_err(|_| Errno::MFILE)?;
        let parent = parent.as_fd();
        if exists(parent, last) && !self.replaces() {
            self.exists(entry);
            return Ok(None);
        }
        // The first name itself may be given to a file once more.
        let same = first
            .as_ref()
            .and_then(|(dir, name)| about(dir.as_fd(), name.as_slice()).ok());
        let same = same.map(|stat| file_id(&stat));
        if self.is_own(parent, last) && about(parent, last).ok().map(|stat| file_id(&stat)) != same
        {
            self.collides(entry);
            return Ok(None);
        }
        // What stands there is replaced only once the link is made.
        let temporary = temporary_name().map_err(|_| Errno::IO)?;
        let temporary = temporary.as_slice();
        if let Some((dir, name)) = first {
            linkat(dir, name, parent, temporary, AtFlags::empty())?;
        } else {
            symlinkat(entry.link.as_slice(), parent, temporary)?;
            let wanted = self.options.wanted();
            finish_link(entry, parent, temporary, wanted, &mut self.report);
        }
        let id = file_id(&about(parent, temporary)?);
        let renamed = if self.replaces() {
            renameat(parent, temporary, parent, last)
        } else {
            rename_new(parent, temporary, last)
        };
        // Renaming one name of a file to another does nothing, and leaves both.
        let _ = unlinkat(parent, temporary, AtFlags::empty());
        renamed.map(|()| Some(id))
    }

    /// The directory and name of the file that a hard link is a further name of.
    fn first_name(&mut self, entry: &Entry) -> Result<Option<(OwnedFd, Vec<u8>)>, Errno> {
        let Ok(name) = Name::parse(&entry.link) else {
            self.refuse(entry, &"a hard link that leads out of the target");
            return Ok(None);
        };
        let Some((parents, last)) = name.split() else {
            self.refuse(entry, &"a hard link to nothing");
            return Ok(None);
        };
        let dir = self.beneath.find(parents)?.try_clone_to_owned();
        let dir = dir.map_err(|_| Errno::MFILE)?;
        let stat = about(dir.as_fd(), last)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            self.refuse(entry, &"a hard link to something that is not a file");
            return Ok(None);
        }
        if !self.in_place && !self.written.contains(&file_id(&stat)) {
            self.refuse(entry, &"a hard link to a file that is not of this backup");
            return Ok(None);
        }
        Ok(Some((dir, last.to_vec())))
    }
}
