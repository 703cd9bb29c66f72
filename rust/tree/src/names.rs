//! Names in an archive: bytes separated by slashes, never trusted.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use crate::error::Error;

/// How deeply entries may be nested: each folder on the way is held open.
pub(crate) const MAX_DEPTH: usize = 256;

/// A name that stays beneath a target: its components, none of them special.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Name<'a>(pub(crate) Vec<&'a [u8]>);

impl<'a> Name<'a> {
    /// Checks a name of an archive entry. Says why it is refused otherwise.
    pub(crate) fn parse(raw: &'a [u8]) -> Result<Self, &'static str> {
        if raw.starts_with(b"/") {
            return Err("an absolute name");
        }
        if raw.contains(&0) {
            return Err("a name with a zero byte");
        }
        let mut components = Vec::new();
        for component in raw.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => return Err("a name that leads out of the target"),
                component => components.push(component),
            }
        }
        if components.len() > MAX_DEPTH {
            return Err("a name that is nested too deeply");
        }
        Ok(Self(components))
    }

    /// The name in its one normal form.
    pub(crate) fn join(&self) -> Vec<u8> {
        self.0.join(&b'/')
    }

    /// The last component and those before it; `None` for the target itself.
    pub(crate) fn split(&self) -> Option<(&[&'a [u8]], &'a [u8])> {
        let (last, parents) = self.0.split_last()?;
        Some((parents, last))
    }
}

/// Whether a symbolic link stays beneath the target, wherever other links lead.
///
/// `depth` is the number of directories that the link stands in, which are real
/// ones. Going up is allowed only at the beginning, where it leaves real
/// directories: behind another link, `..` could lead anywhere.
pub(crate) fn link_stays_inside(target: &[u8], depth: usize) -> bool {
    let mut up = 0;
    let mut going_up = true;
    for component in Path::new(OsStr::from_bytes(target)).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(_) => going_up = false,
            Component::ParentDir if going_up => up += 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    up <= depth
}

/// The names that roots get in an archive: their base names, or nothing where a
/// root has none (`.`, `..`, `/`) and is stored by its contents.
pub(crate) fn root_names<'a>(
    roots: impl IntoIterator<Item = &'a Path>,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for root in roots {
        let last = root.components().next_back();
        let name = match last {
            Some(Component::Normal(name)) => name.as_bytes().to_vec(),
            _ => Vec::new(),
        };
        if !seen.insert(name.clone()) {
            let message = format!("two trees would both be stored as {}", root.display());
            return Err(Error::Usage(message));
        }
        names.push(name);
    }
    if names.len() > 1 && seen.contains(&Vec::new()) {
        let message = "a folder without a name can only be backed up alone".to_owned();
        return Err(Error::Usage(message));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_are_refused() {
        for raw in ["/etc/passwd", "../x", "a/../../x", "a/..", "a\0b"] {
            assert!(Name::parse(raw.as_bytes()).is_err(), "{raw}");
        }
    }

    #[test]
    fn harmless_parts_are_dropped() {
        let name = Name::parse(b"./a//b/./c/");
        assert!(name.is_ok_and(|name| name.0 == [b"a", b"b", b"c"]));
    }

    #[test]
    fn links_are_followed_by_the_mind_only() {
        for inside in ["x", "./x/y", "../x", "../../x/y", ".."] {
            assert!(link_stays_inside(inside.as_bytes(), 2), "{inside}");
        }
        for outside in ["/x", "../../../x", "x/..", "../x/../y", "x/../../.."] {
            assert!(!link_stays_inside(outside.as_bytes(), 2), "{outside}");
        }
    }

    #[test]
    fn two_roots_of_one_name_are_refused() {
        let roots = [Path::new("a/x"), Path::new("b/x/")];
        assert!(root_names(roots).is_err());
    }
}
