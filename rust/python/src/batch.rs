//! Many small objects under one key.

use passkeep_core::{CobblestoneKey, Error, Object, open_batch, seal_batch};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffers::Input;
use crate::errors::{InvalidInputError, from_core};
use crate::watch::{CancelToken, Watcher};

/// A key that many objects are sealed with, each in a context of its own.
#[pyclass(frozen, module = "passkeep")]
pub(crate) struct BatchKey {
    key: CobblestoneKey,
}

#[pymethods]
impl BatchKey {
    #[new]
    fn new(key: &[u8]) -> PyResult<Self> {
        let key = CobblestoneKey::from_slice(key, &[])
            .ok_or_else(|| InvalidInputError::new_err("a Cobblestone-256 key has 32 bytes"))?;
        Ok(Self { key })
    }

    /// Seals objects, given as their contexts and contents.
    #[pyo3(signature = (contexts, data, *, threads, cancel=None))]
    fn seal<'py>(
        &self,
        py: Python<'py>,
        contexts: Vec<Vec<u8>>,
        data: Vec<Input>,
        threads: usize,
        cancel: Option<&CancelToken>,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        each(py, &contexts, &data, cancel, |objects, watch| {
            seal_batch(&self.key, objects, threads, watch)
        })
    }

    /// Opens messages, given as the contexts of their objects and themselves.
    #[pyo3(signature = (contexts, data, *, threads, cancel=None))]
    fn open<'py>(
        &self,
        py: Python<'py>,
        contexts: Vec<Vec<u8>>,
        data: Vec<Input>,
        threads: usize,
        cancel: Option<&CancelToken>,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        each(py, &contexts, &data, cancel, |objects, watch| {
            open_batch(&self.key, objects, threads, watch)
        })
    }
}

fn each<'py>(
    py: Python<'py>,
    contexts: &[Vec<u8>],
    data: &[Input],
    cancel: Option<&CancelToken>,
    work: impl FnOnce(&[Object], &mut Watcher) -> Result<Vec<Vec<u8>>, Error> + Send,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    if contexts.len() != data.len() {
        return Err(InvalidInputError::new_err("each object has a context"));
    }
    let pairs = contexts.iter().zip(data);
    let objects: Vec<Object> = pairs
        .map(|(context, object)| Object {
            context,
            data: object.as_slice(),
        })
        .collect();
    let mut watch = Watcher::new(None, cancel);
    let results = py
        .detach(|| work(&objects, &mut watch))
        .map_err(from_core)?;
    Ok(results
        .iter()
        .map(|result| PyBytes::new(py, result))
        .collect())
}
