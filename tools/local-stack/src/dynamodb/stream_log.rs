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

/// The index by which the embedded DynamoDB finds a table's last number, and the records after a number.
const INDEX: &str = "CREATE INDEX IF NOT EXISTS ordermaster_stream_records \
                     ON _stream_records (table_name, CAST(sequence_number AS INTEGER), shard_id)";

/// The tables with records behind an id. Not by the index: SQLite would go through all of it, in the order of tables.
const NEWS: &str = "SELECT table_name, MAX(id) FROM _stream_records NOT INDEXED WHERE id > ?1 GROUP BY table_name";

/// Ids go up with time, so only the first records need be looked at.
const TRIM: &str = "DELETE FROM _stream_records WHERE created_at < ?1 \
                    AND id IN (SELECT id FROM _stream_records ORDER BY id LIMIT ?2)";

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
        let mut statement = self.connection.prepare_cached(NEWS)?;
        let found = statement.query_map([self.last_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let found: Vec<(String, i64)> = found.collect::<rusqlite::Result<_>>()?;
        self.last_id = found.iter().map(|(_, id)| *id).fold(self.last_id, i64::max);
        Ok(found.into_iter().map(|(table, _)| table).collect())
    }

    /// Removes some of the records that are too old by now. Returns whether there may be more of them.
    pub(super) fn trim(&mut self, now: SystemTime) -> rusqlite::Result<bool> {
        let oldest_kept = now.checked_sub(RETENTION).unwrap_or(SystemTime::UNIX_EPOCH);
        let oldest_kept = oldest_kept.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let oldest_kept = i64::try_from(oldest_kept.as_secs()).unwrap_or(i64::MAX);
        let limit = i64::try_from(TRIMMED_AT_ONCE).unwrap_or(i64::MAX);
        let removed = self.connection.execute(TRIM, params![oldest_kept, limit])?;
        Ok(removed == TRIMMED_AT_ONCE)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::types::AttributeValue;
    use dynoxide::Database;
    use tokio::net::TcpListener;

    use super::*;
    use crate::dynamodb::embedded::TemporaryFolder;
    use crate::dynamodb::{create, local_config};
    use crate::template::{Attribute, AttributeKind, KeyElement, KeyRole, StreamView, Table};

    /// A file as the embedded DynamoDB alone leaves it, with a client for it.
    async fn file() -> (TemporaryFolder, PathBuf, Client) {
        let folder = TemporaryFolder::new().expect("a temporary folder");
        let file = folder.0.join("dynamodb.sqlite");
        let database = Database::new(&file.display().to_string()).expect("a database");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(dynoxide::server::serve_on(listener, database));
        let client = Client::new(&local_config(&endpoint).await);
        let id = "Id".to_owned();
        let tables = ["One", "Two"].map(|name| Table {
            name: name.to_owned(),
            attributes: vec![Attribute {
                name: id.clone(),
                kind: AttributeKind::S,
            }],
            key: vec![KeyElement {
                name: id.clone(),
                role: KeyRole::Hash,
            }],
            indexes: Vec::new(),
            stream: Some(StreamView::NewImage),
            ttl_attribute: None,
        });
        create(&client, None, &tables).await.expect("tables");
        (folder, file, client)
    }

    async fn put(client: &Client, table: &str, id: usize) {
        let id = AttributeValue::S(id.to_string());
        client
            .put_item()
            .table_name(table)
            .item("Id", id)
            .send()
            .await
            .expect("a stored item");
    }

    fn count(log: &StreamLog) -> usize {
        let count = log
            .connection
            .query_row("SELECT COUNT(*) FROM _stream_records", [], |row| row.get(0));
        count.expect("a count")
    }

    #[tokio::test]
    async fn the_tables_with_new_records_are_told_once() {
        let (_folder, file, client) = file().await;
        put(&client, "One", 1).await;
        let mut log = StreamLog::open(&file).expect("a log");
        assert!(
            log.news().expect("an answer").is_empty(),
            "what was there before is no news"
        );
        put(&client, "Two", 1).await;
        put(&client, "Two", 2).await;
        assert_eq!(log.news().expect("an answer"), ["Two"]);
        assert!(log.news().expect("an answer").is_empty());
    }

    #[tokio::test]
    async fn records_go_after_a_day_a_part_at_a_time() {
        let (_folder, file, client) = file().await;
        let records = TRIMMED_AT_ONCE + 1;
        for id in 0..records {
            put(&client, "One", id).await;
        }
        let mut log = StreamLog::open(&file).expect("a log");
        let hours = |hours: u64| SystemTime::now() + Duration::from_secs(hours * 60 * 60);
        assert!(!log.trim(hours(23)).expect("an answer"));
        assert_eq!(count(&log), records);
        assert!(log.trim(hours(25)).expect("an answer"), "there are more");
        assert_eq!(count(&log), records - TRIMMED_AT_ONCE);
        assert!(!log.trim(hours(25)).expect("an answer"));
        assert_eq!(count(&log), 0);
    }

    /// The first three statements are those of the embedded DynamoDB.
    #[tokio::test]
    async fn in_a_file_of_before_too_no_statement_looks_at_all_records() {
        let (_folder, file, client) = file().await;
        put(&client, "One", 1).await;
        let log = StreamLog::open(&file).expect("a log");
        let number = "CAST(sequence_number AS INTEGER)";
        let of_table = "FROM _stream_records WHERE table_name = 'One'";
        for (statement, plan) in [
            (
                format!("SELECT COALESCE(MAX({number}), 0) + 1 {of_table}"),
                "SEARCH _stream_records USING",
            ),
            (
                format!("SELECT MIN({number}), MAX({number}) {of_table} AND shard_id = 's'"),
                "SEARCH _stream_records USING",
            ),
            (
                format!(
                    "SELECT new_image {of_table} AND shard_id = 's' AND {number} > 1 ORDER BY {number} ASC LIMIT 10"
                ),
                "SEARCH _stream_records USING",
            ),
            (
                NEWS.to_owned(),
                "SEARCH _stream_records USING INTEGER PRIMARY KEY (rowid>?)",
            ),
            (
                TRIM.to_owned(),
                "SEARCH _stream_records USING INTEGER PRIMARY KEY (rowid=?)",
            ),
        ] {
            let sql = format!("EXPLAIN QUERY PLAN {statement}");
            let mut explained = log.connection.prepare(&sql).expect("a plan");
            let parameters = explained.parameter_count();
            let parameters = rusqlite::params_from_iter(std::iter::repeat_n(1, parameters));
            let found: String = explained
                .query_row(parameters, |row| row.get("detail"))
                .expect("a plan");
            assert!(found.starts_with(plan), "{statement}: {found}");
        }
    }
}
