//! Reading the public Wycheproof vectors (tests/vectors/wycheproof) in unit tests.
#![allow(clippy::unwrap_used)]

use serde_json::Value;

/// Runs `test` for every vector of a file.
pub(crate) fn each(file: &str, mut test: impl FnMut(&Value)) {
    let vectors: Value = serde_json::from_str(file).unwrap();
    for group in vectors["testGroups"].as_array().unwrap() {
        group["tests"]
            .as_array()
            .unwrap()
            .iter()
            .for_each(&mut test);
    }
}

/// The bytes of a hexadecimal member.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}
