//! How far each trigger has come in each shard, kept over a restart.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// Where a trigger stands in a shard.
///
/// The ARN of a stream holds its time of creation, so a table that was made again, or another DynamoDB, starts afresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Checkpoint {
    trigger: String,
    stream_arn: String,
    shard_id: String,
    /// The last record that was dealt with.
    sequence_number: String,
}

pub(crate) struct Checkpoints {
    /// `None` keeps them in memory only.
    file: Option<PathBuf>,
    /// Places, by trigger, stream and shard.
    entries: Mutex<BTreeMap<[String; 3], String>>,
}

impl Checkpoints {
    pub(crate) fn in_memory() -> Self {
        Self {
            file: None,
            entries: Mutex::default(),
        }
    }

    /// # Errors
    /// When the file exists and cannot be read.
    pub(crate) fn in_file(file: PathBuf) -> io::Result<Self> {
        let checkpoints: Vec<Checkpoint> = match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let entries = checkpoints
            .into_iter()
            .map(|at| ([at.trigger, at.stream_arn, at.shard_id], at.sequence_number));
        Ok(Self {
            file: Some(file),
            entries: Mutex::new(entries.collect()),
        })
    }

    pub(super) fn get(&self, trigger: &str, stream_arn: &str, shard_id: &str) -> Option<String> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(&key(trigger, stream_arn, shard_id)).cloned()
    }

    pub(super) fn set(&self, trigger: &str, stream_arn: &str, shard_id: &str, sequence_number: &str) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert(key(trigger, stream_arn, shard_id), sequence_number.to_owned());
        self.write(&entries);
    }

    pub(super) fn forget(&self, trigger: &str, stream_arn: &str, shard_id: &str) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(&key(trigger, stream_arn, shard_id));
        self.write(&entries);
    }

    /// A checkpoint that is not written only means that records come again, so the stream goes on.
    fn write(&self, entries: &BTreeMap<[String; 3], String>) {
        let Some(file) = &self.file else { return };
        let checkpoints: Vec<_> = entries
            .iter()
            .map(|([trigger, stream_arn, shard_id], sequence_number)| Checkpoint {
                trigger: trigger.clone(),
                stream_arn: stream_arn.clone(),
                shard_id: shard_id.clone(),
                sequence_number: sequence_number.clone(),
            })
            .collect();
        // A reader sees the old file or the new one, never a part.
        let new = file.with_extension("new");
        let written = serde_json::to_vec_pretty(&checkpoints)
            .map_err(io::Error::from)
            .and_then(|text| std::fs::write(&new, text))
            .and_then(|()| std::fs::rename(&new, file));
        if let Err(error) = written {
            tracing::error!(file = %file.display(), %error, "cannot write the checkpoints");
        }
    }
}

fn key(trigger: &str, stream_arn: &str, shard_id: &str) -> [String; 3] {
    [trigger, stream_arn, shard_id].map(ToOwned::to_owned)
}
