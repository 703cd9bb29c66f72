//! Ordinary and odd trees, there and back, and through GNU tar.
#![allow(clippy::unwrap_used, clippy::unnecessary_debug_formatting)]

mod common;

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use common::{names, restore, scan, write};
use passkeep_core::Watch;
use passkeep_tree::{
    Error, Filter, ProblemKind, RestoreOptions, WriteOptions, measure, restore_tree, write_tree,
};
use tempfile::{TempDir, tempdir};

/// A tree with everything that is hard about trees.
fn odd_tree() -> TempDir {
    let folder = tempdir().unwrap();
    let root = folder.path().join("tree");
    fs::create_dir_all(root.join("empty")).unwrap();
    fs::create_dir_all(root.join("a/b/c")).unwrap();
    fs::write(root.join("empty.txt"), b"").unwrap();
    fs::write(root.join("a/block"), [7; 512]).unwrap();
    fs::write(root.join("a/big"), vec![3; 3_000_001]).unwrap();
    fs::write(root.join("with space\nand line feed"), b"x").unwrap();
    fs::write(root.join(OsStr::from_bytes(b"not \xff utf-8")), b"y").unwrap();
    fs::write(root.join("\u{1F511}"), b"z").unwrap();
    fs::write(root.join("a/b").join("n".repeat(255)), b"long").unwrap();
    let mut deep = root.join("deep");
    for _ in 0..12 {
        deep.push("d".repeat(60));
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), b"deep").unwrap();
    symlink("a/big", root.join("link")).unwrap();
    symlink("../empty.txt", root.join("a/up")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("l".repeat(300), root.join("long link")).unwrap();
    fs::hard_link(root.join("a/block"), root.join("second name")).unwrap();
    for mode in [0o000, 0o400, 0o755, 0o777] {
        let path = root.join(format!("mode {mode:o}"));
        fs::write(&path, b"m").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }
    let stamp = |name: &str, time| {
        let file = File::options().append(true).open(root.join(name)).unwrap();
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
    };
    stamp(
        "empty.txt",
        UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789),
    );
    stamp("a/big", UNIX_EPOCH - Duration::new(3, 250_000_000));
    fs::create_dir(root.join("read-only")).unwrap();
    fs::write(root.join("read-only/file"), b"r").unwrap();
    fs::set_permissions(root.join("read-only"), Permissions::from_mode(0o555)).unwrap();
    folder
}

/// Everything about a tree that a restore must bring back, as sorted lines.
fn describe(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let about = path.symlink_metadata().unwrap();
            let what = if about.is_symlink() {
                format!("link to {:?}", fs::read_link(&path).unwrap())
            } else if about.is_dir() {
                folders.push(path.clone());
                format!("folder {:o} {}", about.mode(), about.mtime())
            } else {
                let content = fs::read(&path).unwrap();
                let time = (about.mtime(), about.mtime_nsec());
                format!(
                    "file {:o} {time:?} {} {content:?}",
                    about.mode(),
                    about.nlink()
                )
            };
            lines.push(format!("{:?} {what}", path.strip_prefix(root).unwrap()));
        }
    }
    lines.sort();
    lines
}

#[test]
fn an_odd_tree_comes_back_as_it_was() {
    let source = odd_tree();
    let (archive, written) = write(&[&source.path().join("tree")]);
    assert_eq!(written.problem_count, 0, "{:?}", written.problems);
    let target = tempdir().unwrap();
    let restored = restore(&archive, &target.path().join("new")).unwrap();
    assert_eq!(restored.problem_count, 0, "{:?}", restored.problems);
    assert_eq!(
        describe(source.path()),
        describe(&target.path().join("new"))
    );
    let counts = |report: &passkeep_tree::Report| (report.files, report.links, report.bytes);
    assert_eq!(counts(&written), counts(&restored));
    assert_eq!(counts(&written), counts(&scan(&archive).unwrap()));
    let totals = measure(&[source.path().to_owned()], &Filter::default(), &mut ()).unwrap();
    assert_eq!(totals.files, written.files + 1); // the second name counts here
}

#[test]
fn gnu_tar_reads_what_we_write() {
    let source = odd_tree();
    let (archive, _) = write(&[&source.path().join("tree")]);
    let target = tempdir().unwrap();
    let file = target.path().join("archive.tar");
    fs::write(&file, &archive).unwrap();
    let unpacked = target.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let ended = Command::new("tar")
        .args([
            OsStr::new("-xpf"),
            file.as_os_str(),
            OsStr::new("-C"),
            unpacked.as_os_str(),
        ])
        .output()
        .unwrap();
    // It warns of times before 1970, and restores them all the same.
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(describe(source.path()), describe(&unpacked));
}

#[test]
fn we_read_what_gnu_tar_writes() {
    let source = odd_tree();
    for format in ["gnu", "pax"] {
        let output = Command::new("tar")
            .args(["-cf", "-", "--format", format, "-C"])
            .args([source.path().as_os_str(), OsStr::new("tree")])
            .stdout(Stdio::piped())
            .output()
            .unwrap();
        let target = tempdir().unwrap();
        let report = restore(&output.stdout, &target.path().join("new")).unwrap();
        assert_eq!(report.problem_count, 0, "{:?}", report.problems);
        assert!(
            target
                .path()
                .join("new/tree/a/b")
                .join("n".repeat(255))
                .exists()
        );
        assert_eq!(
            fs::read(target.path().join("new/tree/second name")).unwrap(),
            [7; 512]
        );
    }
}

#[test]
fn what_is_backed_up_without_a_word_is_restored() {
    let source = tempdir().unwrap();
    let root = source.path().join("tree");
    let mut deep = root.clone();
    for _ in 0..258 {
        fs::create_dir(&deep).unwrap();
        fs::write(deep.join("file"), b"x").unwrap();
        deep.push("d");
    }
    // With the root's own name, and without one: a file and a folder are too deep.
    for (root, deepest) in [(root.clone(), 255), (root.join("d/.."), 256)] {
        let target = tempdir().unwrap();
        let (archive, written) = write(&[&root]);
        let too_deep: Vec<_> = written.problems.iter().map(|one| one.kind).collect();
        assert_eq!(too_deep, [ProblemKind::Unreadable; 2], "{root:?}");
        assert_eq!(written.files, deepest, "{root:?}");
        let restored = restore(&archive, target.path()).unwrap();
        assert_eq!(restored.problem_count, 0, "{:?}", restored.problems);
        assert_eq!(restored.files, deepest, "{root:?}");
        assert_eq!(restored.directories, written.directories);
    }
}

#[test]
fn the_same_tree_makes_the_same_bytes() {
    let source = odd_tree();
    let root = source.path().join("tree");
    assert_eq!(write(&[&root]).0, write(&[&root]).0);
}

#[test]
fn what_stands_in_the_target_is_left_as_it_is() {
    let source = tempdir().unwrap();
    fs::write(source.path().join("one"), b"new").unwrap();
    fs::write(source.path().join("two"), b"new").unwrap();
    let (archive, _) = write(&[&source.path().join("one"), &source.path().join("two")]);
    let target = tempdir().unwrap();
    fs::write(target.path().join("one"), b"old").unwrap();
    let report = restore(&archive, target.path()).unwrap();
    assert_eq!(report.problems[0].kind, ProblemKind::Exists);
    assert_eq!(fs::read(target.path().join("one")).unwrap(), b"old");
    assert_eq!(fs::read(target.path().join("two")).unwrap(), b"new");
    assert_eq!(names(target.path()), ["one", "two"]);

    let options = RestoreOptions {
        overwrite: true,
        sync: true,
        ..RestoreOptions::default()
    };
    let report = restore_tree(&archive[..], target.path(), &options, &mut ()).unwrap();
    assert_eq!(report.problem_count, 0);
    assert_eq!(fs::read(target.path().join("one")).unwrap(), b"new");
    assert_eq!(names(target.path()), ["one", "two"]);
}

#[test]
fn special_files_and_skipped_ones_are_left_out() {
    let source = tempdir().unwrap();
    let fifo = source.path().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    fs::write(source.path().join("output"), b"the backup itself").unwrap();
    fs::write(source.path().join("file"), b"x").unwrap();
    let options = WriteOptions {
        skip: vec![source.path().join("output")],
        ..WriteOptions::default()
    };
    let mut archive = Vec::new();
    let roots = [source.path().to_owned()];
    let report = write_tree(&roots, &mut archive, &options, &mut ()).unwrap();
    assert_eq!(report.files, 1);
    assert_eq!(report.problem_count, 1);
    assert_eq!(report.problems[0].kind, ProblemKind::Special);
}

/// Does something to a file at the first look.
struct Meddle<F: FnMut()>(F);

impl<F: FnMut()> Watch for Meddle<F> {
    fn tick(&mut self, done: u64) -> io::Result<()> {
        if done > 0 {
            self.0();
        }
        Ok(())
    }
}

#[test]
fn a_file_that_changes_meanwhile_is_reported_and_the_rest_is_whole() {
    for size in [0, 10_000_000] {
        let source = tempdir().unwrap();
        let path = source.path().join("a changing file");
        fs::write(&path, vec![1; 5_000_000]).unwrap();
        fs::write(source.path().join("b"), b"whole").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let mut meddle = Meddle(|| file.set_len(size).unwrap());
        let mut archive = Vec::new();
        let roots = [source.path().to_owned()];
        let report =
            write_tree(&roots, &mut archive, &WriteOptions::default(), &mut meddle).unwrap();
        assert_eq!(report.problem_count, 1);
        assert_eq!(report.problems[0].kind, ProblemKind::Changed);
        let target = tempdir().unwrap();
        restore(&archive, &target.path().join("new")).unwrap();
        let restored = target
            .path()
            .join("new")
            .join(source.path().file_name().unwrap());
        assert_eq!(fs::read(restored.join("b")).unwrap(), b"whole");
        assert_eq!(
            fs::metadata(restored.join("a changing file"))
                .unwrap()
                .len(),
            5_000_000
        );
    }
}

#[test]
fn stopping_a_restore_leaves_nothing() {
    struct Stop;
    impl Watch for Stop {
        fn tick(&mut self, done: u64) -> io::Result<()> {
            if done > 1_000_000 {
                return Err(io::Error::other("stop"));
            }
            Ok(())
        }
    }
    let source = odd_tree();
    let (archive, _) = write(&[&source.path().join("tree")]);
    let target = tempdir().unwrap();
    let options = RestoreOptions::default();
    let end = restore_tree(
        &archive[..],
        &target.path().join("new"),
        &options,
        &mut Stop,
    );
    assert!(matches!(end, Err(Error::Watch(_))));
    assert!(names(target.path()).is_empty());
}

#[test]
fn two_trees_of_one_name_are_refused_before_anything_is_written() {
    let source = tempdir().unwrap();
    for parent in ["a", "b"] {
        fs::create_dir_all(source.path().join(parent).join("x")).unwrap();
    }
    let roots = [source.path().join("a/x"), source.path().join("b/x")];
    let mut archive = Vec::new();
    let end = write_tree(&roots, &mut archive, &WriteOptions::default(), &mut ());
    assert!(matches!(end, Err(Error::Usage(_))));
    assert!(archive.is_empty());
}
