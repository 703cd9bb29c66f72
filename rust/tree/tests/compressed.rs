//! Archives as zstd frames: the same bytes for any number of threads, readable
//! by others, and bounded when somebody else wrote them.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

use common::{archive, entry, names, restore, scan, sized_entry};
use passkeep_core::Watch;
use passkeep_tree::{Error, RestoreOptions, WriteOptions, restore_tree, write_tree};
use tempfile::{TempDir, tempdir};

const MIB: usize = 1 << 20;

/// A tree of text, noise and both, larger than several frames.
fn tree() -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let root = folder.path().join("tree");
    fs::create_dir(&root).unwrap();
    let text: Vec<u8> = (0..2_000_000)
        .flat_map(|n: u32| n.to_string().into_bytes())
        .collect();
    fs::write(root.join("text"), &text).unwrap();
    let mut noise = vec![0; 9 * MIB];
    let mut state = 1_u64;
    for byte in &mut noise {
        // Knuth's generator is noise enough for a compressor.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        *byte = state.to_be_bytes()[0];
    }
    fs::write(root.join("noise"), &noise).unwrap();
    (folder, root)
}

fn packed(root: &Path, level: i32, threads: usize) -> Vec<u8> {
    let options = WriteOptions {
        compress: Some(level),
        threads,
        ..WriteOptions::default()
    };
    let mut data = Vec::new();
    let report = write_tree(&[root.to_owned()], &mut data, &options, &mut ()).unwrap();
    assert_eq!(report.stored, data.len() as u64);
    data
}

#[test]
fn it_comes_back_and_does_not_depend_on_threads() {
    let (folder, root) = tree();
    for level in [1, 3, 10] {
        let data = packed(&root, level, 1);
        if level >= 3 {
            for threads in [2, 5] {
                assert!(packed(&root, level, threads) == data, "{threads}");
            }
        }
        let target = folder.path().join(format!("level {level}"));
        let report = restore(&data, &target).unwrap();
        assert_eq!(report.stored, data.len() as u64);
        for name in names(&root) {
            let back = fs::read(target.join("tree").join(&name)).unwrap();
            assert!(back == fs::read(root.join(&name)).unwrap(), "{name}");
        }
        // Noise is stored and costs next to nothing more.
        assert!(data.len() < 9 * MIB + 5 * MIB);
    }
}

#[test]
fn levels_that_are_none_are_refused() {
    let (_folder, root) = tree();
    for level in [0, -1, 20, 23] {
        let options = WriteOptions {
            compress: Some(level),
            ..WriteOptions::default()
        };
        let end = write_tree(std::slice::from_ref(&root), io::sink(), &options, &mut ());
        assert!(matches!(end, Err(Error::Usage(_))), "{level}");
    }
}

#[test]
fn frames_of_any_sort_are_read() {
    let whole = archive(&[entry(b'0', b"file", b"", &vec![b'x'; 3 * MIB])]);
    let mut forms = Vec::new();
    // One frame without a size, one frame for each few bytes, and empty ones.
    let mut stream = zstd::Encoder::new(Vec::new(), 3).unwrap();
    stream.write_all(&whole).unwrap();
    forms.push(stream.finish().unwrap());
    let frame = |data: &[u8]| zstd::encode_all(data, 3).unwrap();
    forms.push(whole.chunks(1000).flat_map(frame).collect());
    let halves = [&whole[..MIB], &[][..], &whole[MIB..]];
    forms.push(halves.into_iter().flat_map(frame).collect());
    // A frame that is to be skipped.
    let mut skipped = frame(&whole);
    skipped.extend_from_slice(&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);
    forms.push(skipped);
    for form in forms {
        assert_eq!(scan(&form).unwrap().files, 1);
    }
}

#[test]
fn every_cut_and_any_rubbish_behind_is_found() {
    let whole = archive(&[entry(b'0', b"file", b"", &[7; 5000])]);
    let data = zstd::encode_all(&whole[..], 3).unwrap();
    assert!(scan(&data).is_ok());
    for size in 0..data.len() {
        let folder = tempdir().unwrap();
        let target = folder.path().join("target");
        let end = restore(&data[..size], &target);
        assert!(
            matches!(end, Err(Error::Format(_) | Error::NotATree)),
            "{size}: {end:?}"
        );
        assert_eq!(names(folder.path()), [""; 0], "{size}");
    }
    for rubbish in [&b"x"[..], b"rubbish behind it", &data[..20], &[0; 600]] {
        let mut longer = data.clone();
        longer.extend_from_slice(rubbish);
        assert!(
            matches!(scan(&longer), Err(Error::Format(_))),
            "{rubbish:?}"
        );
    }
    for at in [5, data.len() / 2, data.len() - 2] {
        let mut changed = data.clone();
        changed[at] ^= 0x55;
        assert!(scan(&changed).is_err(), "{at}");
    }
}

/// Frames of zeros without an end, made as they are read.
struct Zeros {
    header: Vec<u8>,
    frame: Vec<u8>,
    at: usize,
    left: usize,
}

impl Zeros {
    fn new(header: &[u8], frames: usize) -> Self {
        Self {
            header: zstd::encode_all(header, 3).unwrap(),
            frame: zstd::encode_all(&vec![0; 16 * MIB][..], 3).unwrap(),
            at: 0,
            left: frames + 1,
        }
    }
}

impl Read for Zeros {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let size = self.fill_buf()?.read(out)?;
        self.consume(size);
        Ok(size)
    }
}

impl BufRead for Zeros {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Ok(&[]);
        }
        let now = if self.header.is_empty() {
            &self.frame
        } else {
            &self.header
        };
        Ok(&now[self.at..])
    }

    fn consume(&mut self, size: usize) {
        self.at += size;
        let now = if self.header.is_empty() {
            &self.frame
        } else {
            &self.header
        };
        if self.at == now.len() {
            self.header.clear();
            (self.at, self.left) = (0, self.left - 1);
        }
    }
}

#[test]
fn a_bomb_ends_with_a_limit_and_leaves_nothing() {
    let folder = tempdir().unwrap();
    let target = folder.path().join("target");
    // What is refused is not written, and costs this test no gigabyte.
    let header = [
        entry(b'0', b"before", b"", b"x"),
        sized_entry(b'0', b"../bomb", b"", b"", 1 << 50),
    ]
    .concat();
    let end = restore_tree(
        Zeros::new(&header, usize::MAX - 1),
        &target,
        &RestoreOptions::default(),
        &mut (),
    );
    assert!(matches!(end, Err(Error::TooLarge(_))), "{end:?}");
    assert_eq!(names(folder.path()), [""; 0]);
    let options = RestoreOptions {
        max_bytes: Some(1 << 40),
        ..RestoreOptions::default()
    };
    let header = sized_entry(b'0', b"bomb", b"", b"", 1 << 50);
    let end = restore_tree(Zeros::new(&header, 3), &target, &options, &mut ());
    assert!(matches!(end, Err(Error::TooLarge(_))), "{end:?}");
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_frame_that_looks_back_too_far_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(28).unwrap();
    encoder
        .write_all(&archive(&[entry(b'0', b"file", b"", b"x")]))
        .unwrap();
    let data = encoder.finish().unwrap();
    assert!(matches!(scan(&data), Err(Error::Format(_))));
}

#[test]
fn frames_of_nothing_do_not_go_on_for_ever() {
    let mut data = zstd::encode_all(&b""[..], 3).unwrap();
    let skipped = [
        &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 64, 0][..],
        &vec![0; 4 * MIB],
    ]
    .concat();
    data.extend_from_slice(&skipped);
    data.extend_from_slice(&archive(&[entry(b'0', b"file", b"", b"x")]));
    assert!(matches!(scan(&data), Err(Error::Format(_))));
}

/// Counts how often somebody could have stopped the work, and stops it at the last.
struct Asked {
    times: usize,
    most: usize,
}

impl Watch for Asked {
    fn tick(&mut self, _: u64) -> io::Result<()> {
        self.times += 1;
        if self.times > self.most {
            return Err(io::Error::other("stopped"));
        }
        Ok(())
    }
}

#[test]
fn slow_levels_can_be_stopped_within_a_frame() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("text");
    let text: Vec<u8> = (0..200_000)
        .flat_map(|n: u32| n.to_string().into_bytes())
        .collect();
    fs::write(&file, &text).unwrap();
    let write = |threads, most| {
        let options = WriteOptions {
            compress: Some(12),
            threads,
            ..WriteOptions::default()
        };
        let (mut data, mut asked) = (Vec::new(), Asked { times: 0, most });
        let end = write_tree(std::slice::from_ref(&file), &mut data, &options, &mut asked);
        (end.is_ok(), asked.times, data)
    };
    let (whole, asked, data) = write(1, usize::MAX);
    assert!(whole);
    // One frame, in pieces of 128 KiB.
    assert!(asked > text.len() / (128 << 10), "{asked}");
    let (parallel, _, same) = write(2, usize::MAX);
    assert!(parallel && same == data);
    let (whole, _, data) = write(1, asked - 2);
    assert!(!whole && data.is_empty());
}
