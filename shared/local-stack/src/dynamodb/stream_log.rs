//! The stream records of the embedded DynamoDB, through a connection of our own to its file.
//!
//! It keeps the records of all tables in one table of SQLite. Left alone, it looks through all of them at every write, never
//! removes any, and tells nobody that there are new ones.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, params};

/// DynamoDB keeps a stream record for 24 hours.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html>
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Records removed at once: writes wait meanwhile, for some milliseconds.
const TRIMMED_AT_ONCE: usize = 500;

/// The three questions that it asks (the last number of a table, the records behind a number, the first and last of a
/// shard) each by this index alone.
const INDEX: &str = "CREATE INDEX IF NOT EXISTS ordermaster_stream_records \
                     ON _stream_records (table_name, CAST(sequence_number AS INTEGER), shard_id)";

pub(super) struct StreamLog {
    connection: Connection,
    /// Up to here new records have been told of.
    last_id: i64,
}

impl StreamLog {
    /// Opens the file of a DynamoDB that has opened it already, and adds the index to one that is older.
    pub(super) fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.execute_batch(INDEX)?;
        let last_id = connection.query_row("SELECT COALESCE(MAX(id), 0) FROM _stream_records", [], |row| row.get(0))?;
        Ok(Self { connection, last_id })
    }

    /// The tables whose streams have got records since the last call.
    pub(super) fn news(&mut self) -> rusqlite::Result<Vec<String>> {
        let sql = "SELECT table_name, MAX(id) FROM _stream_records WHERE id > ?1 GROUP BY table_name";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_map([self.last_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut tables = Vec::new();
        for row in found {
            let (table, id): (String, i64) = row?;
            self.last_id = self.last_id.max(id);
            tables.push(table);
        }
        Ok(tables)
    }

    /// Removes some of the records that are too old by now. Returns whether there may be more of them.
    pub(super) fn trim(&mut self, now: SystemTime) -> rusqlite::Result<bool> {
        let oldest_kept = now.checked_sub(RETENTION).unwrap_or(SystemTime::UNIX_EPOCH);
        let oldest_kept = oldest_kept.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Ids go up with time, so only the first records need be looked at.
        let sql = "DELETE FROM _stream_records WHERE created_at < ?1 \
                   AND id IN (SELECT id FROM _stream_records ORDER BY id LIMIT ?2)";
        let oldest_kept = i64::try_from(oldest_kept.as_secs()).unwrap_or(i64::MAX);
        let limit = i64::try_from(TRIMMED_AT_ONCE).unwrap_or(i64::MAX);
        let removed = self.connection.execute(sql, params![oldest_kept, limit])?;
        Ok(removed == TRIMMED_AT_ONCE)
    }
}
