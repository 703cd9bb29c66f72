//! The ciphers without a format, which `passkeep bench` measures the rest against.

use pyo3::prelude::*;

use crate::buffers::{Input, Output};
use crate::errors::{InvalidInputError, from_core};

/// A buffer cut into messages of one size, each sealed under its number and a key that
/// nobody keeps: for measuring, not for protecting.
#[pyclass(frozen, module = "passkeep")]
pub(crate) struct RawMessages {
    messages: passkeep_core::RawMessages,
}

#[pymethods]
impl RawMessages {
    #[new]
    fn new(cipher: &str, message: usize) -> PyResult<Self> {
        let messages = match cipher {
            "aes-256-gcm" => passkeep_core::RawMessages::aes_256_gcm(message),
            "age" => passkeep_core::RawMessages::chacha20_poly1305(message),
            _ => return Err(InvalidInputError::new_err("there is no such cipher")),
        };
        let messages = messages.map_err(from_core)?;
        Ok(Self { messages })
    }

    /// Seals each message of `plain`, with its tag behind it.
    #[pyo3(signature = (plain, sealed, *, threads))]
    fn seal(
        &self,
        py: Python<'_>,
        plain: Input,
        mut sealed: Output,
        threads: usize,
    ) -> PyResult<()> {
        sealed.refuse_overlap(plain.as_slice())?;
        let (plain, sealed) = (plain.as_slice(), sealed.as_mut_slice());
        py.detach(|| self.messages.seal(plain, sealed, threads))
            .map_err(from_core)
    }

    /// Opens what `seal` made.
    #[pyo3(signature = (sealed, plain, *, threads))]
    fn open(
        &self,
        py: Python<'_>,
        sealed: Input,
        mut plain: Output,
        threads: usize,
    ) -> PyResult<()> {
        plain.refuse_overlap(sealed.as_slice())?;
        let (sealed, plain) = (sealed.as_slice(), plain.as_mut_slice());
        py.detach(|| self.messages.open(sealed, plain, threads))
            .map_err(from_core)
    }
}
