//! Items read by their keys, a hundred with one request, and written, twenty-five with one.

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
    let mut items = Vec::with_capacity(keys.len());
    for keys in keys.chunks(MAX_KEYS) {
        let mut wanted = keys.to_vec();
        for pauses in 0.. {
            let keys = KeysAndAttributes::builder().set_keys(Some(wanted));
            let keys = keys.consistent_read(consistent).build()?;
            let page = client.batch_get_item().request_items(table, keys).send().await?;
            items.extend(page.responses.into_iter().flatten().flat_map(|(_, items)| items));
            let unread = page.unprocessed_keys.into_iter().flatten();
            wanted = unread.flat_map(|(_, keys)| keys.keys).collect();
            if wanted.is_empty() {
                break;
            }
            if pauses == MAX_PAUSES {
                return Err(TableError::Throttled(format!("{} keys were not read", wanted.len())));
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
