//! Reading a stream that may be compressed with zstd, in bounded memory.

use std::io::{self, BufRead, Read};

use passkeep_core::zeroed;
use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use crate::pack::is_memory;

/// What every zstd frame with content begins with.
const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();
/// Frames that look farther back are refused: 128 MiB of memory.
const WINDOW_LOG: u32 = 27;
const BUFFER: usize = 1 << 20;
/// More input than this without any output is no honest stream.
const SILENCE: u64 = 1 << 20;
/// How far a bounded stream may expand, beyond a first gibibyte.
const MAX_EXPANSION: u64 = 1000;
const FREE_EXPANSION: u64 = 1 << 30;

/// What is wrong with a compressed stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("malformed")]
    Malformed,
    #[error("there is not enough memory")]
    Memory,
    #[error("truncated")]
    Truncated,
    #[error("expansion")]
    Expansion,
}

/// A stream that is decompressed if it begins like a zstd frame.
pub(crate) struct Unpacked<R> {
    source: R,
    form: Form,
    /// Whether expansion is limited.
    bounded: bool,
    /// Bytes that were taken from the source, and that were made of them.
    taken: u64,
    made: u64,
}

enum Form {
    Unknown,
    Plain,
    Packed(Box<Packed>),
}

struct Packed {
    decoder: DCtx<'static>,
    out: Vec<u8>,
    /// What of `out` was not handed out yet.
    ready: std::ops::Range<usize>,
    in_frame: bool,
    silence: u64,
}

impl<R: BufRead> Unpacked<R> {
    /// A reader of `source`, which hands out at least four bytes at its
    /// beginning if it has them.
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            form: Form::Unknown,
            bounded: false,
            taken: 0,
            made: 0,
        }
    }

    /// Limits expansion.
    pub(crate) fn limit(&mut self) {
        self.bounded = true;
    }

    /// Fails where a bounded stream may not make so many bytes of what was taken.
    pub(crate) fn allow(&self, made: u64) -> io::Result<()> {
        if self.bounded && made > allowed(self.taken) {
            return Err(io::Error::other(Fault::Expansion));
        }
        Ok(())
    }

    /// Begins with another source.
    pub(crate) fn restart(&mut self, source: R) {
        self.source = source;
        self.form = Form::Unknown;
    }

    /// Bytes that were taken from the source.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    fn recognise(&mut self) -> io::Result<()> {
        if matches!(self.form, Form::Unknown) {
            self.form = if self.source.fill_buf()?.starts_with(&MAGIC) {
                Form::Packed(Box::new(Packed::new()?))
            } else {
                Form::Plain
            };
        }
        Ok(())
    }
}

/// How many bytes may be made of those that were taken.
fn allowed(taken: u64) -> u64 {
    FREE_EXPANSION.saturating_add(taken.saturating_mul(MAX_EXPANSION))
}

impl Packed {
    fn new() -> io::Result<Self> {
        let memory = || io::Error::from(io::ErrorKind::OutOfMemory);
        let mut decoder = DCtx::try_create().ok_or_else(memory)?;
        decoder
            .set_parameter(DParameter::WindowLogMax(WINDOW_LOG))
            .map_err(|_| memory())?;
        Ok(Self {
            decoder,
            out: zeroed(BUFFER)?,
            ready: 0..0,
            in_frame: false,
            silence: 0,
        })
    }

    /// Decompresses some of `input`; returns how much of it was used.
    fn run(&mut self, input: &[u8]) -> Result<usize, Fault> {
        if !self.in_frame {
            let reset = self.decoder.reset(ResetDirective::SessionOnly);
            reset.map_err(|_| Fault::Malformed)?;
            self.in_frame = true;
        }
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around(&mut self.out[..]);
        let ended = self.decoder.decompress_stream(&mut to, &mut from);
        let ended = ended.map_err(|code| {
            if is_memory(code) {
                Fault::Memory
            } else {
                Fault::Malformed
            }
        })? == 0;
        let (used, made) = (from.pos(), to.pos());
        self.ready = 0..made;
        self.in_frame = !ended;
        self.silence = if made == 0 {
            self.silence + used as u64
        } else {
            0
        };
        if used == 0 && made == 0 && input.is_empty() {
            return Err(Fault::Truncated);
        }
        if self.silence > SILENCE || (used == 0 && made == 0) {
            return Err(Fault::Malformed);
        }
        Ok(used)
    }
}

impl<R: BufRead> BufRead for Unpacked<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.recognise()?;
        let Form::Packed(packed) = &mut self.form else {
            return self.source.fill_buf();
        };
        while packed.ready.is_empty() {
            let input = self.source.fill_buf()?;
            if input.is_empty() && !packed.in_frame {
                return Ok(&[]);
            }
            let used = packed.run(input).map_err(io::Error::other)?;
            self.source.consume(used);
            self.taken += used as u64;
            self.made += packed.ready.len() as u64;
            if self.bounded && self.made > allowed(self.taken) {
                return Err(io::Error::other(Fault::Expansion));
            }
        }
        Ok(&packed.out[packed.ready.clone()])
    }

    fn consume(&mut self, size: usize) {
        if let Form::Packed(packed) = &mut self.form {
            packed.ready.start += size;
        } else {
            self.source.consume(size);
            self.taken += size as u64;
        }
    }
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let size = self.fill_buf()?.read(out)?;
        self.consume(size);
        Ok(size)
    }
}
