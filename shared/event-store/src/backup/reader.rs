//! A file read line by line, and everything that it must keep to.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::aggregate::reason_without_data;
use serde::de::DeserializeOwned;
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use super::content::fingerprint;
use super::error::ImportError;
use super::format::{EventLine, FORMAT, FORMAT_VERSION, Header, MAX_LINE_BYTES, Trailer, hex};
use crate::{Recorded, Version};

/// The longest partition key of DynamoDB, in bytes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const MAX_KEY_BYTES: usize = 2048;

/// The longest name of an event type, in bytes: it is a key of `EventTypeIndex`, together with `#` and a shard.
const MAX_TYPE_BYTES: usize = MAX_KEY_BYTES - 11;

/// How deeply a document of DynamoDB may be nested, below the attribute that holds it.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const MAX_DEPTH: u32 = 31;

/// Whether DynamoDB gives back what is put there: it writes numbers in its own way.
fn is_kept_exactly(data: &Value, depth: u32) -> Result<(), &'static str> {
    match data {
        Value::Number(number) if !is_number_kept(number) => Err("has a number that DynamoDB writes otherwise"),
        Value::Array(_) | Value::Object(_) if depth == 0 => Err("is nested too deeply for DynamoDB"),
        Value::Array(values) => values.iter().try_for_each(|value| is_kept_exactly(value, depth - 1)),
        Value::Object(fields) if fields.contains_key("") => Err("has a field without a name"),
        Value::Object(fields) => fields.values().try_for_each(|value| is_kept_exactly(value, depth - 1)),
        _ => Ok(()),
    }
}

fn is_number_kept(number: &Number) -> bool {
    let Ok(AttributeValue::N(stored)) = serde_dynamo::to_attribute_value(number) else {
        return false;
    };
    is_plain(&stored) && serde_json::from_str::<Number>(&stored).is_ok_and(|read| read == *number)
}

/// As DynamoDB writes numbers: digits, without an exponent, a negative zero, or zeros at the end of a fraction.
fn is_plain(number: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = number.strip_prefix('-').unwrap_or(number);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    digits(whole) && digits(fraction) && !fraction.ends_with('0') && number != "-0"
}

/// A backup file, read from its beginning. It is checked while it is read; whoever has come to its end knows that the
/// whole file is right.
///
/// It holds one line in memory, and about 50 bytes for each aggregate.
pub(super) struct Reader {
    path: PathBuf,
    input: BufReader<File>,
    /// The newest line, and its number from 1.
    line: Vec<u8>,
    line_number: u64,
    /// The hash of the lines before the newest one.
    sha256: Sha256,
    /// The aggregate of the newest event.
    aggregate_id: String,
    /// The last version of each aggregate so far, by [`fingerprint`].
    versions: HashMap<u128, Version>,
    events: u64,
}

impl Reader {
    /// Opens a file and reads its header.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let file = File::open(path).map_err(|source| ImportError::Io {
            path: path.to_owned(),
            source,
        })?;
        let mut reader = Self {
            path: path.to_owned(),
            input: BufReader::with_capacity(64 * 1024, file),
            line: Vec::new(),
            line_number: 0,
            sha256: Sha256::new(),
            aggregate_id: String::new(),
            versions: HashMap::new(),
            events: 0,
        };
        reader.read_header()?;
        Ok(reader)
    }

    fn read_header(&mut self) -> Result<(), ImportError> {
        let header = match self.next_line()? {
            true => self.parsed::<Header>(),
            false => return Err(self.bad("the file is empty")),
        };
        match header {
            Err(_) => Err(self.bad("it is not the header of a backup")),
            Ok(header) if header.format != FORMAT => Err(self.bad("it is not the header of a backup of OrderMaster")),
            Ok(header) if header.format_version != FORMAT_VERSION => {
                let found = header.format_version;
                Err(self.bad(format!(
                    "the backup has format version {found}, and this program reads version {FORMAT_VERSION}"
                )))
            }
            Ok(_) => Ok(()),
        }
    }

    /// The next event. `None` at the end of a file that is whole and right.
    pub fn next_event(&mut self) -> Result<Option<Recorded>, ImportError> {
        if !self.next_line()? {
            return Err(self.bad("the trailer is missing: the file is not whole"));
        }
        let line = match self.parsed::<EventLine>() {
            Ok(line) => line,
            Err(reason) => {
                return match self.parsed::<Trailer>() {
                    Ok(trailer) => self.check_end(&trailer).map(|()| None),
                    Err(_) => Err(self.bad(reason)),
                };
            }
        };
        let event =
            Recorded::try_from(line).map_err(|_| self.bad("idempotency_key and request_hash stand only together"))?;
        self.check(&event)?;
        self.events += 1;
        Ok(Some(event))
    }

    /// The event's place, and what DynamoDB demands of its keys.
    fn check(&mut self, event: &Recorded) -> Result<(), ImportError> {
        let Recorded {
            aggregate_id, version, ..
        } = event;
        if aggregate_id.is_empty() || aggregate_id.len() > MAX_KEY_BYTES {
            return Err(self.bad(format!("aggregate_id is not 1 to {MAX_KEY_BYTES} bytes long")));
        }
        if event.stored.event_type.len() > MAX_TYPE_BYTES {
            return Err(self.bad(format!("event_type is longer than {MAX_TYPE_BYTES} bytes")));
        }
        if let Err(reason) = is_kept_exactly(&event.stored.data, MAX_DEPTH) {
            return Err(self.bad(format!("data {reason}")));
        }
        let fingerprint = fingerprint(aggregate_id);
        let before = self.versions.get(&fingerprint).copied();
        if self.aggregate_id != *aggregate_id {
            if before.is_some() {
                return Err(self.bad("the events of this aggregate had ended before"));
            }
            self.aggregate_id.clone_from(aggregate_id);
        }
        let expected = before.unwrap_or(0) + 1;
        if *version != expected {
            return Err(self.bad(format!("version {version} stands where {expected} should be")));
        }
        self.versions.insert(fingerprint, *version);
        Ok(())
    }

    /// The trailer is the newest line.
    fn check_end(&mut self, trailer: &Trailer) -> Result<(), ImportError> {
        // First, as it tells of an altered line what the numbers cannot.
        let sha256 = hex(&self.sha256.clone().finalize());
        if trailer.sha256 != sha256 {
            return Err(self.bad("the checksum does not match: a line before it was altered, added or lost"));
        }
        for (what, stated, found) in [
            ("events", trailer.events, self.events),
            ("aggregates", trailer.aggregates, self.versions.len() as u64),
        ] {
            if stated != found {
                return Err(self.bad(format!("it names {stated} {what}, and there are {found}")));
            }
        }
        if self.next_line()? {
            return Err(self.bad("something follows the trailer"));
        }
        Ok(())
    }

    /// Reads a line, without its line feed. False at the end of the file.
    fn next_line(&mut self) -> Result<bool, ImportError> {
        if self.line_number > 0 {
            self.sha256.update(&self.line);
            self.sha256.update(b"\n");
        }
        self.line.clear();
        self.line_number += 1;
        let mut limited = (&mut self.input).take(MAX_LINE_BYTES);
        let read = limited.read_until(b'\n', &mut self.line);
        read.map_err(|source| self.io(source))?;
        if self.line.pop_if(|byte| *byte == b'\n').is_some() {
            Ok(true)
        } else if self.line.is_empty() {
            Ok(false)
        } else if self.line.len() as u64 == MAX_LINE_BYTES {
            Err(self.bad(format!("it is longer than {MAX_LINE_BYTES} bytes")))
        } else {
            Err(self.bad("the file ends within it"))
        }
    }

    /// The newest line, or why it is none.
    fn parsed<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.line).map_err(|error| {
            let column = error.column();
            let reason = match error.classify() {
                serde_json::error::Category::Data => {
                    let text = reason_without_data(&error);
                    let end = text.find(" at line ").unwrap_or(text.len());
                    text[..end].to_owned()
                }
                _ => "not JSON".to_owned(),
            };
            format!("column {column}: {reason}")
        })
    }

    /// The last version of an aggregate that the file has; 0 when it has none. Final at the end of the file.
    pub fn version(&self, aggregate_id: &str) -> Version {
        self.versions.get(&fingerprint(aggregate_id)).copied().unwrap_or(0)
    }

    /// The newest line is wrong.
    pub fn bad(&self, reason: impl Into<String>) -> ImportError {
        ImportError::BadFile {
            line: self.line_number,
            reason: reason.into(),
        }
    }

    fn io(&self, source: io::Error) -> ImportError {
        ImportError::Io {
            path: self.path.clone(),
            source,
        }
    }
}
