//! Items read by their keys, a hundred with one request.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use crate::StoreError;
use crate::patience::pause;

/// The most keys of one BatchGetItem.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
const MAX_KEYS: usize = 100;

/// How often what a request has left unread is asked for again: for a second and a half. Also 100 of the largest items
/// are read by then, 16 MB at a time.
const MAX_PAUSES: u32 = 5;

type Item = HashMap<String, AttributeValue>;

/// The items of these keys that there are, in no order. No key may come twice. `consistent`: as of now, at twice the price.
///
/// # Errors
/// What DynamoDB said; [`StoreError::Throttled`] when it goes on leaving some of them out.
pub async fn batch_get(
    client: &Client,
    table: &str,
    keys: Vec<Item>,
    consistent: bool,
) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::with_capacity(keys.len());
    for keys in keys.chunks(MAX_KEYS) {
        let mut wanted = keys.to_vec();
        for pauses in 0.. {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(consistent);
            let keys = keys.build().map_err(|error| StoreError::Rejected(error.to_string()))?;
            let page = client.batch_get_item().request_items(table, keys).send().await?;
            items.extend(page.responses.into_iter().flatten().flat_map(|(_, items)| items));
            let unread = page.unprocessed_keys.into_iter().flatten();
            wanted = unread.flat_map(|(_, keys)| keys.keys).collect();
            if wanted.is_empty() {
                break;
            }
            if pauses == MAX_PAUSES {
                return Err(StoreError::Throttled(format!("{} keys were not read", wanted.len())));
            }
            pause(pauses).await;
        }
    }
    Ok(items)
}
