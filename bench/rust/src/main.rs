//! Times every backend on one core and prints Markdown tables.
//! Usage: `passkeep-bench-aead [cache|memory]`, both by default.

mod measure;
mod table;
mod verify;

use std::env;
use std::process::ExitCode;

use measure::{Buffers, CHUNKS, Mode, Operation, Place};
use passkeep_bench_aead::backends::{Aead, Cipher, KEY_LEN, NONCE_LEN, Nonce, all};

/// The benchmark uses the same nonces over and over, which nothing that
/// protects data may do.
fn nonce(index: usize) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[4..].copy_from_slice(&(index as u64).to_be_bytes());
    nonce
}

fn main() -> ExitCode {
    let places = match env::args().nth(1).as_deref() {
        None => vec![Place::Cache, Place::Memory],
        Some("cache") => vec![Place::Cache],
        Some("memory") => vec![Place::Memory],
        Some(_) => {
            eprintln!("usage: passkeep-bench-aead [cache|memory]");
            return ExitCode::FAILURE;
        }
    };
    for place in places {
        for cipher in Cipher::ALL {
            run(place, cipher);
        }
    }
    ExitCode::SUCCESS
}

fn run(place: Place, cipher: Cipher) {
    let mut backends = all(cipher, &[0x42; KEY_LEN]);
    verify::all_agree(&mut backends);
    if env::var_os("OPENSSL_ia32cap").is_some() {
        // The others would run unmasked and make the ratios meaningless.
        backends.retain(|backend| backend.reads_ia32cap());
    }

    for (mode, title) in [
        (Mode::Separate, "separate buffers"),
        (Mode::InPlace, "in place"),
    ] {
        let place_title = match place {
            Place::Cache => "in cache",
            Place::Memory => "256 MiB",
        };
        println!("**{}, {title}, {place_title}**\n", cipher.name());
        let columns: Vec<_> = [(Operation::Seal, "seal"), (Operation::Open, "open")]
            .into_iter()
            .flat_map(|(operation, verb)| CHUNKS.map(|chunk| (operation, verb, chunk)))
            .map(|(operation, verb, chunk)| {
                let mut buffers = Buffers::new(place, chunk, backends[0].as_mut());
                let title = format!("{verb} {}", size(chunk));
                (
                    title,
                    buffers.throughput(&mut backends, place, mode, operation),
                )
            })
            .collect();
        table::print(&labels(&backends, mode), &columns);
    }
}

fn labels(backends: &[Box<dyn Aead>], mode: Mode) -> Vec<String> {
    backends
        .iter()
        .map(|backend| {
            let copies = mode == Mode::Separate && backend.copies();
            let note = if copies { " (copy, then in place)" } else { "" };
            format!("{}{note}", backend.name())
        })
        .collect()
}

fn size(bytes: usize) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes >> 10),
        mebibytes => format!("{mebibytes} MiB"),
    }
}
