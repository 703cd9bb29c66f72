//! The only file that knows threads, beside the one that measures it without an engine.
//!
//! Threads belong to one operation and end with it. Starting one costs some
//! tens of microseconds, less than a unit of work, and in return there is no
//! pool to share, to lock or to rebuild: a process that forks starts its next
//! operation like any other (a global pool's threads would be missing).

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use crate::error::Error;
use crate::layout::{INLINE, UNIT};
use crate::room;
use crate::watch::Watch;

/// How often the calling thread looks after its watcher while it waits for others.
const WATCH_INTERVAL: Duration = Duration::from_millis(20);

/// More threads than this would only cost memory, whoever asks for them.
const MAX_THREADS: usize = 256;

/// The threads this process may use, from its affinity mask and limits.
pub fn usable_threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The threads worth waking for `size` bytes: none but the caller's for a small
/// input, and never more than there are units.
pub(crate) fn worth_waking(threads: usize, size: u64) -> usize {
    if size <= INLINE {
        return 1;
    }
    let units = size.div_ceil(UNIT as u64);
    let units = usize::try_from(units).unwrap_or(MAX_THREADS);
    threads.min(units).min(MAX_THREADS)
}

/// Works on independent jobs on `threads` threads, of which the calling one is the first:
/// it watches between its jobs, and while it waits for the others. A thread more would only
/// be one too many for the cores. Jobs are claimed in order; each thread makes a state of
/// its own with `start`; `work` returns the bytes it did.
///
/// # Errors
/// The error of the earliest job that failed, or the watcher's. Jobs that were
/// not yet claimed then are not started.
pub(crate) fn run<J: Send, S>(
    threads: usize,
    jobs: impl Iterator<Item = J> + Send,
    start: impl Fn() -> Result<S, Error> + Sync,
    work: impl Fn(&mut S, J) -> Result<u64, Error> + Sync,
    watch: &mut dyn Watch,
) -> Result<(), Error> {
    if threads <= 1 {
        let mut state = start()?;
        let mut done = 0;
        for job in jobs {
            done += work(&mut state, job)?;
            watch.tick(done)?;
        }
        return Ok(());
    }

    let jobs = Mutex::new(jobs.enumerate());
    let failure = Mutex::new(None::<(usize, Error)>);
    let stop = AtomicBool::new(false);
    let finished = AtomicU64::new(0);
    let claim = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
    let fail = |index: usize, error: Error| {
        stop.store(true, Ordering::Relaxed);
        let mut slot = failure.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_none_or(|(earliest, _)| index < *earliest) {
            *slot = Some((index, error));
        }
    };
    let share = |look: &mut dyn FnMut() -> io::Result<()>| {
        let mut state = match start() {
            Ok(state) => state,
            Err(error) => {
                fail(0, error);
                return Ok(());
            }
        };
        while !stop.load(Ordering::Relaxed) {
            let Some((index, job)) = claim() else { break };
            match work(&mut state, job) {
                Ok(bytes) => {
                    finished.fetch_add(bytes, Ordering::Relaxed);
                }
                Err(error) => fail(index, error),
            }
            look()?;
        }
        Ok(())
    };
    let mut tick = || watch.tick(finished.load(Ordering::Relaxed));

    let watched = std::thread::scope(|scope| {
        let (alive, ended) = bounded::<()>(0);
        // Where the system gives no more threads, fewer do the work.
        for others in 1..threads.min(MAX_THREADS) {
            let (alive, share) = (alive.clone(), &share);
            let other = move || {
                let _ = share(&mut || Ok(()));
                drop(alive);
            };
            if !room::for_threads(others)
                || std::thread::Builder::new()
                    .spawn_scoped(scope, other)
                    .is_err()
            {
                break;
            }
        }
        drop(alive);
        let mut watched = share(&mut tick);
        while watched.is_ok()
            && ended.recv_timeout(WATCH_INTERVAL) == Err(RecvTimeoutError::Timeout)
        {
            watched = tick();
        }
        if watched.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        watched.and_then(|()| tick())
    });
    watched?;
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// Jobs in, results out in the same order, worked on by threads of its own.
///
/// At most `depth` jobs are under way, which bounds the memory: the owner takes
/// a result before it submits the job after that.
pub struct Pipeline<J, R> {
    jobs: Option<Sender<Ticket<J, R>>>,
    pending: VecDeque<Receiver<R>>,
    workers: Vec<JoinHandle<()>>,
    /// Does the work on the owner's thread where the system gives no other.
    alone: Option<Box<dyn FnMut(J) -> R + Send>>,
    depth: usize,
    process: u32,
    /// Set when nobody wants the results any more.
    dropped: Arc<AtomicBool>,
}

struct Ticket<J, R> {
    job: J,
    reply: Sender<R>,
}

impl<J: Send + 'static, R: Send + 'static> Pipeline<J, R> {
    /// Starts up to `threads` threads, each with a `worker` made for it.
    ///
    /// # Errors
    /// Those of `worker`.
    pub fn start<W>(threads: usize, worker: impl Fn() -> Result<W, Error>) -> Result<Self, Error>
    where
        W: FnMut(J) -> R + Send + 'static,
    {
        let (jobs, queue) = unbounded::<Ticket<J, R>>();
        let dropped = Arc::new(AtomicBool::new(false));
        let mut workers = Vec::new();
        // Where the system gives no more threads, fewer do the work.
        while workers.len() < threads.min(MAX_THREADS) && room::for_threads(workers.len() + 1) {
            let (mut work, queue, dropped) = (worker()?, queue.clone(), Arc::clone(&dropped));
            let spawned = std::thread::Builder::new()
                .name("passkeep".into())
                .spawn(move || {
                    for Ticket { job, reply } in queue {
                        if dropped.load(Ordering::Relaxed) {
                            break;
                        }
                        // The owner may have gone; then nobody wants the result.
                        let _ = reply.send(work(job));
                    }
                });
            let Ok(handle) = spawned else { break };
            workers.push(handle);
        }
        let mut alone: Option<Box<dyn FnMut(J) -> R + Send>> = None;
        if workers.is_empty() {
            alone = Some(Box::new(worker()?));
        }
        Ok(Self {
            jobs: Some(jobs),
            pending: VecDeque::new(),
            // One unit more than threads keeps everyone busy while the
            // owner reads or writes.
            depth: workers.len() + 1,
            workers,
            alone,
            process: std::process::id(),
            dropped,
        })
    }

    /// Whether a result has to be taken before the next job.
    pub fn is_full(&self) -> bool {
        self.pending.len() >= self.depth
    }

    /// Adds a job.
    ///
    /// # Errors
    /// [`Error::Forked`] in another process than the one that started it.
    pub fn submit(&mut self, job: J) -> Result<(), Error> {
        self.check_process()?;
        let (reply, result) = bounded(1);
        if let Some(work) = &mut self.alone {
            reply.send(work(job)).map_err(|_| Error::Backend)?;
        } else {
            let jobs = self.jobs.as_ref().ok_or(Error::Finished)?;
            jobs.send(Ticket { job, reply })
                .map_err(|_| Error::Backend)?;
        }
        self.pending.push_back(result);
        Ok(())
    }

    /// Waits for the oldest job's result; `None` when no job is under way.
    ///
    /// # Errors
    /// [`Error::Forked`] in another process than the one that started it.
    #[allow(clippy::should_implement_trait)] // iterators cannot fail
    pub fn next(&mut self) -> Result<Option<R>, Error> {
        self.check_process()?;
        match self.pending.pop_front() {
            None => Ok(None),
            Some(result) => result.recv().map(Some).map_err(|_| ended()),
        }
    }

    /// Waits like [`Self::next`] for what takes long, and calls `look` meanwhile.
    ///
    /// # Errors
    /// Those of `look`, too; then the result is not waited for any more.
    pub fn next_watched(
        &mut self,
        mut look: impl FnMut() -> io::Result<()>,
    ) -> Result<Option<R>, Error> {
        self.check_process()?;
        let Some(result) = self.pending.pop_front() else {
            return Ok(None);
        };
        loop {
            match result.recv_timeout(WATCH_INTERVAL) {
                Ok(result) => return Ok(Some(result)),
                Err(RecvTimeoutError::Timeout) => look()?,
                Err(RecvTimeoutError::Disconnected) => return Err(ended()),
            }
        }
    }

    fn check_process(&self) -> Result<(), Error> {
        if self.process == std::process::id() {
            Ok(())
        } else {
            Err(Error::Forked)
        }
    }
}

/// Disconnected: the worker panicked, which no input can cause.
fn ended() -> Error {
    Error::Io(io::Error::other("a worker thread ended unexpectedly"))
}

impl<J, R> Drop for Pipeline<J, R> {
    fn drop(&mut self) {
        if self.process == std::process::id() {
            // What was begun ends, and no more of what waits.
            self.dropped.store(true, Ordering::Relaxed);
            drop(self.jobs.take());
            for worker in self.workers.drain(..) {
                // A panic was reported already, to whoever waited for the job.
                let _ = worker.join();
            }
        } else {
            // After a fork there is nobody to wait for, and what the threads shared
            // with us they may have left locked.
            std::mem::forget(std::mem::take(&mut self.workers));
            std::mem::forget(self.jobs.take());
            std::mem::forget(std::mem::take(&mut self.pending));
        }
    }
}
