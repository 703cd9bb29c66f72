//! What a backup leaves out.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Read;
use std::os::fd::BorrowedFd;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::{Mode, OFlags};

use crate::calls::open;
use crate::error::Error;
use crate::walk::as_path;

const CACHE_TAG: &CStr = c"CACHEDIR.TAG";
/// What a tag begins with, by the Cache Directory Tagging Specification.
const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Patterns, and whether caches count as left out.
pub struct Filter {
    patterns: Gitignore,
    caches: bool,
}

impl Default for Filter {
    /// Nothing is left out.
    fn default() -> Self {
        Self {
            patterns: Gitignore::empty(),
            caches: false,
        }
    }
}

impl Filter {
    /// A filter of patterns as in a `.gitignore` file: matched against names in
    /// the archive, the last one that matches decides, `!` takes back.
    ///
    /// `caches` leaves out what is in folders with a `CACHEDIR.TAG`.
    ///
    /// # Errors
    /// [`Error::Usage`] where a pattern is malformed.
    pub fn new(patterns: &[impl AsRef<str>], caches: bool) -> Result<Self, Error> {
        // This root is never stripped from a name.
        let mut builder = GitignoreBuilder::new(".");
        builder.allow_unclosed_class(false);
        for pattern in patterns {
            builder.add_line(None, pattern.as_ref()).map_err(usage)?;
        }
        let patterns = builder.build().map_err(usage)?;
        Ok(Self { patterns, caches })
    }

    /// Whether an entry is left out, and everything beneath it.
    pub(crate) fn leaves_out(&self, path: &[u8], is_directory: bool) -> bool {
        !self.patterns.is_empty()
            && self
                .patterns
                .matched(as_path(path), is_directory)
                .is_ignore()
    }

    /// Keeps nothing of a directory but its tag, if that says it is a cache.
    pub(crate) fn empty_cache(&self, dir: BorrowedFd, names: &mut Vec<CString>) {
        if self.caches && names.iter().any(|name| name.as_c_str() == CACHE_TAG) && is_cache(dir) {
            names.retain(|name| name.as_c_str() == CACHE_TAG);
        }
    }
}

fn is_cache(dir: BorrowedFd) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let Ok(tag) = open(dir, CACHE_TAG, flags, Mode::empty()) else {
        return false;
    };
    let mut start = [0; CACHE_SIGNATURE.len()];
    File::from(tag).read_exact(&mut start).is_ok() && start == CACHE_SIGNATURE
}

#[allow(clippy::needless_pass_by_value)] // it is what map_err gives
fn usage(error: ignore::Error) -> Error {
    Error::Usage(format!("a pattern is malformed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(patterns: &[&str], path: &str) -> bool {
        let filter = Filter::new(patterns, false).unwrap_or_else(|error| panic!("{error}"));
        filter.leaves_out(path.trim_end_matches('/').as_bytes(), path.ends_with('/'))
    }

    #[test]
    fn patterns_mean_what_they_mean_to_git() {
        for (pattern, path) in [
            ("*.tmp", "tree/a.tmp"),
            ("*.tmp", "a.tmp"),
            ("cache/", "tree/x/cache/"),
            ("/tree/cache", "tree/cache"),
            ("tree/cache", "tree/cache"),
            ("**/x/y", "tree/a/x/y"),
            ("tree/**", "tree/a"),
            ("[ab]?", "tree/a1"),
            (r"\!a", "tree/!a"),
        ] {
            assert!(left_out(&[pattern], path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("*.tmp", "tree/a.tmpx"),
            ("cache/", "tree/cache"),
            ("/cache", "tree/cache"),
            ("x/y", "tree/x/y"),
            ("# a", "tree/# a"),
            ("", "tree/a"),
        ] {
            assert!(!left_out(&[pattern], path), "{pattern} {path}");
        }
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        assert!(!left_out(&["*.log", "!keep.log"], "tree/keep.log"));
        assert!(left_out(&["!keep.log", "*.log"], "tree/keep.log"));
    }

    #[test]
    fn names_may_be_any_bytes() {
        let filter = Filter::new(&["*.tmp"], false).unwrap_or_else(|error| panic!("{error}"));
        assert!(filter.leaves_out(b"tree/\xff\xfe.tmp", false));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for pattern in ["a[", "{a", "[b-a]"] {
            assert!(Filter::new(&[pattern], false).is_err(), "{pattern}");
        }
    }
}
