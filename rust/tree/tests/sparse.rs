//! Files with holes: backed up and restored without reading or writing a hole.
#![allow(clippy::unwrap_used, clippy::unnecessary_debug_formatting)]

mod common;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::Command;

use common::{archive, entry, names, pax, restore, scan, write};
use passkeep_tree::{Error, ProblemKind};
use tempfile::{tempdir, tempdir_in};

const FILE: u8 = b'0';
const MIB: u64 = 1 << 20;

/// A file with data at some places and holes between them.
fn sparse_file(path: &Path, size: u64, data: &[u64]) {
    let file = File::create(path).unwrap();
    file.set_len(size).unwrap();
    for at in data {
        file.write_all_at(&[0xab; 10_000], *at).unwrap();
    }
}

fn occupied(path: &Path) -> u64 {
    fs::metadata(path).unwrap().blocks() * 512
}

fn assert_same(one: &Path, other: &Path) {
    assert_eq!(fs::read(one).unwrap(), fs::read(other).unwrap(), "{one:?}");
    assert!(occupied(other) <= occupied(one) + 64 * 1024, "{other:?}");
}

#[test]
fn holes_come_back_as_holes() {
    let folder = tempdir().unwrap();
    let root = folder.path().join("tree");
    fs::create_dir(&root).unwrap();
    for (name, size, data) in [
        ("only a hole", 5 * MIB + 1, &[][..]),
        ("data first", 5 * MIB, &[0]),
        ("data last", 5 * MIB, &[5 * MIB - 10_000]),
        (
            "data in the middle",
            7 * MIB,
            &[MIB, 3 * MIB, 3 * MIB + 500_000],
        ),
        (&"long name ".repeat(20), 3 * MIB, &[MIB]),
    ] {
        sparse_file(&root.join(name), size, data);
    }
    let (data, written) = write(&[&root]);
    assert_eq!(written.problem_count, 0, "{:?}", written.problems);
    assert!(data.len() < 300_000, "{}", data.len());
    let target = folder.path().join("new");
    let restored = restore(&data, &target).unwrap();
    let listed = scan(&data).unwrap();
    for report in [&restored, &listed] {
        assert_eq!((report.bytes, report.holes), (written.bytes, written.holes));
    }
    let whole: u64 = names(&root)
        .iter()
        .map(|name| fs::metadata(root.join(name)).unwrap().len())
        .sum();
    assert_eq!(written.bytes + written.holes, whole);
    for name in names(&root) {
        assert_same(&root.join(&name), &target.join("tree").join(&name));
    }

    // GNU tar understands it, and we understand GNU tar.
    fs::write(folder.path().join("ours.tar"), &data).unwrap();
    fs::create_dir(folder.path().join("unpacked")).unwrap();
    let tar = |arguments: &[&str]| {
        let ended = Command::new("tar")
            .current_dir(folder.path())
            .args(arguments)
            .output()
            .unwrap();
        assert!(ended.status.success(), "{ended:?}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    };
    tar(&["-xf", "ours.tar", "-C", "unpacked"]);
    tar(&["-cSf", "theirs.tar", "--format=pax", "tree"]);
    let theirs = fs::read(folder.path().join("theirs.tar")).unwrap();
    let restored = restore(&theirs, &folder.path().join("from tar")).unwrap();
    assert_eq!(restored.problem_count, 0, "{:?}", restored.problems);
    assert_eq!(restored.holes, written.holes);
    for name in names(&root) {
        assert_same(
            &root.join(&name),
            &folder.path().join("unpacked/tree").join(&name),
        );
        assert_same(
            &root.join(&name),
            &folder.path().join("from tar/tree").join(&name),
        );
    }
}

#[test]
fn a_terabyte_of_nothing_takes_no_time_and_no_room() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("disk");
    sparse_file(&path, 1 << 40, &[1 << 39]);
    let (data, report) = write(&[&path]);
    assert!(data.len() < 100_000);
    assert_eq!(report.bytes + report.holes, 1 << 40);
    let target = folder.path().join("new");
    restore(&data, &target).unwrap();
    let restored = target.join("disk");
    assert_eq!(fs::metadata(&restored).unwrap().len(), 1 << 40);
    assert!(occupied(&restored) < 1 << 20);
    let mut read = [0; 10_000];
    let file = File::open(&restored).unwrap();
    file.read_exact_at(&mut read, 1 << 39).unwrap();
    assert_eq!(read, [0xab; 10_000]);
}

/// An entry whose records say that it is sparse.
fn claimed(version: &[u8], whole: &str, content: &[u8]) -> Vec<u8> {
    named(b"sparse", version, whole, content)
}

fn named(name: &[u8], version: &[u8], whole: &str, content: &[u8]) -> Vec<u8> {
    let records: [(&[u8], &[u8]); 4] = [
        (b"GNU.sparse.major", version),
        (b"GNU.sparse.minor", b"0"),
        (b"GNU.sparse.name", name),
        (b"GNU.sparse.realsize", whole.as_bytes()),
    ];
    [pax(&records), entry(FILE, b"x", b"", content)].concat()
}

fn map(text: &str, data: &[u8]) -> Vec<u8> {
    let mut content = text.as_bytes().to_vec();
    content.resize(content.len().next_multiple_of(512), 0);
    content.extend_from_slice(data);
    content
}

#[test]
fn maps_that_lie_are_refused_and_the_rest_is_restored() {
    let endless = map(&"1".repeat(5000), b"");
    let beyond = u64::MAX.to_string();
    for (name, entry) in [
        (
            "overlap",
            claimed(b"1", "100", &map("2\n0\n10\n5\n10\n", &[1; 20])),
        ),
        (
            "disorder",
            claimed(b"1", "100", &map("2\n50\n10\n0\n10\n", &[1; 20])),
        ),
        (
            "beyond the end",
            claimed(b"1", "100", &map("1\n95\n10\n", &[1; 10])),
        ),
        (
            "overflow",
            claimed(b"1", "100", &map(&format!("1\n{beyond}\n10\n"), &[1; 10])),
        ),
        (
            "too little",
            claimed(b"1", "100", &map("1\n0\n20\n", &[1; 10])),
        ),
        (
            "too much",
            claimed(b"1", "100", &map("1\n0\n5\n", &[1; 10])),
        ),
        (
            "too many parts",
            claimed(b"1", "100", &map("99999999\n", &[1; 10])),
        ),
        (
            "negative",
            claimed(b"1", "100", &map("1\n-5\n10\n", &[1; 10])),
        ),
        ("no map", claimed(b"1", "100", b"")),
        ("an endless number", claimed(b"1", "100", &endless)),
        (
            "a cut map",
            claimed(b"1", "100", &map("500\n1\n1\n", b"")[..]),
        ),
        (
            "another version",
            claimed(b"0", "100", &map("1\n0\n10\n", &[1; 10])),
        ),
        (
            "a size no file has",
            claimed(b"1", &beyond, &map("1\n0\n10\n", &[1; 10])),
        ),
    ] {
        let folder = tempdir().unwrap();
        let target = folder.path().join("target");
        let data = archive(&[good(b"before"), entry, good(b"later")]);
        let report = restore(&data, &target).unwrap();
        assert_eq!(report.problem_count, 1, "{name}: {:?}", report.problems);
        assert_eq!(report.problems[0].path, Path::new("sparse"), "{name}");
        assert_eq!(report.problems[0].kind, ProblemKind::Refused, "{name}");
        assert_eq!(names(&target), ["before", "later"], "{name}");
    }
}

#[test]
fn holes_may_add_up_to_more_than_is_counted() {
    // Files of the largest size that there is need a file system that has them.
    let folder = if cfg!(target_os = "linux") {
        tempdir_in("/dev/shm").unwrap()
    } else {
        tempdir().unwrap()
    };
    let whole = i64::MAX.to_string();
    let files: Vec<Vec<u8>> = [b"a", b"b", b"c"]
        .map(|name| named(name, b"1", &whole, &map("0\n", b"")))
        .into();
    let target = folder.path().join("target");
    let report = restore(&archive(&files), &target).unwrap();
    assert_eq!((report.files, report.holes), (3, u64::MAX));
    let (_, written) = write(&[&target]);
    assert_eq!((written.files, written.holes), (3, u64::MAX));
}

fn good(name: &[u8]) -> Vec<u8> {
    entry(FILE, name, b"", b"good")
}

#[test]
fn the_old_form_of_gnu_tar_is_refused_without_losing_its_place() {
    let folder = tempdir().unwrap();
    // Eleven parts: more than fit into a header block, so blocks follow it.
    let parts: Vec<u64> = (0..60).map(|part| part * MIB).collect();
    sparse_file(&folder.path().join("holes"), 61 * MIB, &parts);
    fs::write(folder.path().join("later"), b"good").unwrap();
    let ended = Command::new("tar")
        .current_dir(folder.path())
        .args(["-cS", "--format=gnu", "holes", "later"])
        .output()
        .unwrap();
    assert!(ended.status.success());
    let target = folder.path().join("target");
    let report = restore(&ended.stdout, &target).unwrap();
    assert_eq!(report.problem_count, 1, "{:?}", report.problems);
    assert_eq!(names(&target), ["later"]);

    // Blocks that never end are an archive that ends inside of an entry.
    let mut endless = entry(b'S', b"holes", b"", b"");
    endless[482] = 1;
    let mut header = tar::Header::from_byte_slice(&endless[..512]).clone();
    header.set_cksum();
    endless[..512].copy_from_slice(header.as_bytes());
    let block = [1; 512];
    for _ in 0..100 {
        endless.extend_from_slice(&block);
    }
    assert!(matches!(scan(&endless), Err(Error::Format(_))));
}
