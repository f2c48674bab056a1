//! `X-Read-After: <order id>@<version>`: the caller has just been told of this version of an order, and wants to see it.

use api::{read_problem, version_not_reached};
use domain::order::OrderId;
use event_store::Version;
use lambda_edge::http::{Call, Problem, whole_number};
use read_models::FreshOrders;
use read_models::order_lists::ListedOrder;

use crate::order::order_not_found;

/// The order that the caller names, as new as it wants it or newer.
///
/// # Errors
/// 400 `malformed_header`, 404 `order_not_found`, 409 `version_not_reached`.
pub async fn order(orders: &FreshOrders, call: &Call) -> Result<Option<ListedOrder>, Problem> {
    let Some((order_id, version)) = call.header("X-Read-After", EXPECTED, parse)? else {
        return Ok(None);
    };
    match orders.order(order_id, version).await.map_err(read_problem)? {
        None => Err(order_not_found()),
        Some((order, _)) if order.version < version => Err(version_not_reached("order", order.version, version)),
        Some((order, _)) => Ok(Some(order.into())),
    }
}

const EXPECTED: &str = "must be an order and its version, such as 0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c@3";

fn parse(text: &str) -> Option<(OrderId, Version)> {
    let (order_id, version) = text.split_once('@')?;
    let version = whole_number(version).filter(|version| *version >= 1)?;
    Some((order_id.parse().ok()?, version))
}
