//! Python buffers as slices: the only `unsafe` of this crate.

use passkeep_core::Stability;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyMemoryError, PySystemError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

use crate::errors::InvalidInputError;

/// Views of views that are looked through to whoever owns the memory.
const MAX_VIEWS: usize = 8;

/// A large page of x86-64, and of Arm with small pages of 4 KiB.
#[cfg(target_os = "linux")]
const LARGE_PAGE: usize = 2 << 20;

/// Whether sealed data may be opened where it lies. What could change between
/// authentication and decryption is copied first.
///
/// Bytes objects cannot change. With a result of the caller's own, nor should a
/// `NumPy` array that owns its data: no other process reaches it, and whoever works
/// on arrays in place keeps other threads away from both. Anything else could be a
/// mapped file, or what the next message is being received into.
pub(crate) fn stability(object: &Bound<'_, PyAny>, in_place: bool) -> PyResult<Stability> {
    let mut owner = object.clone();
    for _ in 0..MAX_VIEWS {
        if owner.is_exact_instance_of::<PyBytes>() {
            return Ok(Stability::Stable);
        }
        owner = if owner.is_exact_instance_of::<PyMemoryView>() {
            owner.getattr("obj")?
        } else if is_array(&owner)? {
            if owner.getattr("flags")?.getattr("owndata")?.extract()? {
                return Ok(if in_place {
                    Stability::Stable
                } else {
                    Stability::Shared
                });
            }
            owner.getattr("base")?
        } else {
            break;
        };
    }
    Ok(Stability::Shared)
}

fn is_array(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let kind = object.get_type();
    Ok(kind.name()? == "ndarray" && kind.module()? == "numpy")
}

/// The buffer of an object, also of one that does not say how its buffer is laid
/// out, because there is only one way: an array of `ctypes`, or a number without
/// any dimension.
fn export(object: &Bound<'_, PyAny>) -> PyResult<PyUntypedBuffer> {
    PyUntypedBuffer::get(object).or_else(|refused| {
        let view = PyMemoryView::from(object).map_err(|_| refused)?;
        PyUntypedBuffer::get(&view)
            .or_else(|_| PyUntypedBuffer::get(&view.call_method1("cast", ("B",))?))
    })
}

/// A new bytes object of `size` bytes, which `fill` writes and counts.
///
/// [`PyBytes::new_with`] would write zeros first: with one thread, while pages that were
/// never used are fetched, that takes longer than sealing.
///
/// # Errors
/// Those of `fill`, and those of Python where there is no memory. What was not filled
/// is not handed out, because it may be anything that this process once held.
#[allow(unsafe_code)]
pub(crate) fn new_bytes(
    py: Python<'_>,
    size: usize,
    fill: impl FnOnce(&mut [u8]) -> PyResult<usize>,
) -> PyResult<Bound<'_, PyBytes>> {
    let length = ffi::Py_ssize_t::try_from(size).map_err(|_| PyMemoryError::new_err(()))?;
    // SAFETY: Python returns a new bytes object, or null and an exception, which is
    // what `from_owned_ptr_or_err` tells apart. Only this function has a reference to it
    // until it returns, and its memory stays in place, so there are `size` bytes that
    // nobody else reads or writes. (The empty one is shared: no byte of it is touched.) They came from an allocator in C, of which the compiler
    // knows nothing: they have values, if unknown ones. `fill` only writes them.
    let (bytes, out) = unsafe {
        let pointer = ffi::PyBytes_FromStringAndSize(std::ptr::null(), length);
        let object = Bound::from_owned_ptr_or_err(py, pointer)?;
        let start = ffi::PyBytes_AsString(pointer).cast::<u8>();
        ask_for_large_pages(start, size);
        let out = std::slice::from_raw_parts_mut(start, size);
        (object.cast_into_unchecked::<PyBytes>(), out)
    };
    if fill(out)? != size {
        return Err(PySystemError::new_err("the result is not complete"));
    }
    Ok(bytes)
}

/// Asks for large pages for `size` bytes of new memory: fetching those takes a fraction of
/// the time. Systems that have none say no, which is as good.
///
/// # Safety
/// The bytes from `start` on are allocated.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
unsafe fn ask_for_large_pages(start: *mut u8, size: usize) {
    use rustix::mm::{Advice, madvise};
    let before = start.align_offset(LARGE_PAGE);
    let whole = size.saturating_sub(before) / LARGE_PAGE * LARGE_PAGE;
    if whole > 0 {
        // SAFETY: The pages lie within what the caller vouches for, and the advice does
        // not change what they hold.
        let _ = unsafe { madvise(start.add(before).cast(), whole, Advice::LinuxHugepage) };
    }
}

/// There is nothing to ask.
///
/// # Safety
/// None is needed.
#[cfg(not(target_os = "linux"))]
#[allow(unsafe_code)]
unsafe fn ask_for_large_pages(_start: *mut u8, _size: usize) {}

/// A contiguous buffer of any element type, read as bytes.
pub(crate) struct Input(PyUntypedBuffer);

impl Input {
    /// The bytes of the buffer, without a copy.
    #[allow(unsafe_code)]
    pub(crate) fn as_slice(&self) -> &[u8] {
        let (start, size) = (self.0.buf_ptr().cast::<u8>(), self.0.len_bytes());
        if size == 0 {
            // An empty buffer may have a null pointer.
            return &[];
        }
        // SAFETY: The exporter keeps `size` contiguous bytes at `start` alive
        // and in place until the buffer is released, which `self` does when it
        // is dropped, so not before the slice ends; contiguity was checked when
        // `self` was made. What Rust cannot know is whether another Python
        // thread writes into the buffer meanwhile. Sealing encrypts each byte
        // and authenticates its own output, so such a race can only change
        // which plaintext is sealed, as it would for any C extension; what
        // is opened is copied first, unless `stability` says otherwise.
        unsafe { std::slice::from_raw_parts(start, size) }
    }
}

impl<'py> FromPyObject<'_, 'py> for Input {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let buffer = export(&object)?;
        if buffer.is_c_contiguous() {
            Ok(Self(buffer))
        } else {
            Err(PyBufferError::new_err("the buffer is not contiguous"))
        }
    }
}

/// A contiguous, writable buffer of any element type, written as bytes.
pub(crate) struct Output(PyUntypedBuffer);

impl Output {
    /// The bytes of the buffer.
    #[allow(unsafe_code)]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        let (start, size) = (self.0.buf_ptr().cast::<u8>(), self.0.len_bytes());
        if size == 0 {
            // An empty buffer may have a null pointer.
            return &mut [];
        }
        // SAFETY: As for `Input`; that the memory may be written to was checked
        // when `self` was made, and that no input of the same call lies in it is
        // checked by `refuse_overlap`. Another Python thread that touches the buffer
        // meanwhile sees bytes of the result early, or loses its own, as with
        // any C extension that fills a buffer without the GIL.
        unsafe { std::slice::from_raw_parts_mut(start, size) }
    }

    /// Refuses an input that it shares memory with.
    pub(crate) fn refuse_overlap(&self, data: &[u8]) -> PyResult<()> {
        let (start, size) = (self.0.buf_ptr() as usize, self.0.len_bytes());
        let other = data.as_ptr() as usize;
        if size > 0 && !data.is_empty() && start < other + data.len() && other < start + size {
            return Err(InvalidInputError::new_err(
                "input and output share memory; nothing was written",
            ));
        }
        Ok(())
    }
}

impl<'py> FromPyObject<'_, 'py> for Output {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let buffer = export(&object)?;
        if buffer.readonly() {
            return Err(PyBufferError::new_err("the output buffer is read-only"));
        }
        if buffer.is_c_contiguous() {
            Ok(Self(buffer))
        } else {
            Err(PyBufferError::new_err(
                "the output buffer is not contiguous",
            ))
        }
    }
}
