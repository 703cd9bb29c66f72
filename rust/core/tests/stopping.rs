//! Errors and watchers stop the work, and nothing hangs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::io::{self, Read, Write};

use common::{UNIT, age, data};
use passkeep_core::{Error, Opener, Sealer, Watch, seal_file, seal_slice};

/// Stops after it was asked a number of times.
struct StopAfter(usize);

impl Watch for StopAfter {
    fn tick(&mut self, _: u64) -> io::Result<()> {
        match self.0.checked_sub(1) {
            Some(rest) => {
                self.0 = rest;
                Ok(())
            }
            None => Err(io::Error::other("stopped")),
        }
    }
}

#[test]
fn a_watcher_stops_the_work() {
    let plain = data(8 * UNIT);
    let mut sealed = vec![0; age().seal_to_slice(&plain, 2).len()];
    for threads in [1, 4] {
        let end = seal_slice(
            &*age().format,
            &plain,
            &mut sealed,
            threads,
            &mut StopAfter(0),
        );
        assert!(matches!(end, Err(Error::Io(error)) if error.to_string() == "stopped"));
    }
}

/// Takes so many bytes, then is full.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(data.len())
            .ok_or(io::ErrorKind::StorageFull)?;
        Ok(data.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_sink_ends_a_sealer_for_good() {
    let mut sealer = Sealer::new(age().format, Full(2 * UNIT), 2);
    let end = sealer.write_all(&data(20 * UNIT));
    assert!(end.is_err_and(|error| error.kind() == io::ErrorKind::StorageFull));
    assert!(sealer.write_all(b"more").is_err());
    assert!(matches!(sealer.finish(), Err(Error::Finished)));
}

/// Gives so many bytes, then fails.
struct Failing(Vec<u8>);

impl Read for Failing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let size = out.len().min(self.0.len());
        out[..size].copy_from_slice(&self.0[..size]);
        self.0.drain(..size);
        Ok(size)
    }
}

#[test]
fn a_failing_source_fails_after_verified_data_only() {
    let plain = data(3 * UNIT);
    let sealed = age().seal_to_slice(&plain, 1);
    for threads in [1, 2] {
        let source = Failing(sealed[..sealed.len() - 100].to_vec());
        let mut released = Vec::new();
        let end = Opener::new(age().format, source, threads).read_to_end(&mut released);
        assert!(end.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut));
        assert!(plain.starts_with(&released));
    }
}

#[test]
fn a_reader_that_leaves_early_leaves_nothing_running() {
    let sealed = age().seal_to_slice(&data(20 * UNIT), 2);
    let mut opener = Opener::new(age().format, &sealed[..], 4);
    let mut first = [0; 10];
    opener.read_exact(&mut first).expect("the beginning");
    drop(opener);
    assert_eq!(age().open_stream(&sealed, 2, UNIT).0.len(), 20 * UNIT);
}

#[test]
fn a_file_that_grows_meanwhile_is_noticed() {
    struct Grow(std::fs::File);
    impl Watch for Grow {
        fn tick(&mut self, _: u64) -> io::Result<()> {
            self.0.write_all(b"more")
        }
    }
    let mut source = tempfile::NamedTempFile::new().expect("a file");
    source.write_all(&data(2 * UNIT)).expect("writing");
    let writer = source
        .reopen()
        .and_then(|_| std::fs::OpenOptions::new().append(true).open(source.path()));
    let target = tempfile::tempfile().expect("a file");
    let mut watch = Grow(writer.expect("a writer"));
    let end = seal_file(
        &*age().format,
        source.as_file(),
        &target,
        0,
        2,
        None,
        &mut watch,
    );
    assert!(matches!(end, Err(Error::Changed)));
}
