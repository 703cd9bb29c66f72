//! Python buffers as slices: the only `unsafe` of this crate.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Sealed data that stays as it is while it is opened.
///
/// Opening reads each byte more than once, to authenticate and to decrypt, so
/// memory that somebody could write to in between (a mapped file, above all) is
/// copied first. Bytes objects cannot change.
pub(crate) enum Stable<'py> {
    Bytes(Bound<'py, PyBytes>),
    Copy(Vec<u8>),
}

impl Stable<'_> {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes.as_bytes(),
            Self::Copy(copy) => copy,
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Stable<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self::Bytes(bytes.to_owned()));
        }
        let input: Input = object.extract()?;
        Ok(Self::Copy(input.as_slice().to_vec()))
    }
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
        // is opened is `Stable`.
        unsafe { std::slice::from_raw_parts(start, size) }
    }
}

impl<'py> FromPyObject<'_, 'py> for Input {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let buffer = PyUntypedBuffer::get(&object)?;
        if buffer.is_c_contiguous() {
            Ok(Self(buffer))
        } else {
            Err(PyBufferError::new_err("the buffer is not contiguous"))
        }
    }
}
