//! What is timed, and how.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::nonce;
use passkeep_bench_aead::backends::{Aead, Tag};

pub const CHUNKS: [usize; 3] = [16 << 10, 64 << 10, 1 << 20];

/// Timed in one go per round; enough that a timer interrupt drowns.
const BYTES_IN_CACHE: usize = 64 << 20;
const BYTES_IN_MEMORY: usize = 256 << 20;
const ROUNDS_IN_CACHE: usize = 11;
const ROUNDS_IN_MEMORY: usize = 7;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// One chunk, again and again.
    Cache,
    /// Far more than the last-level cache, its pages touched beforehand.
    Memory,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Separate,
    InPlace,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Seal,
    Open,
}

/// Shared by all backends, so that all get the same addresses and pages.
pub struct Buffers {
    chunk: usize,
    plain: Vec<u8>,
    sealed: Vec<u8>,
    tags: Vec<Tag>,
    work: Vec<u8>,
}

impl Buffers {
    pub fn new(place: Place, chunk: usize, backend: &mut dyn Aead) -> Self {
        let length = match place {
            Place::Cache => chunk,
            Place::Memory => BYTES_IN_MEMORY,
        };
        let plain: Vec<u8> = (0..=250).cycle().take(length).collect();
        let mut sealed = plain.clone();
        let tags = sealed
            .chunks_exact_mut(chunk)
            .enumerate()
            .map(|(index, data)| backend.seal_in_place(&nonce(index), data))
            .collect();
        let work = plain.clone();
        Self {
            chunk,
            plain,
            sealed,
            tags,
            work,
        }
    }

    /// Time of one pass over the buffers.
    fn pass(&mut self, backend: &mut dyn Aead, mode: Mode, operation: Operation) -> Duration {
        let chunk = self.chunk;
        if mode == Mode::InPlace && operation == Operation::Open {
            // The previous pass left plaintext there.
            self.work.copy_from_slice(&self.sealed);
        }
        let start = Instant::now();
        let outputs = self.work.chunks_exact_mut(chunk).enumerate();
        match (mode, operation) {
            (Mode::Separate, Operation::Seal) => {
                for ((index, output), input) in outputs.zip(self.plain.chunks_exact(chunk)) {
                    black_box(backend.seal(&nonce(index), input, output));
                }
            }
            (Mode::Separate, Operation::Open) => {
                for ((index, output), input) in outputs.zip(self.sealed.chunks_exact(chunk)) {
                    let tag = &self.tags[index];
                    backend
                        .open(&nonce(index), input, output, tag)
                        .expect("authentic");
                }
            }
            (Mode::InPlace, Operation::Seal) => {
                for (index, data) in outputs {
                    black_box(backend.seal_in_place(&nonce(index), data));
                }
            }
            (Mode::InPlace, Operation::Open) => {
                for (index, data) in outputs {
                    let tag = &self.tags[index];
                    backend
                        .open_in_place(&nonce(index), data, tag)
                        .expect("authentic");
                }
            }
        }
        let elapsed = start.elapsed();
        black_box(&self.work);
        elapsed
    }

    /// Median gigabytes per second of each backend. They take turns, so that a
    /// slow moment of the machine hits all of them.
    pub fn throughput(
        &mut self,
        backends: &mut [Box<dyn Aead>],
        place: Place,
        mode: Mode,
        operation: Operation,
    ) -> Vec<f64> {
        let (rounds, passes) = match place {
            Place::Cache => (ROUNDS_IN_CACHE, BYTES_IN_CACHE / self.chunk),
            Place::Memory => (ROUNDS_IN_MEMORY, 1),
        };
        let mut times = vec![Vec::with_capacity(rounds); backends.len()];
        for _ in 0..rounds {
            for (backend, times) in backends.iter_mut().zip(&mut times) {
                let time: Duration = (0..passes)
                    .map(|_| self.pass(backend.as_mut(), mode, operation))
                    .sum();
                times.push(time);
            }
        }
        #[allow(clippy::cast_precision_loss)] // far below 2^53
        let bytes = (passes * self.work.len()) as f64;
        times
            .into_iter()
            .map(|mut times| {
                times.sort_unstable();
                bytes / times[rounds / 2].as_secs_f64() / 1e9
            })
            .collect()
    }
}
