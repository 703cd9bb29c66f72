//! What the tree tests share.
#![allow(clippy::unwrap_used, dead_code)] // each test file uses its part

use std::path::{Path, PathBuf};

use passkeep_tree::{
    Error, Report, RestoreOptions, WriteOptions, restore_tree, scan_tree, write_tree,
};

pub fn write(roots: &[&Path]) -> (Vec<u8>, Report) {
    let roots: Vec<PathBuf> = roots.iter().map(|root| root.to_path_buf()).collect();
    let mut archive = Vec::new();
    let report = write_tree(&roots, &mut archive, &WriteOptions::default(), &mut ()).unwrap();
    (archive, report)
}

pub fn restore(archive: &[u8], target: &Path) -> Result<Report, Error> {
    restore_tree(archive, target, &RestoreOptions::default(), &mut ())
}

pub fn scan(archive: &[u8]) -> Result<Report, Error> {
    scan_tree(archive, &mut |_| Ok(()), &mut ())
}

/// The names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// An entry of a hostile archive, with a name that no honest writer would use.
pub fn entry(kind: u8, name: &[u8], link: &[u8], content: &[u8]) -> Vec<u8> {
    sized_entry(kind, name, link, content, content.len() as u64)
}

/// An entry that claims a size of its own.
pub fn sized_entry(kind: u8, name: &[u8], link: &[u8], content: &[u8], size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    let fields = header.as_old_mut();
    fields.name[..name.len()].copy_from_slice(name);
    fields.linkname[..link.len()].copy_from_slice(link);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_mode(0o644);
    header.set_mtime(1);
    header.set_size(size);
    header.set_cksum();
    let mut data = header.as_bytes().to_vec();
    data.extend_from_slice(content);
    data.resize(data.len().next_multiple_of(512), 0);
    data
}

pub fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut data = entries.concat();
    data.resize(data.len() + 1024, 0);
    data
}

/// An extended header with these records.
pub fn pax(records: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        // The length counts its own digits.
        let length = (1..=7)
            .map(|digits| rest + digits)
            .find(|all| all.to_string().len() + rest == *all);
        body.extend_from_slice(format!("{} ", length.unwrap()).as_bytes());
        body.extend_from_slice(key);
        body.push(b'=');
        body.extend_from_slice(value);
        body.push(b'\n');
    }
    entry(b'x', b"pax", b"", &body)
}
