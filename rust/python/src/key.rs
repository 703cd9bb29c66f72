//! Keys of payloads, as Python holds them: opaque, and wiped when they go.

use std::sync::Arc;

use passkeep_core::{CobblestoneKey, FileKey};
use pyo3::prelude::*;

use crate::errors::{InvalidInputError, LimitError, from_core};

/// What payloads are sealed and opened with: a format and its key.
#[pyclass(frozen, module = "passkeep")]
pub(crate) struct PayloadKey {
    key: Arc<dyn passkeep_core::PayloadKey>,
}

impl PayloadKey {
    pub(crate) fn key(&self) -> Arc<dyn passkeep_core::PayloadKey> {
        Arc::clone(&self.key)
    }
}

#[pymethods]
impl PayloadKey {
    /// The 16-byte file key of an age header: ChaCha20-Poly1305.
    #[staticmethod]
    fn age(file_key: &[u8]) -> PyResult<Self> {
        let key = FileKey::from_slice(file_key)
            .ok_or_else(|| InvalidInputError::new_err("a file key has 16 bytes"))?;
        Ok(Self { key: Arc::new(key) })
    }

    /// A 32-byte input key of Cobblestone-256, used in `context`: AES-256-GCM.
    #[staticmethod]
    fn cobblestone(key: &[u8], context: &[u8]) -> PyResult<Self> {
        let key = CobblestoneKey::from_slice(key, context)
            .ok_or_else(|| InvalidInputError::new_err("a Cobblestone-256 key has 32 bytes"))?;
        Ok(Self { key: Arc::new(key) })
    }

    /// Bytes of a payload that holds `plain` bytes, what stands before its first
    /// chunk included.
    fn sealed_size(&self, plain: u64) -> PyResult<u64> {
        let chunks = self.key.layout().sealed_size(plain).map_err(from_core)?;
        chunks
            .checked_add(self.key.prefix_size() as u64)
            .ok_or_else(|| LimitError::new_err("the input is larger than any file can be"))
    }

    /// Bytes of plaintext in a payload of `sealed` bytes.
    fn plain_size(&self, sealed: u64) -> PyResult<u64> {
        let chunks = sealed
            .checked_sub(self.key.prefix_size() as u64)
            .ok_or_else(|| from_core(passkeep_core::Error::Truncated))?;
        self.key.layout().plain_size(chunks).map_err(from_core)
    }
}
