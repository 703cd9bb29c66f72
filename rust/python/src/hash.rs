//! Digests, in the shape of `hashlib`.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use passkeep_core::{Algorithm, DIGEST_SIZE, Watch, hash_file, hash_slice, zeroed};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffers::Input;
use crate::channels::Source;
use crate::errors::{InvalidInputError, from_core};
use crate::turns::Turns;
use crate::watch::{CancelToken, Watcher};

const PIECE: usize = 1 << 20;

/// Hashes what it is given, like the objects of `hashlib`.
#[pyclass(frozen, module = "passkeep")]
pub(crate) struct Hasher {
    algorithm: Algorithm,
    state: Turns<State>,
    /// Whether a stream has it. What that calls (progress, file objects) may ask for
    /// the digest, and must not wait for itself.
    lent: AtomicBool,
}

/// A hash in progress, or one that was made as a whole.
enum State {
    Going(passkeep_core::Hasher),
    Done(passkeep_core::Digest),
}

impl Hasher {
    /// Lends the state to a stream, for as long as that takes.
    pub(crate) fn lend<T>(
        &self,
        work: impl FnOnce(&mut passkeep_core::Hasher) -> T,
    ) -> PyResult<T> {
        if self.lent.swap(true, Ordering::AcqRel) {
            return Err(lent());
        }
        let result = self.with(work);
        self.lent.store(false, Ordering::Release);
        result
    }

    /// Hashes with the state. Never called with the GIL.
    fn with<T>(&self, work: impl FnOnce(&mut passkeep_core::Hasher) -> T) -> PyResult<T> {
        self.state.take(|state| match state {
            State::Going(hasher) => Ok(work(hasher)),
            State::Done(_) => Err(InvalidInputError::new_err("this digest is complete")),
        })
    }

    fn finished(&self, py: Python<'_>) -> PyResult<passkeep_core::Digest> {
        if self.lent.load(Ordering::Acquire) {
            return Err(lent());
        }
        py.detach(|| {
            self.state.take(|state| match state {
                State::Going(hasher) => Ok(hasher.digest()),
                State::Done(digest) => Ok(*digest),
            })
        })
    }
}

fn lent() -> PyErr {
    InvalidInputError::new_err("this digest is not complete: a stream still uses it")
}

#[pymethods]
impl Hasher {
    #[new]
    #[pyo3(signature = (algorithm="blake3"))]
    fn new(algorithm: &str) -> PyResult<Self> {
        let algorithm = parse(algorithm)?;
        Ok(Self {
            algorithm,
            state: Turns::new(State::Going(passkeep_core::Hasher::new(algorithm))),
            lent: AtomicBool::new(false),
        })
    }

    /// Takes the next piece.
    fn update(&self, py: Python<'_>, data: Input) -> PyResult<()> {
        if self.lent.load(Ordering::Acquire) {
            return Err(lent());
        }
        let data = data.as_slice();
        py.detach(|| self.with(|hasher| hasher.update(data)))
    }

    /// The digest of everything so far, 32 bytes.
    fn digest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.finished(py)?))
    }

    /// The digest of everything so far, 64 hexadecimal digits.
    fn hexdigest(&self, py: Python<'_>) -> PyResult<String> {
        use std::fmt::Write;
        let digest = self.finished(py)?;
        Ok(digest.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    /// The algorithm.
    #[getter]
    fn name(&self) -> &'static str {
        match self.algorithm {
            Algorithm::Blake3 => "blake3",
            Algorithm::Sha256 => "sha256",
        }
    }

    /// Bytes of the digest.
    #[getter]
    #[allow(clippy::unused_self)] // an attribute of objects, as in `hashlib`
    fn digest_size(&self) -> usize {
        DIGEST_SIZE
    }

    fn __repr__(&self) -> String {
        format!("<Hasher {}>", self.name())
    }
}

/// Hashes a buffer on several threads.
#[pyfunction]
#[pyo3(signature = (data, algorithm, *, threads, cancel=None))]
pub(crate) fn hash_bytes(
    py: Python<'_>,
    data: Input,
    algorithm: &str,
    threads: usize,
    cancel: Option<&CancelToken>,
) -> PyResult<Hasher> {
    let algorithm = parse(algorithm)?;
    let mut watch = Watcher::new(None, cancel);
    let data = data.as_slice();
    let digest = py
        .detach(|| hash_slice(algorithm, data, threads, &mut watch))
        .map_err(from_core)?;
    Ok(complete(algorithm, digest))
}

/// Hashes a file on several threads, or a stream on one.
#[pyfunction]
#[pyo3(signature = (source, algorithm, *, threads, progress=None, cancel=None))]
pub(crate) fn hash_stream(
    py: Python<'_>,
    mut source: Source,
    algorithm: &str,
    threads: usize,
    progress: Option<Py<PyAny>>,
    cancel: Option<&CancelToken>,
) -> PyResult<Hasher> {
    let algorithm = parse(algorithm)?;
    let mut watch = Watcher::new(progress, cancel);
    source.stop_by(cancel);
    let digest = py.detach(|| {
        if let Some(file) = source.regular() {
            let (digest, size) = hash_file(algorithm, file, threads, &mut watch)?;
            watch.finish(size)?;
            return Ok(digest);
        }
        let mut hasher = passkeep_core::Hasher::new(algorithm);
        let (mut buffer, mut done) = (zeroed(PIECE)?, 0);
        loop {
            let size = source.read(&mut buffer)?;
            if size == 0 {
                watch.finish(done)?;
                return Ok(hasher.digest());
            }
            hasher.update(&buffer[..size]);
            done += size as u64;
            watch.tick(done)?;
        }
    });
    Ok(complete(algorithm, digest.map_err(from_core)?))
}

fn parse(algorithm: &str) -> PyResult<Algorithm> {
    match algorithm {
        "blake3" => Ok(Algorithm::Blake3),
        "sha256" => Ok(Algorithm::Sha256),
        _ => Err(InvalidInputError::new_err(
            "the algorithm is blake3 or sha256",
        )),
    }
}

fn complete(algorithm: Algorithm, digest: passkeep_core::Digest) -> Hasher {
    Hasher {
        algorithm,
        lent: AtomicBool::new(false),
        state: Turns::new(State::Done(digest)),
    }
}
