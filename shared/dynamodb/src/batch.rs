//! Items read by their keys, a hundred with one request, and written, twenty-five with one.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::TableError;
use crate::item::Item;
use crate::patience::pause;

/// The most keys of one BatchGetItem.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
const MAX_KEYS: usize = 100;

/// How often what a request has left unread is asked for again: for a second and a half. Also 100 of the largest items
/// are read by then, 16 MB at a time.
const MAX_PAUSES: u32 = 5;

/// The most requests of one BatchWriteItem.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
const MAX_WRITES: usize = 25;
const CONCURRENT_WRITES: usize = 4;

/// How often what a request has left unwritten is written again.
const MAX_WRITE_ATTEMPTS: u32 = 8;

/// The items of these keys that there are, in no order. No key may come twice. `consistent`: as of now, at twice the price.
///
/// # Errors
/// What DynamoDB said; [`TableError::Throttled`] when it goes on leaving some of them out.
pub async fn batch_get(
    client: &Client,
    table: &str,
    keys: Vec<Item>,
    consistent: bool,
) -> Result<Vec<Item>, TableError> {
    let keys: Vec<_> = keys.into_iter().map(|key| (table, key)).collect();
    let found = batch_get_of_tables(client, &keys, consistent).await?;
    Ok(found.into_iter().map(|(_, item)| item).collect())
}

/// The same of several tables: each item with its table.
///
/// # Errors
/// As [`batch_get`].
pub async fn batch_get_of_tables(
    client: &Client,
    keys: &[(&str, Item)],
    consistent: bool,
) -> Result<Vec<(String, Item)>, TableError> {
    let mut items = Vec::with_capacity(keys.len());
    for keys in keys.chunks(MAX_KEYS) {
        let mut wanted: HashMap<String, Vec<Item>> = HashMap::new();
        for (table, key) in keys {
            wanted.entry((*table).to_owned()).or_default().push(key.clone());
        }
        for pauses in 0.. {
            let mut request = client.batch_get_item();
            for (table, keys) in wanted {
                let keys = KeysAndAttributes::builder().set_keys(Some(keys));
                request = request.request_items(table, keys.consistent_read(consistent).build()?);
            }
            let page = request.send().await?;
            for (table, found) in page.responses.into_iter().flatten() {
                items.extend(found.into_iter().map(|item| (table.clone(), item)));
            }
            let unread = page.unprocessed_keys.into_iter().flatten();
            wanted = unread.map(|(table, keys)| (table, keys.keys)).collect();
            if wanted.is_empty() {
                break;
            }
            if pauses == MAX_PAUSES {
                let unread: usize = wanted.values().map(Vec::len).sum();
                return Err(TableError::Throttled(format!("{unread} keys were not read")));
            }
            pause(pauses).await;
        }
    }
    Ok(items)
}

/// Carries out all of `writes`, in no order and without a condition. No key may come twice.
///
/// # Errors
/// What DynamoDB said; some of them may have been carried out.
pub async fn batch_write(client: &Client, table: &str, writes: Vec<WriteRequest>) -> Result<(), TableError> {
    let batches: Vec<_> = writes.chunks(MAX_WRITES).map(<[_]>::to_vec).collect();
    stream::iter(batches)
        .map(|batch| write(client, table, batch))
        .buffer_unordered(CONCURRENT_WRITES)
        .try_collect()
        .await
}

async fn write(client: &Client, table: &str, mut batch: Vec<WriteRequest>) -> Result<(), TableError> {
    for attempt in 0..MAX_WRITE_ATTEMPTS {
        let write = client.batch_write_item().request_items(table, batch).send().await?;
        let unwritten = write.unprocessed_items.into_iter().flatten();
        batch = unwritten.flat_map(|(_, writes)| writes).collect();
        if batch.is_empty() {
            return Ok(());
        }
        pause(attempt).await;
    }
    Err(TableError::Throttled("a batch was not written to its end".to_owned()))
}

/// Puts `item`, as one of a batch.
///
/// # Errors
/// Never, as it has an item.
pub fn put_request(item: Item) -> Result<WriteRequest, TableError> {
    let put = PutRequest::builder().set_item(Some(item)).build()?;
    Ok(WriteRequest::builder().put_request(put).build())
}

/// Deletes the item with this key, as one of a batch.
///
/// # Errors
/// Never, as it has a key.
pub fn delete_request(key: Item) -> Result<WriteRequest, TableError> {
    let delete = DeleteRequest::builder().set_key(Some(key)).build()?;
    Ok(WriteRequest::builder().delete_request(delete).build())
}
