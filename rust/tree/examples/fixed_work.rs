//! Fixed work on one thread, for `bench/instructions.py` to count.
//!
//! Without arguments it prints each work and its stages. With `WORK STAGES` it sets up and goes
//! through that many stages of the work: what a stage costs is the difference between two runs,
//! so neither the start of a process nor the set-up counts.
#![allow(clippy::unwrap_used, clippy::similar_names)] // a sealer makes what is sealed

use std::fs::{self, File};
use std::io::{self, Write};
use std::sync::Arc;

use passkeep_core::{
    Algorithm, CobblestoneKey, FileKey, Format, Object, Opener, PayloadKey, RangeReader, Sealer,
    Stability, hash_slice, open_batch, open_file, open_slice, seal_batch, seal_file, seal_slice,
};
use passkeep_tree::{RestoreOptions, WriteOptions, restore_tree, write_tree};

const SIZE: usize = 2 << 20;
const MESSAGES: usize = 1000;
const JUMPS: u64 = 100;
const FILES: usize = 500;

/// A name, what its stages are, and the work.
type Work = (&'static str, &'static [&'static str], fn(usize));

const WORKS: &[Work] = &[
    ("age, buffers", &["seal", "open"], |n| buffers(&*age(), n)),
    ("age, streams", &["seal", "open"], |n| streams(&age(), n)),
    ("age, files", &["seal", "open"], |n| files(&*age(), n)),
    ("age, anywhere", &["jump"], |n| anywhere(age(), n)),
    ("AES, buffers", &["seal", "open"], |n| buffers(&*aes(), n)),
    ("AES, streams", &["seal", "open"], |n| streams(&aes(), n)),
    ("AES, files", &["seal", "open"], |n| files(&*aes(), n)),
    ("AES, anywhere", &["jump"], |n| anywhere(aes(), n)),
    ("batch", &["seal", "open"], batch),
    ("BLAKE3", &["hash"], blake3),
    ("tree", &["write", "restore"], tree),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [name, stages] = &arguments[..] {
        let (_, _, work) = WORKS.iter().find(|work| work.0 == name).unwrap();
        work(stages.parse().unwrap());
    } else {
        for (name, stages, _) in WORKS {
            println!("{name}\t{}", stages.join("\t"));
        }
    }
}

fn age() -> Arc<dyn Format> {
    let key = FileKey::from_slice(b"YELLOW SUBMARINE").unwrap();
    ready(key.resume(&[0; 16]).unwrap())
}

fn cobblestone() -> CobblestoneKey {
    CobblestoneKey::from_slice(b"YELLOW SUBMARINEYELLOW SUBMARINE", b"work").unwrap()
}

fn aes() -> Arc<dyn Format> {
    ready(cobblestone().begin().unwrap().1)
}

/// Has the libraries make themselves ready, which costs as much as some MiB.
fn ready(format: Arc<dyn Format>) -> Arc<dyn Format> {
    seal_slice(&*format, &[], &mut [0; 16], 1, &mut ()).unwrap();
    format
}

fn sealed_size(format: &dyn Format) -> usize {
    let size = format.layout().sealed_size(SIZE as u64).unwrap();
    usize::try_from(size).unwrap()
}

fn buffers(format: &dyn Format, stages: usize) {
    let mut plain = vec![0; SIZE];
    let mut sealed = vec![0; sealed_size(format)];
    if stages >= 1 {
        seal_slice(format, &plain, &mut sealed, 1, &mut ()).unwrap();
    }
    if stages >= 2 {
        let stable = Stability::Stable;
        open_slice(format, &sealed, stable, &mut plain, 1, &mut ()).unwrap();
    }
}

fn streams(format: &Arc<dyn Format>, stages: usize) {
    let plain = vec![0; SIZE];
    let mut sealed = Vec::with_capacity(sealed_size(&**format));
    if stages >= 1 {
        let mut sealer = Sealer::new(Arc::clone(format), &mut sealed, 1);
        sealer.write_all(&plain).unwrap();
        sealer.finish().unwrap();
    }
    if stages >= 2 {
        let mut opener = Opener::new(Arc::clone(format), &sealed[..], 1);
        io::copy(&mut opener, &mut io::sink()).unwrap();
    }
}

fn files(format: &dyn Format, stages: usize) {
    let [plain, sealed, opened] = [(); 3].map(|()| tempfile::tempfile().unwrap());
    plain.set_len(SIZE as u64).unwrap();
    if stages >= 1 {
        seal_file(format, &plain, &sealed, 0, 1, None, &mut ()).unwrap();
    }
    if stages >= 2 {
        open_file(format, &sealed, 0, &opened, 1, &mut ()).unwrap();
    }
}

fn anywhere(format: Arc<dyn Format>, stages: usize) {
    let (plain, sealed) = (vec![0; SIZE], tempfile::tempfile().unwrap());
    let mut sealer = Sealer::new(Arc::clone(&format), &sealed, 1);
    sealer.write_all(&plain).unwrap();
    sealer.finish().unwrap();
    if stages >= 1 {
        let size = sealed.metadata().unwrap().len();
        let mut reader = RangeReader::open(format, sealed, 0, size, 1).unwrap();
        let mut out = [0; 1000];
        for jump in 0..JUMPS {
            // Backwards, so that no read goes on where the last one ended.
            let at = (JUMPS - jump) * 20_000;
            reader.read_at(at, &mut out, &mut ()).unwrap();
        }
    }
}

fn batch(stages: usize) {
    aes();
    let key = cobblestone();
    let names: Vec<String> = (0..MESSAGES).map(|i| format!("object {i:4}")).collect();
    let mut contents = vec![vec![0; 300]; MESSAGES];
    for work in [seal_batch, open_batch].into_iter().take(stages) {
        let each = names.iter().zip(&contents);
        let each: Vec<Object> = each
            .map(|(name, data)| Object {
                context: name.as_bytes(),
                data,
            })
            .collect();
        contents = work(&key, &each, 1, &mut ()).unwrap();
    }
}

fn blake3(stages: usize) {
    let data = vec![0; SIZE];
    if stages >= 1 {
        hash_slice(Algorithm::Blake3, &data, 1, &mut ()).unwrap();
    }
}

fn tree(stages: usize) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    for i in 0..FILES {
        let directory = root.join(format!("directory {:2}", i / 25));
        fs::create_dir_all(&directory).unwrap();
        let content = format!("line {i}\n").repeat(400);
        fs::write(directory.join(format!("file {i:3}")), content).unwrap();
    }
    let archive = folder.path().join("archive");
    if stages >= 1 {
        let sink = File::create(&archive).unwrap();
        write_tree(&[root], sink, &WriteOptions::default(), &mut ()).unwrap();
    }
    if stages >= 2 {
        let source = io::BufReader::new(File::open(&archive).unwrap());
        let target = folder.path().join("target");
        restore_tree(source, &target, &RestoreOptions::default(), &mut ()).unwrap();
    }
}
