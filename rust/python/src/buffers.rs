//! Python buffers as slices: the only `unsafe` of this crate.

use passkeep_core::Stability;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

/// Views of views that are looked through to whoever owns the memory.
const MAX_VIEWS: usize = 8;

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
        // checked by `overlaps`. Another Python thread that touches the buffer
        // meanwhile sees bytes of the result early, or loses its own, as with
        // any C extension that fills a buffer without the GIL.
        unsafe { std::slice::from_raw_parts_mut(start, size) }
    }

    /// Whether it shares memory with `data`.
    pub(crate) fn overlaps(&self, data: &[u8]) -> bool {
        let (start, size) = (self.0.buf_ptr() as usize, self.0.len_bytes());
        let other = data.as_ptr() as usize;
        size > 0 && !data.is_empty() && start < other + data.len() && other < start + size
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
