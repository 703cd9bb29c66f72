//! Which entries of an archive were asked for.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::error::Error;
use crate::names::Name;

/// Paths, each of which stands for itself and all beneath it.
pub(crate) struct Selection {
    /// Whether each of them was found.
    paths: BTreeMap<Vec<u8>, bool>,
}

impl Selection {
    /// A selection of `paths`, or of everything where there are none.
    pub(crate) fn new(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut selection = Self {
            paths: BTreeMap::new(),
        };
        for path in paths {
            selection.paths.insert(normal(path)?, false);
        }
        Ok(selection)
    }

    /// Whether an entry is wanted, and remembers that it was found.
    pub(crate) fn takes(&mut self, path: &[u8]) -> bool {
        if self.paths.is_empty() {
            return true;
        }
        let Ok(name) = Name::parse(path) else {
            // Nothing that can be asked for.
            return false;
        };
        let path = name.join();
        let Some(selected) = self.selected(&path).map(<[u8]>::to_vec) else {
            return false;
        };
        self.paths.insert(selected, true);
        true
    }

    /// Whether an entry of this name, as [`Name::join`] gives it, is wanted.
    pub(crate) fn would_take(&self, path: &[u8]) -> bool {
        self.paths.is_empty() || self.selected(path).is_some()
    }

    /// The path that selects an entry.
    fn selected<'p>(&self, path: &'p [u8]) -> Option<&'p [u8]> {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let ends = slashes.map(|(at, _)| at);
        let mut prefixes = [0, path.len()].into_iter().chain(ends);
        prefixes
            .find(|end| self.paths.contains_key(&path[..*end]))
            .map(|end| &path[..end])
    }

    /// The paths that selected nothing.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &[u8]> {
        let missing = self.paths.iter().filter(|(_, found)| !**found);
        missing.map(|(path, _)| path.as_slice())
    }
}

/// A path as archives name it.
pub(crate) fn normal(path: &std::path::Path) -> Result<Vec<u8>, Error> {
    let raw = path.as_os_str().as_bytes();
    match Name::parse(raw) {
        Ok(name) => Ok(name.join()),
        Err(why) => Err(Error::Usage(format!(
            "{} cannot be in a backup: it is {why}",
            path.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_for_itself_and_what_is_beneath() {
        let paths = ["a/b/", "./c", "d/e/f"].map(PathBuf::from);
        let mut selection = Selection::new(&paths).unwrap_or_else(|error| panic!("{error}"));
        for taken in ["a/b", "a/b/", "./a//b/x/y", "c", "c/x"] {
            assert!(selection.takes(taken.as_bytes()), "{taken}");
        }
        for left in ["a", "a/bc", "a/c", "cc", "d/e", "", "../c", "/c"] {
            assert!(!selection.takes(left.as_bytes()), "{left}");
        }
        assert_eq!(selection.missing().collect::<Vec<_>>(), [b"d/e/f"]);
    }

    #[test]
    fn no_paths_or_the_root_stand_for_everything() {
        for paths in [vec![], vec![PathBuf::from(".")]] {
            let mut selection = Selection::new(&paths).unwrap_or_else(|error| panic!("{error}"));
            assert!(selection.takes(b"anything/at/all"));
            assert_eq!(selection.missing().count(), 0);
        }
    }

    #[test]
    fn paths_that_no_backup_has_are_refused() {
        for path in ["/etc", "../x", "a/../../b"] {
            assert!(Selection::new(&[PathBuf::from(path)]).is_err(), "{path}");
        }
    }
}
