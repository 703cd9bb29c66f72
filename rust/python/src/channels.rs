//! Where payloads come from and go to: files by path, the standard streams by
//! number, or Python file objects.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffers::Input;
use crate::descriptor::Descriptor;
use crate::errors::{attached, describe, from_io};
use crate::handles::{Reader, Writer};
use crate::watch::{CancelToken, Stop};

const STDIN: i32 = 0;
const STDOUT: i32 = 1;

/// How long a file object is left alone that would have to wait.
const PATIENCE: Duration = Duration::from_millis(10);

/// The largest page of memory that systems have.
const PAGE: u64 = 64 << 10;

/// A file, pipe or Python object that is read.
pub(crate) struct Source {
    channel: Channel,
    stop: Stop,
}

/// A file, pipe or Python object that is written.
pub(crate) struct Sink {
    channel: Channel,
    stop: Stop,
}

enum Channel {
    Path(Descriptor),
    Stream(Descriptor),
    Object(Py<PyAny>),
}

impl Channel {
    /// The regular file that was opened by its path. A standard stream may be
    /// one too, but can stand in its middle.
    fn regular(&self) -> Option<&File> {
        match self {
            Self::Path(file) => file.regular(),
            Self::Stream(_) | Self::Object(_) => None,
        }
    }
}

impl Source {
    /// Opens what a caller named.
    pub(crate) fn open(object: &Bound<'_, PyAny>, cancel: Option<&CancelToken>) -> PyResult<Self> {
        let mut stop = Stop::new(cancel);
        let channel = if let Ok(number) = object.extract::<i32>() {
            if number != STDIN {
                return Err(PyValueError::new_err("only descriptor 0 can be read"));
            }
            Channel::Stream(Descriptor::shared_for_reading(io::stdin()).map_err(from_io)?)
        } else if let Ok(path) = object.extract::<PathBuf>() {
            Channel::Path(opened(object.py(), &path, Descriptor::reading, &mut stop)?)
        } else {
            has_method(object, "read")?;
            Channel::Object(object.clone().unbind())
        };
        Ok(Self { channel, stop })
    }

    /// Has `cancel`, where there is one, end its waiting.
    pub(crate) fn stop_by(&mut self, cancel: Option<&CancelToken>) {
        if cancel.is_some() {
            self.stop = Stop::new(cancel);
        }
    }

    /// The file behind this source where it may be read by position. Files that
    /// the kernel makes up are read as streams: they claim to be empty, or, in sysfs,
    /// to be a page that takes no room, whatever they hold.
    pub(crate) fn regular(&self) -> Option<&File> {
        let file = self.channel.regular()?;
        let least = |about: &Metadata| if about.blocks() > 0 { 1 } else { PAGE + 1 };
        file.metadata()
            .is_ok_and(|about| about.len() >= least(&about))
            .then_some(file)
    }

    /// Another source on the same regular file, if it is one, for when this one
    /// is done: they have one position in it.
    pub(crate) fn again(&self, cancel: Option<&CancelToken>) -> Option<Self> {
        let file = self.channel.regular()?;
        let file = Descriptor::shared_for_reading(file).ok()?;
        Some(Self {
            channel: Channel::Path(file),
            stop: Stop::new(cancel),
        })
    }

    /// The file that was opened by its path, whatever kind it is; everything else
    /// comes back.
    pub(crate) fn into_file(self) -> Result<File, Self> {
        match self.channel {
            Channel::Path(file) => Ok(file.into_file()),
            channel => Err(Self { channel, ..self }),
        }
    }

    /// Puts a file that was opened by its path behind its header.
    pub(crate) fn skip(&mut self, offset: u64) -> io::Result<()> {
        match &mut self.channel {
            Channel::Path(file) => file.seek(SeekFrom::Start(offset)).map(drop),
            Channel::Stream(_) | Channel::Object(_) => Err(io::Error::new(
                io::ErrorKind::NotSeekable,
                "a stream cannot be read from an offset",
            )),
        }
    }
}

impl Sink {
    /// Opens what a caller named; a path must exist.
    pub(crate) fn open(object: &Bound<'_, PyAny>, cancel: Option<&CancelToken>) -> PyResult<Self> {
        let mut stop = Stop::new(cancel);
        let channel = if let Ok(number) = object.extract::<i32>() {
            if number != STDOUT {
                return Err(PyValueError::new_err("only descriptor 1 can be written"));
            }
            Channel::Stream(Descriptor::shared_for_writing(io::stdout()).map_err(from_io)?)
        } else if let Ok(path) = object.extract::<PathBuf>() {
            Channel::Path(opened(object.py(), &path, Descriptor::writing, &mut stop)?)
        } else {
            has_method(object, "write")?;
            Channel::Object(object.clone().unbind())
        };
        Ok(Self { channel, stop })
    }

    /// Has `cancel`, where there is one, end its waiting.
    pub(crate) fn stop_by(&mut self, cancel: Option<&CancelToken>) {
        if cancel.is_some() {
            self.stop = Stop::new(cancel);
        }
    }

    /// The file behind this sink where it may be written by position.
    pub(crate) fn regular(&self) -> Option<&File> {
        self.channel.regular()
    }
}

impl<'py> FromPyObject<'_, 'py> for Source {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.cast::<Reader>() {
            Ok(reader) => reader.try_borrow_mut()?.take(),
            Err(_) => Self::open(&object, None),
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Sink {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.cast::<Writer>() {
            Ok(writer) => writer.try_borrow_mut()?.take(),
            Err(_) => Self::open(&object, None),
        }
    }
}

/// Opens a path, which may take its time.
fn opened(
    py: Python<'_>,
    path: &Path,
    open: fn(&Path, &mut Stop) -> io::Result<Descriptor>,
    stop: &mut Stop,
) -> PyResult<Descriptor> {
    py.detach(|| open(path, stop))
        .map_err(|error| match error.raw_os_error() {
            Some(code) => PyOSError::new_err((code, describe(&error), path.to_owned())),
            None => from_io(error),
        })
}

fn has_method(object: &Bound<'_, PyAny>, name: &str) -> PyResult<()> {
    if object.hasattr(name)? {
        Ok(())
    } else {
        let message = format!("expected a path or a binary file object with {name}()");
        Err(PyTypeError::new_err(message))
    }
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.channel {
            Channel::Path(file) | Channel::Stream(file) => file.read(out, &mut self.stop),
            Channel::Object(object) => loop {
                self.stop.look()?;
                if let Some(size) = attached(|py| read_object(object.bind(py), out))? {
                    return Ok(size);
                }
                std::thread::sleep(PATIENCE);
            },
        }
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.channel {
            Channel::Path(file) | Channel::Stream(file) => file.seek(to),
            Channel::Object(object) => attached(|py| {
                let position = match to {
                    SeekFrom::Start(at) => object.call_method1(py, "seek", (at, 0)),
                    SeekFrom::Current(by) => object.call_method1(py, "seek", (by, 1)),
                    SeekFrom::End(by) => object.call_method1(py, "seek", (by, 2)),
                };
                position?.extract(py)
            }),
        }
    }
}

/// Reads from a file object; nothing where it would have to wait.
fn read_object(object: &Bound<'_, PyAny>, out: &mut [u8]) -> PyResult<Option<usize>> {
    let data = object.call_method1("read", (out.len(),))?;
    if data.is_none() {
        return Ok(None);
    }
    let data: Input = data
        .extract()
        .map_err(|_| PyTypeError::new_err("read() of the source did not return bytes"))?;
    let data = data.as_slice();
    let Some(room) = out.get_mut(..data.len()) else {
        return Err(PyValueError::new_err(
            "read() of the source returned more than it was asked for",
        ));
    };
    room.copy_from_slice(data);
    Ok(Some(data.len()))
}

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match &mut self.channel {
            Channel::Path(file) | Channel::Stream(file) => file.write(data, &mut self.stop),
            Channel::Object(object) => loop {
                self.stop.look()?;
                if let Some(size) = attached(|py| write_object(object.bind(py), data))? {
                    return Ok(size);
                }
                std::thread::sleep(PATIENCE);
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &self.channel {
            // Nothing here keeps anything back.
            Channel::Path(_) | Channel::Stream(_) => Ok(()),
            Channel::Object(object) => attached(|py| {
                if object.bind(py).hasattr("flush")? {
                    object.call_method0(py, "flush")?;
                }
                Ok(())
            }),
        }
    }
}

/// Writes to a file object; nothing where it would have to wait.
fn write_object(object: &Bound<'_, PyAny>, data: &[u8]) -> PyResult<Option<usize>> {
    let taken = object.call_method1("write", (PyBytes::new(object.py(), data),))?;
    match taken.extract::<Option<usize>>()? {
        Some(taken) if taken > data.len() => Err(PyValueError::new_err(
            "write() of the sink claims more than it was given",
        )),
        Some(taken) => Ok(Some(taken)),
        // From a raw file it means that it took nothing; whoever writes a class
        // of their own and returns nothing has taken everything.
        None if is_raw(object)? => Ok(None),
        None => Ok(Some(data.len())),
    }
}

fn is_raw(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    object.is_instance(&object.py().import("io")?.getattr("RawIOBase")?)
}
