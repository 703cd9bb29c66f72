//! Many small objects under one key.

use passkeep_core::{CobblestoneKey, Error, Object, open_batch, seal_batch};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::buffers::Input;
use crate::errors::{InvalidInputError, from_core};
use crate::watch::{CancelToken, Watcher};

/// Bytes of objects that are worked on at a time.
const WINDOW: usize = 4 << 20;

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
        contexts: Vec<PyBackedBytes>,
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
        contexts: Vec<PyBackedBytes>,
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
    contexts: &[PyBackedBytes],
    data: &[Input],
    cancel: Option<&CancelToken>,
    work: impl Fn(&[Object], &mut Watcher) -> Result<Vec<Vec<u8>>, Error> + Sync,
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
    let mut results = Vec::with_capacity(objects.len());
    for window in windows(&objects) {
        let messages = py.detach(|| work(window, &mut watch)).map_err(from_core)?;
        results.extend(messages.iter().map(|message| PyBytes::new(py, message)));
    }
    Ok(results)
}

/// Objects whose results are held twice for a moment: as the core makes them, and as
/// Python has them. What the core used is used again for the next ones.
fn windows<'a, 'b>(objects: &'b [Object<'a>]) -> impl Iterator<Item = &'b [Object<'a>]> {
    let mut size = 0;
    objects.chunk_by(move |object, _| {
        size += object.data.len();
        let fits = size < WINDOW;
        if !fits {
            size = 0;
        }
        fits
    })
}
