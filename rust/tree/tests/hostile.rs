//! Archives that somebody made to do harm.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use common::{archive, entry, names, pax, restore, scan, sized_entry};
use passkeep_tree::{Error, Links, ProblemKind, RestoreOptions, restore_tree};
use tempfile::{TempDir, tempdir};

const FILE: u8 = b'0';
const HARD_LINK: u8 = b'1';
const SYMBOLIC_LINK: u8 = b'2';
const DIRECTORY: u8 = b'5';

/// A folder with a victim beside the place that is restored into.
fn scene() -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("victim"), b"untouched").unwrap();
    let target = folder.path().join("target");
    (folder, target)
}

fn assert_untouched(folder: &Path) {
    assert_eq!(fs::read(folder.join("victim")).unwrap(), b"untouched");
    let expected = if folder.join("target").exists() {
        vec!["target", "victim"]
    } else {
        vec!["victim"]
    };
    assert_eq!(names(folder), expected);
}

#[test]
fn harmful_entries_are_refused_and_the_rest_is_restored() {
    let outside = |folder: &Path| folder.join("victim").into_os_string().into_encoded_bytes();
    let (folder, target) = scene();
    let victim = outside(folder.path());
    let cases: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("parent", vec![entry(FILE, b"../victim", b"", b"bad")]),
        (
            "inner parent",
            vec![entry(FILE, b"a/../../victim", b"", b"bad")],
        ),
        ("absolute", vec![entry(FILE, &victim, b"", b"bad")]),
        ("parent folder", vec![entry(DIRECTORY, b"../new", b"", b"")]),
        (
            "link out",
            vec![entry(SYMBOLIC_LINK, b"link", &victim, b"")],
        ),
        (
            "link up",
            vec![entry(SYMBOLIC_LINK, b"link", b"../victim", b"")],
        ),
        (
            "link through a link",
            vec![
                entry(SYMBOLIC_LINK, b"here", b".", b""),
                entry(SYMBOLIC_LINK, b"out", b"here/../victim", b""),
            ],
        ),
        (
            "hard link out",
            vec![entry(HARD_LINK, b"link", b"../victim", b"")],
        ),
        (
            "hard link to absolute",
            vec![entry(HARD_LINK, b"link", &victim, b"")],
        ),
        (
            "hard link to nothing",
            vec![entry(HARD_LINK, b"link", b"missing", b"")],
        ),
        ("character device", vec![entry(b'3', b"null", b"", b"")]),
        ("block device", vec![entry(b'4', b"disk", b"", b"")]),
        ("fifo", vec![entry(b'6', b"fifo", b"", b"")]),
        ("unknown", vec![entry(b'Z', b"what", b"", b"data")]),
        ("sparse", vec![entry(b'S', b"sparse", b"", b"data")]),
        ("no name", vec![entry(FILE, b"", b"", b"data")]),
        (
            "zero byte",
            vec![pax(&[(b"path", b"a\0b")]), entry(FILE, b"x", b"", b"data")],
        ),
        (
            "long name",
            vec![
                pax(&[(b"path", &[b'n'; 300])]),
                entry(FILE, b"x", b"", b"data"),
            ],
        ),
        (
            "nested too deeply",
            vec![
                pax(&[(b"path", &b"d/".repeat(450))]),
                entry(FILE, b"x", b"", b"data"),
            ],
        ),
        (
            "file as a folder",
            vec![
                entry(FILE, b"f", b"", b"data"),
                entry(FILE, b"f/x", b"", b"data"),
            ],
        ),
        (
            "twice",
            vec![
                entry(FILE, b"f", b"", b"data"),
                entry(FILE, b"f", b"", b"other"),
            ],
        ),
    ];
    for (name, mut entries) in cases {
        entries.push(entry(FILE, b"good", b"", b"good"));
        let report = restore(&archive(&entries), &target).unwrap();
        assert_eq!(report.problem_count, 1, "{name}: {:?}", report.problems);
        assert_eq!(fs::read(target.join("good")).unwrap(), b"good", "{name}");
        assert_untouched(folder.path());
        fs::remove_dir_all(&target).unwrap();
    }
}

#[test]
fn nothing_is_written_through_links() {
    for outside in ["..", ".", "inside"] {
        let (folder, target) = scene();
        let entries = [
            entry(DIRECTORY, b"inside", b"", b""),
            entry(SYMBOLIC_LINK, b"evil", outside.as_bytes(), b""),
            entry(FILE, b"evil/victim", b"", b"bad"),
        ];
        let options = RestoreOptions {
            links: Links::All,
            ..RestoreOptions::default()
        };
        restore_tree(&archive(&entries)[..], &target, &options, &mut ()).unwrap();
        // Links come last: the name is a real folder by then.
        assert!(target.join("evil").symlink_metadata().unwrap().is_dir());
        assert_untouched(folder.path());
    }
}

#[test]
fn links_that_stood_in_the_target_are_not_followed() {
    let (folder, target) = scene();
    fs::create_dir(&target).unwrap();
    symlink(folder.path(), target.join("evil")).unwrap();
    symlink(folder.path().join("victim"), target.join("file")).unwrap();
    let entries = [
        entry(FILE, b"evil/victim", b"", b"bad"),
        entry(DIRECTORY, b"evil", b"", b""),
        entry(HARD_LINK, b"hard", b"file", b""),
        entry(FILE, b"file", b"", b"bad"),
    ];
    for overwrite in [false, true] {
        let options = RestoreOptions {
            overwrite,
            ..RestoreOptions::default()
        };
        let report = restore_tree(&archive(&entries)[..], &target, &options, &mut ()).unwrap();
        assert!(report.problem_count >= 2, "{:?}", report.problems);
        assert!(
            report
                .problems
                .iter()
                .any(|p| p.kind == ProblemKind::Refused)
        );
        assert_untouched(folder.path());
    }
}

#[test]
fn folders_that_stood_in_the_target_keep_their_permissions() {
    let (folder, target) = scene();
    fs::create_dir_all(target.join("private")).unwrap();
    fs::set_permissions(target.join("private"), PermissionsExt::from_mode(0o700)).unwrap();
    let entries = [
        entry(DIRECTORY, b"private", b"", b""),
        entry(DIRECTORY, b"new", b"", b""),
    ];
    restore(&archive(&entries), &target).unwrap();
    let mode = |name| {
        fs::metadata(target.join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!((mode("private"), mode("new")), (0o700, 0o644));
    assert_untouched(folder.path());
}

#[test]
fn hard_links_are_made_to_files_of_the_backup_only() {
    let (folder, target) = scene();
    fs::create_dir(&target).unwrap();
    fs::write(target.join("mine"), b"private").unwrap();
    let entries = [
        entry(HARD_LINK, b"public", b"mine", b""),
        entry(FILE, b"theirs", b"", b"x"),
        entry(HARD_LINK, b"second", b"theirs", b""),
    ];
    let report = restore(&archive(&entries), &target).unwrap();
    assert_eq!(report.problem_count, 1, "{:?}", report.problems);
    assert_eq!(names(&target), ["mine", "second", "theirs"]);
    assert_untouched(folder.path());
}

#[test]
fn a_link_that_cannot_be_made_replaces_nothing() {
    let (folder, target) = scene();
    fs::create_dir(&target).unwrap();
    for name in ["self", "empty", "long"] {
        fs::write(target.join(name), b"old").unwrap();
    }
    let entries = [
        entry(FILE, b"self", b"", b"new"),
        entry(HARD_LINK, b"self", b"self", b""),
        entry(SYMBOLIC_LINK, b"empty", b"", b""),
        pax(&[(b"linkpath", &[b'l'; 5000])]),
        entry(SYMBOLIC_LINK, b"long", b"", b""),
    ];
    let options = RestoreOptions {
        overwrite: true,
        ..RestoreOptions::default()
    };
    let report = restore_tree(&archive(&entries)[..], &target, &options, &mut ()).unwrap();
    assert_eq!(report.problem_count, 2, "{:?}", report.problems);
    assert_eq!(names(&target), ["empty", "long", "self"]);
    assert_eq!(fs::read(target.join("self")).unwrap(), b"new");
    assert_eq!(fs::read(target.join("empty")).unwrap(), b"old");
    assert_untouched(folder.path());
}

#[test]
fn dangerous_permissions_are_not_restored() {
    let (_folder, target) = scene();
    let mut file = entry(FILE, b"program", b"", b"x");
    let mut header = tar::Header::from_byte_slice(&file[..512]).clone();
    header.set_mode(0o7777);
    header.set_cksum();
    file[..512].copy_from_slice(header.as_bytes());
    restore(&archive(&[file]), &target).unwrap();
    let mode = fs::metadata(target.join("program"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o777);
}

#[test]
fn claims_of_huge_headers_are_a_limit() {
    for kind in *b"xgLK" {
        let (folder, target) = scene();
        let hostile = archive(&[sized_entry(kind, b"huge", b"", b"", 8 << 30)]);
        assert!(matches!(restore(&hostile, &target), Err(Error::Limit(_))));
        assert_untouched(folder.path());
        assert!(!target.exists());
    }
}

#[test]
fn claims_of_huge_contents_are_an_end_that_is_missing() {
    let huge = u64::MAX.to_string();
    let hostile = archive(&[
        entry(FILE, b"small", b"", b"x"),
        pax(&[(b"size", huge.as_bytes())]),
        entry(FILE, b"huge", b"", b"x"),
    ]);
    let (_folder, target) = scene();
    assert!(matches!(scan(&hostile), Err(Error::Format(_))));
    for threads in [1, 4] {
        let options = RestoreOptions {
            threads,
            ..RestoreOptions::default()
        };
        let end = restore_tree(&hostile[..], &target, &options, &mut ());
        assert!(matches!(end, Err(Error::Format(_))), "{end:?}");
        assert!(!target.exists());
    }
}

#[test]
fn every_truncation_is_found_and_leaves_nothing() {
    let whole = archive(&[
        entry(DIRECTORY, b"folder", b"", b""),
        pax(&[(b"mtime", b"1.5")]),
        entry(FILE, b"folder/file", b"", &[1; 700]),
        entry(SYMBOLIC_LINK, b"link", b"folder/file", b""),
    ]);
    assert!(scan(&whole).is_ok());
    for size in 0..whole.len() - 1 {
        if size % 512 > 1 && size % 512 < 511 && size % 97 != 0 {
            continue;
        }
        let (folder, target) = scene();
        let end = restore(&whole[..size], &target);
        assert!(
            matches!(end, Err(Error::Format(_) | Error::NotATree)),
            "{size}"
        );
        assert!(!target.exists());
        assert_untouched(folder.path());
    }
}

#[test]
fn what_follows_the_end_must_be_zeros() {
    let mut padded = archive(&[entry(FILE, b"file", b"", b"x")]);
    padded.resize(10240, 0);
    assert!(scan(&padded).is_ok());
    padded[9000] = 1;
    assert!(matches!(scan(&padded), Err(Error::Format(_))));
}

#[test]
fn a_bad_checksum_is_found() {
    let mut data = archive(&[entry(FILE, b"a", b"", b"x"), entry(FILE, b"b", b"", b"x")]);
    data[1024] ^= 1;
    assert!(matches!(scan(&data), Err(Error::Format(_))));
    data[0] ^= 1;
    assert!(matches!(scan(&data), Err(Error::NotATree)));
    assert!(matches!(scan(b"not an archive"), Err(Error::NotATree)));
}

#[test]
fn attributes_without_names_count_as_what_they_take() {
    let records = b"18 SCHILY.xattr.=\n".repeat((1 << 20) / 18);
    let folders: Vec<Vec<u8>> = (0..50)
        .flat_map(|n: u32| {
            [
                entry(b'x', b"pax", b"", &records),
                entry(DIRECTORY, format!("{n}/").as_bytes(), b"", b""),
            ]
        })
        .collect();
    let hostile = archive(&folders);
    let (folder, target) = scene();
    let options = RestoreOptions {
        attributes: true,
        ..RestoreOptions::default()
    };
    let end = restore_tree(&hostile[..], &target, &options, &mut ());
    assert!(matches!(end, Err(Error::Limit(_))), "{end:?}");
    assert!(!target.exists());
    // Where nobody wants them, none are kept.
    let report = restore(&hostile, &target).unwrap();
    assert_eq!((report.directories, report.problem_count), (50, 0));
    assert_untouched(folder.path());
}

#[test]
fn names_in_messages_are_cut() {
    let long = [b"SCHILY.xattr.user.", &b"\xff".repeat((1 << 20) - 60)[..]].concat();
    let first = b"n".repeat((1 << 20) - 60);
    let hostile = archive(&[
        pax(&[(&long, b"")]),
        entry(FILE, b"file", b"", b"x"),
        pax(&[(b"linkpath", &first)]),
        entry(HARD_LINK, b"link", b"", b""),
    ]);
    for threads in [1, 4] {
        let (_folder, target) = scene();
        let options = RestoreOptions {
            attributes: true,
            paths: vec!["file".into(), "link".into()],
            threads,
            ..RestoreOptions::default()
        };
        let report = restore_tree(&hostile[..], &target, &options, &mut ()).unwrap();
        let starts = [
            "restored without its attribute user.",
            "its content is under",
        ];
        assert_eq!(report.problems.len(), 2, "{threads}");
        for problem in &report.problems {
            let message = &problem.message;
            assert!(starts.iter().any(|start| message.starts_with(start)));
            assert!(message.len() <= 4096 && message.capacity() <= 8192);
        }
    }
}

#[test]
fn no_link_takes_the_place_of_another_entry() {
    let options = RestoreOptions {
        overwrite: true,
        ..RestoreOptions::default()
    };
    for kind in [SYMBOLIC_LINK, HARD_LINK] {
        for existing in [false, true] {
            let (_folder, target) = scene();
            if existing {
                fs::create_dir(&target).unwrap();
            }
            let hostile = archive(&[
                entry(FILE, b"a", b"", b"first"),
                entry(FILE, b"b", b"", b"other"),
                entry(kind, b"a", b"b", b""),
                entry(kind, b"link", b"b", b""),
                entry(kind, b"link", b"a", b""),
            ]);
            let report = restore_tree(&hostile[..], &target, &options, &mut ()).unwrap();
            let kinds: Vec<_> = report.problems.iter().map(|one| one.kind).collect();
            assert_eq!(kinds, [ProblemKind::Exists; 2], "{:?}", report.problems);
            assert!(!target.join("a").is_symlink());
            assert_eq!(fs::read(target.join("a")).unwrap(), b"first");
            assert_eq!(fs::read(target.join("link")).unwrap(), b"other");
            assert_eq!(names(&target), ["a", "b", "link"]);
        }
    }
}

/// Gives a changed header block the checksum that it should have.
fn recheck(block: &mut [u8]) {
    let mut header = tar::Header::from_byte_slice(block).clone();
    header.set_cksum();
    block.copy_from_slice(header.as_bytes());
}

#[test]
fn any_changed_byte_ends_in_an_error_or_a_report() {
    let map = |text: &[u8]| [text, &vec![0; 512 - text.len()], &[7; 20]].concat();
    let whole = archive(&[
        entry(DIRECTORY, b"folder/", b"", b""),
        pax(&[
            (b"mtime", b"-1.5"),
            (b"path", b"folder/file"),
            (b"uid", b"7"),
        ]),
        entry(FILE, b"x", b"", &[1; 700]),
        entry(b'L', b"././@LongLink", b"", &[b'n'; 120]),
        entry(FILE, b"x", b"", b"long"),
        pax(&[
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.name", b"sparse"),
            (b"GNU.sparse.realsize", b"9000"),
            (b"SCHILY.xattr.user.x", b"y"),
        ]),
        entry(FILE, b"x", b"", &map(b"2\n100\n10\n500\n10\n")),
        entry(b'S', b"old", b"", b""),
        entry(SYMBOLIC_LINK, b"link", b"folder/file", b""),
        entry(HARD_LINK, b"hard", b"folder/file", b""),
    ]);
    let (folder, target) = scene();
    let options = RestoreOptions {
        attributes: true,
        owners: true,
        overwrite: true,
        ..RestoreOptions::default()
    };
    for at in 0..whole.len() - 1024 {
        let block = at / 512 * 512..at / 512 * 512 + 512;
        let is_header = whole[block.start + 257..].starts_with(b"ustar");
        for change in [1, 0x80, 0xff, b'0' ^ b'9'] {
            let mut changed = whole.clone();
            changed[at] ^= change;
            let _ = scan(&changed);
            if is_header {
                recheck(&mut changed[block.clone()]);
                let _ = scan(&changed);
            }
            if at % 5 == 0 && change == 1 {
                let _ = restore_tree(&changed[..], &target, &options, &mut ());
                assert_untouched(folder.path());
                let _ = fs::remove_dir_all(&target);
            }
        }
    }
}
