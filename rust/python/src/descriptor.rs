//! Reading and writing files, pipes and terminals so that waiting can be ended.
//!
//! A system call that waits notices neither a token nor a signal that came just
//! before it. So nothing here waits inside `read` or `write`: it waits in
//! `poll`, for a moment at a time.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use rustix::pipe::PIPE_BUF;

use crate::watch::{INTERVAL, Stop};

/// How long to leave a descriptor alone that is ready, and yet is not.
const PAUSE: Duration = Duration::from_millis(1);

/// What a pipe should hold: with the 64 KiB that it has by default, both sides wait
/// for each other most of the time.
const PIPE_SIZE: usize = 1 << 20;

/// An open file and how it waits.
pub(crate) struct Descriptor {
    file: File,
    waiting: Waiting,
}

enum Waiting {
    /// Files on disks, and devices such as `/dev/null`: they do not.
    Never,
    /// Calls return at once: the open file description is ours, and non-blocking.
    InPoll,
    /// The description is shared with other processes, whose reads and writes
    /// would fail if it became non-blocking. A read takes what is there, and a
    /// write of up to `PIPE_BUF` bytes fits wherever there is any room.
    Shared,
    /// Shared as well, but a socket can be told not to wait with each call.
    Socket,
}

impl Waiting {
    /// How a description that is not ours waits.
    fn shared(file: &File) -> io::Result<Self> {
        Ok(if !waits(file)? {
            Self::Never
        } else if file.metadata()?.file_type().is_socket() {
            Self::Socket
        } else {
            Self::Shared
        })
    }
}

impl Descriptor {
    /// Opens a path for reading. A FIFO needs no writer yet.
    pub(crate) fn reading(path: &Path, stop: &mut Stop) -> io::Result<Self> {
        Self::open(path, OFlags::RDONLY, stop)
    }

    /// Opens a path for writing; it must exist. Waits for the reader of a FIFO.
    pub(crate) fn writing(path: &Path, stop: &mut Stop) -> io::Result<Self> {
        Self::open(path, OFlags::WRONLY, stop)
    }

    fn open(path: &Path, access: OFlags, stop: &mut Stop) -> io::Result<Self> {
        loop {
            match open_now(path, access) {
                Ok(descriptor) => {
                    let file = File::from(descriptor);
                    let waiting = if waits(&file)? {
                        Waiting::InPoll
                    } else {
                        Waiting::Never
                    };
                    return Ok(Self { file, waiting });
                }
                Err(Errno::INTR) => stop.look_now()?,
                // A FIFO has no reader yet, or somebody has leased the file.
                Err(error) if error == Errno::AGAIN || error == Errno::NXIO && is_fifo(path) => {
                    std::thread::sleep(INTERVAL);
                    stop.look_now()?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Another descriptor of a standard stream, to read from.
    pub(crate) fn shared_for_reading(stream: impl AsFd) -> io::Result<Self> {
        let file = File::from(stream.as_fd().try_clone_to_owned()?);
        let waiting = Waiting::shared(&file)?;
        Ok(Self { file, waiting })
    }

    /// Another descriptor of a standard stream, to write to.
    pub(crate) fn shared_for_writing(stream: impl AsFd) -> io::Result<Self> {
        let mut shared = Self::shared_for_reading(stream)?;
        if matches!(shared.waiting, Waiting::Shared)
            && let Some(descriptor) = reopen(&shared.file)
        {
            shared = Self {
                file: File::from(descriptor),
                waiting: Waiting::InPoll,
            };
        }
        Ok(shared)
    }

    /// The file, where it may be read and written by position.
    pub(crate) fn regular(&self) -> Option<&File> {
        self.file
            .metadata()
            .is_ok_and(|metadata| metadata.is_file())
            .then_some(&self.file)
    }

    /// The file itself.
    pub(crate) fn into_file(self) -> File {
        self.file
    }

    /// Goes to a position, and returns it.
    pub(crate) fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }

    /// Reads some bytes, as soon as there are any.
    pub(crate) fn read(&mut self, out: &mut [u8], stop: &mut Stop) -> io::Result<usize> {
        stop.look()?;
        if !matches!(self.waiting, Waiting::Never) {
            // Also before the first read: a FIFO that had no writer yet would
            // seem to be at its end.
            self.wait(PollFlags::IN, stop)?;
        }
        self.insist(PollFlags::IN, stop, |file| file.read(out))
    }

    /// Writes some bytes, as soon as there is room for any.
    pub(crate) fn write(&mut self, data: &[u8], stop: &mut Stop) -> io::Result<usize> {
        stop.look()?;
        match self.waiting {
            Waiting::Never | Waiting::InPoll => {
                self.insist(PollFlags::OUT, stop, |file| file.write(data))
            }
            Waiting::Shared => {
                let piece = &data[..data.len().min(PIPE_BUF)];
                self.wait(PollFlags::OUT, stop)?;
                self.insist(PollFlags::OUT, stop, |file| file.write(piece))
            }
            Waiting::Socket => self.insist(PollFlags::OUT, stop, |file| {
                Ok(send(file, data, SendFlags::DONTWAIT)?)
            }),
        }
    }

    /// Calls until the call is neither interrupted nor refused for now: where
    /// somebody else was quicker, or the shared description is non-blocking.
    fn insist(
        &mut self,
        event: PollFlags,
        stop: &mut Stop,
        mut call: impl FnMut(&mut File) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut refused = false;
        loop {
            match call(&mut self.file) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => stop.look_now()?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if refused {
                        std::thread::sleep(PAUSE);
                    }
                    refused = true;
                    stop.look()?;
                    self.wait(event, stop)?;
                }
                other => return other,
            }
        }
    }

    fn wait(&self, event: PollFlags, stop: &mut Stop) -> io::Result<()> {
        let slice = Timespec {
            tv_sec: 0,
            tv_nsec: INTERVAL.subsec_nanos().into(),
        };
        loop {
            match poll(&mut [PollFd::new(&self.file, event)], Some(&slice)) {
                Ok(0) | Err(Errno::INTR) => stop.look_now()?,
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn open_now(path: impl rustix::path::Arg, access: OFlags) -> Result<OwnedFd, Errno> {
    let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty())
}

fn is_fifo(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// Whether reads and writes may have to wait for somebody else. Folders, which
/// have neither, are refused.
fn waits(file: &File) -> io::Result<bool> {
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(Errno::ISDIR.into());
    }
    if kind.is_fifo() {
        enlarge(file);
    }
    Ok(kind.is_fifo() || kind.is_socket() || file.is_terminal())
}

/// Has a pipe hold more, where the system lets us.
fn enlarge(pipe: &File) {
    #[cfg(target_os = "linux")]
    if rustix::pipe::fcntl_getpipe_size(pipe).is_ok_and(|size| size < PIPE_SIZE) {
        // Each user has a quota; a small pipe does as well.
        let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_SIZE);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = pipe;
}

/// A description of our own of the pipe or terminal that stands behind another
/// one; none where the system has no such way, or does not let us.
fn reopen(file: &File) -> Option<OwnedFd> {
    use std::os::fd::AsRawFd;
    if cfg!(target_os = "linux") {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        open_now(path, OFlags::WRONLY).ok()
    } else {
        None
    }
}
