//! Pax extended headers: records of `length key=value\n`, where the length counts
//! the whole record.

use crate::attributes::Attributes;

const SPARSE: &[u8] = b"GNU.sparse.";
const ATTRIBUTE: &[u8] = b"SCHILY.xattr.";

/// Appends a record.
pub(crate) fn push(records: &mut Vec<u8>, key: impl AsRef<[u8]>, value: &[u8]) {
    let key = key.as_ref();
    // The length counts its own digits.
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + digits(length) {
        length = rest + digits(length);
    }
    records.extend_from_slice(format!("{length} ").as_bytes());
    records.extend_from_slice(key);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn digits(number: usize) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// The records of an extended header that matter here.
#[derive(Default)]
pub(crate) struct Records {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) link: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    pub(crate) mtime: Option<Time>,
    pub(crate) user: Option<u64>,
    pub(crate) group: Option<u64>,
    /// What is said of a sparse file, if it is one.
    pub(crate) sparse: Option<Sparse>,
    /// Extended attributes, by their names.
    pub(crate) attributes: Attributes,
}

/// What records say of a sparse file.
#[derive(Default)]
pub(crate) struct Sparse {
    pub(crate) version: (Option<u64>, Option<u64>),
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) whole: Option<u64>,
}

/// A time as seconds and nanoseconds, the latter never negative.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
}

impl Time {
    /// Writes the time as a pax decimal.
    pub(crate) fn to_decimal(self) -> String {
        let Self {
            seconds,
            nanoseconds,
        } = self;
        if nanoseconds == 0 {
            seconds.to_string()
        } else if seconds >= 0 {
            format!("{seconds}.{nanoseconds:09}")
        } else {
            // -1 s + 0.25 s is -0.75.
            let fraction = 1_000_000_000 - nanoseconds;
            format!("-{}.{fraction:09}", -(seconds + 1))
        }
    }

    /// Reads a pax decimal; digits beyond nanoseconds are dropped.
    fn from_decimal(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let seconds: i64 = whole.parse().ok()?;
        let nanoseconds: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        if !whole.starts_with('-') || nanoseconds == 0 {
            return Some(Self {
                seconds,
                nanoseconds,
            });
        }
        Some(Self {
            seconds: seconds.checked_sub(1)?,
            nanoseconds: 1_000_000_000 - nanoseconds,
        })
    }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The key of the record that carries an attribute. A key ends at its first
/// equals sign, so GNU tar escapes it in names, and the escape character.
pub(crate) fn attribute_key(name: &[u8]) -> Vec<u8> {
    let mut key = ATTRIBUTE.to_vec();
    for byte in name {
        match byte {
            b'=' => key.extend_from_slice(b"%3D"),
            b'%' => key.extend_from_slice(b"%25"),
            other => key.push(*other),
        }
    }
    key
}

fn unescape(mut key: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(key.len());
    while let Some((first, rest)) = key.split_first() {
        let (byte, rest) = match key {
            [b'%', b'3', b'D', rest @ ..] => (b'=', rest),
            [b'%', b'2', b'5', rest @ ..] => (b'%', rest),
            _ => (*first, rest),
        };
        name.push(byte);
        key = rest;
    }
    name
}

/// Reads the records of an extended header; `None` where it is malformed.
pub(crate) fn parse(mut data: &[u8]) -> Option<Records> {
    let mut records = Records::default();
    while !data.is_empty() {
        let space = data.iter().take(20).position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&data[..space]).ok()?.parse().ok()?;
        let record = data.get(space + 1..length)?;
        let record = record.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"path" => records.path = Some(value.to_vec()),
            b"linkpath" => records.link = Some(value.to_vec()),
            b"size" => records.size = Some(number(value)?),
            b"mtime" => records.mtime = Some(Time::from_decimal(value)?),
            b"uid" => records.user = Some(number(value)?),
            b"gid" => records.group = Some(number(value)?),
            _ => {
                if let Some(key) = key.strip_prefix(SPARSE) {
                    let sparse = records.sparse.get_or_insert_default();
                    match key {
                        b"major" => sparse.version.0 = Some(number(value)?),
                        b"minor" => sparse.version.1 = Some(number(value)?),
                        b"name" => sparse.name = Some(value.to_vec()),
                        b"realsize" => sparse.whole = Some(number(value)?),
                        _ => {}
                    }
                } else if let Some(name) = key.strip_prefix(ATTRIBUTE) {
                    records.attributes.push((unescape(name), value.to_vec()));
                }
            }
        }
        data = &data[length..];
    }
    Some(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_go_there_and_back() {
        for size in [1, 80, 88, 89, 90, 91, 985, 986, 987, 988, 5000] {
            let path = vec![b'\n'; size];
            let mut data = Vec::new();
            push(&mut data, "path", &path);
            push(&mut data, "size", b"8589934592");
            let records = parse(&data).unwrap_or_default();
            assert_eq!(records.path, Some(path));
            assert_eq!(records.size, Some(1 << 33));
        }
    }

    #[test]
    fn names_of_attributes_go_there_and_back() {
        for name in ["user.a", "user.a=b", "user.100%", "user.%3D", "user.%=%25"] {
            let mut data = Vec::new();
            push(&mut data, attribute_key(name.as_bytes()), b"a=b\n\0");
            let records = parse(&data).unwrap_or_default();
            let expected = (name.as_bytes().to_vec(), b"a=b\n\0".to_vec());
            assert_eq!(records.attributes, [expected]);
        }
    }

    #[test]
    fn times_go_there_and_back() {
        for (seconds, nanoseconds) in [
            (0, 0),
            (5, 1),
            (-1, 250_000_000),
            (-7, 0),
            (1 << 40, 999_999_999),
        ] {
            let time = Time {
                seconds,
                nanoseconds,
            };
            assert_eq!(Time::from_decimal(time.to_decimal().as_bytes()), Some(time));
        }
    }

    #[test]
    fn malformed_records_are_refused() {
        for data in [
            "x",
            "5 a=b",
            "99 path=x\n",
            "0 \n",
            "3 \n",
            "10 path x\n",
            "12 size=1x\n",
        ] {
            assert!(parse(data.as_bytes()).is_none(), "{data:?}");
        }
    }
}
