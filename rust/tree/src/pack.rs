//! Compressing a stream as independent zstd frames, on several threads.
//!
//! A frame holds the same bytes whatever the number of threads, and any zstd
//! program reads the frames one after another.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use passkeep_core::{Fill, Pipeline, Watch};
use zstd::zstd_safe::{
    CCtx, CParameter, ErrorCode, InBuffer, OutBuffer, ResetDirective, compress_bound,
    get_error_name, min_c_level,
};

/// What one frame holds: enough to compress well, little enough that each
/// thread may have several.
const FRAME: usize = 4 << 20;
/// What is tried of a frame, and in pieces of what size.
const SAMPLES: usize = 8;
const SAMPLE: usize = 16 << 10;
const SAMPLE_LEVEL: i32 = 1;
/// From this level on a frame may take longer than anybody waits who wants to stop, and
/// is compressed in pieces: a block of zstd each.
const SLOW_LEVEL: i32 = 10;
const PIECE: usize = 128 << 10;

/// The levels that can be asked for. Higher ones take much memory, and gain
/// nothing in frames of this size.
pub const LEVELS: std::ops::RangeInclusive<i32> = 1..=19;

/// A writer that compresses, or, without a level, only counts.
pub(crate) struct Packer<'a, W: Fill> {
    sink: W,
    watch: &'a mut dyn Watch,
    /// What the watch was told last.
    done: u64,
    level: Option<i32>,
    threads: usize,
    frame: Vec<u8>,
    pipeline: Option<Pipeline<Frame, io::Result<Frame>>>,
    spare: Vec<Frame>,
    written: u64,
    /// Set when nobody wants the frames any more that are under way.
    dropped: Arc<AtomicBool>,
}

#[derive(Default)]
struct Frame {
    plain: Vec<u8>,
    packed: Vec<u8>,
}

impl<'a, W: Fill> Packer<'a, W> {
    pub(crate) fn new(
        sink: W,
        level: Option<i32>,
        threads: usize,
        watch: &'a mut dyn Watch,
    ) -> Self {
        Self {
            sink,
            watch,
            done: 0,
            level,
            threads,
            frame: Vec::new(),
            pipeline: None,
            spare: Vec::new(),
            written: 0,
            dropped: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Tells how much is done, and fails where the work is to stop.
    pub(crate) fn tick(&mut self, done: u64) -> io::Result<()> {
        self.done = done;
        self.watch.tick(done)
    }

    /// Writes what is left, and returns the bytes that came out.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        if !self.frame.is_empty() {
            self.dispatch()?;
        }
        while self.write_oldest()? {}
        Ok(self.written)
    }

    /// Bytes that the frame takes yet; a full one is on its way now.
    fn room(&mut self) -> io::Result<usize> {
        if self.frame.len() == FRAME {
            self.dispatch()?;
        }
        Ok(FRAME - self.frame.len())
    }

    fn dispatch(&mut self) -> io::Result<()> {
        let level = self.level.unwrap_or_default();
        let mut frame = self.spare.pop().unwrap_or_default();
        std::mem::swap(&mut frame.plain, &mut self.frame);
        self.frame.clear();
        if self.threads <= 1 {
            let look = || self.watch.tick(self.done);
            let frame = pack(&mut context()?, level, frame, look)?;
            return self.write_out(frame);
        }
        while self.pipeline.as_ref().is_some_and(Pipeline::is_full) {
            self.write_oldest()?;
        }
        let pipeline = match &mut self.pipeline {
            Some(pipeline) => pipeline,
            none => none.insert(Pipeline::start(self.threads, || {
                let mut compressor = context()?;
                let dropped = Arc::clone(&self.dropped);
                let look = move || {
                    if dropped.load(Ordering::Relaxed) {
                        return Err(io::ErrorKind::BrokenPipe.into());
                    }
                    Ok(())
                };
                Ok(move |frame| pack(&mut compressor, level, frame, &look))
            })?),
        };
        Ok(pipeline.submit(frame)?)
    }

    /// Writes the oldest frame under way; `false` when there is none.
    fn write_oldest(&mut self) -> io::Result<bool> {
        let Some(pipeline) = &mut self.pipeline else {
            return Ok(false);
        };
        let look = || self.watch.tick(self.done);
        let Some(frame) = pipeline.next_watched(look)? else {
            return Ok(false);
        };
        self.write_out(frame?)?;
        Ok(true)
    }

    fn write_out(&mut self, frame: Frame) -> io::Result<()> {
        self.sink.write_all(&frame.packed)?;
        self.written += frame.packed.len() as u64;
        self.spare.push(frame);
        Ok(())
    }
}

impl<W: Fill> Drop for Packer<'_, W> {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::Relaxed);
    }
}

impl<W: Fill> Fill for Packer<'_, W> {
    fn fill_from(&mut self, source: &mut dyn Read) -> io::Result<usize> {
        if self.level.is_none() {
            let taken = self.sink.fill_from(source)?;
            self.written += taken as u64;
            return Ok(taken);
        }
        let room = self.room()? as u64;
        source.take(room).read_to_end(&mut self.frame)
    }
}

impl<W: Fill> Write for Packer<'_, W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.level.is_none() {
            let taken = self.sink.write(data)?;
            self.written += taken as u64;
            return Ok(taken);
        }
        let taken = data.len().min(self.room()?);
        reserve(&mut self.frame, taken)?;
        self.frame.extend_from_slice(&data[..taken]);
        Ok(taken)
    }

    /// Does nothing: a frame is written when it is full, or at the end.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compresses a frame; `look` is asked between pieces whether anybody still wants it.
fn pack(
    compressor: &mut CCtx,
    level: i32,
    mut frame: Frame,
    look: impl FnMut() -> io::Result<()>,
) -> io::Result<Frame> {
    let plain = &frame.plain;
    frame.packed.clear();
    reserve(&mut frame.packed, compress_bound(plain.len()))?;
    // At its lowest level zstd stores what does not compress as it is, about as
    // fast as copying.
    let level = if is_dense(compressor, plain, &mut frame.packed)? {
        min_c_level()
    } else {
        level
    };
    if level < SLOW_LEVEL {
        compress(compressor, level, plain, &mut frame.packed)?;
    } else {
        compress_in_pieces(compressor, level, plain, &mut frame.packed, look)?;
    }
    Ok(frame)
}

/// Whether samples say that compressing would be in vain: media, archives and
/// ciphertext.
fn is_dense(compressor: &mut CCtx, plain: &[u8], room: &mut Vec<u8>) -> io::Result<bool> {
    if plain.len() < SAMPLES * SAMPLE {
        return Ok(false);
    }
    let stride = (plain.len() - SAMPLE) / (SAMPLES - 1);
    let mut size = 0;
    for sample in 0..SAMPLES {
        let start = sample * stride;
        size += compress(
            compressor,
            SAMPLE_LEVEL,
            &plain[start..start + SAMPLE],
            room,
        )?;
    }
    // It saves less than a fiftieth.
    Ok(size > SAMPLES * SAMPLE / 50 * 49)
}

/// Compresses into `room`, which has enough of it.
fn compress(
    compressor: &mut CCtx,
    level: i32,
    plain: &[u8],
    room: &mut Vec<u8>,
) -> io::Result<usize> {
    room.clear();
    compressor
        .set_parameter(CParameter::CompressionLevel(level))
        .and_then(|_| compressor.compress2(room, plain))
        .map_err(failed)
}

/// The same, asking `look` between pieces. After an error the compressor is of no use.
fn compress_in_pieces(
    compressor: &mut CCtx,
    level: i32,
    plain: &[u8],
    room: &mut Vec<u8>,
    mut look: impl FnMut() -> io::Result<()>,
) -> io::Result<()> {
    room.clear();
    compressor
        .reset(ResetDirective::SessionOnly)
        .and_then(|_| compressor.set_parameter(CParameter::CompressionLevel(level)))
        .and_then(|_| compressor.set_pledged_src_size(Some(plain.len() as u64)))
        .map_err(failed)?;
    let mut output = OutBuffer::around(room);
    for piece in plain.chunks(PIECE) {
        look()?;
        let mut input = InBuffer::around(piece);
        while input.pos() < piece.len() {
            compressor
                .compress_stream(&mut output, &mut input)
                .map_err(failed)?;
        }
    }
    while compressor.end_stream(&mut output).map_err(failed)? > 0 {}
    Ok(())
}

fn context() -> io::Result<CCtx<'static>> {
    CCtx::try_create().ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

fn reserve(buffer: &mut Vec<u8>, more: usize) -> io::Result<()> {
    let reserved = buffer.try_reserve(more);
    reserved.map_err(|_| io::ErrorKind::OutOfMemory.into())
}

fn failed(code: ErrorCode) -> io::Error {
    if is_memory(code) {
        io::ErrorKind::OutOfMemory.into()
    } else {
        io::Error::other(get_error_name(code))
    }
}

/// Whether zstd found no memory. Its codes have no names in the crate.
pub(crate) fn is_memory(code: ErrorCode) -> bool {
    get_error_name(code).contains("not enough memory")
}
