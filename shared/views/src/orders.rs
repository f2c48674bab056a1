//! Whole orders with the names of their customers, as they are when the orders are read. No row holds a name, so none has
//! to follow when one changes.

use std::collections::HashMap;

use event_store::StoreError;
use read_models::OrderSummaryRow;
use reference_data::Customers;

use crate::order::{AnyOrderView, Detail};

/// The orders of a list, each with its order key. Where they are shown whole, their customers are read together, each once.
///
/// # Errors
/// What DynamoDB said.
pub async fn views(
    customers: &Customers,
    orders: Vec<OrderSummaryRow>,
    detail: Detail,
) -> Result<Vec<(String, AnyOrderView)>, StoreError> {
    let known = match detail {
        Detail::Compact => HashMap::new(),
        Detail::Full => {
            let ids = orders.iter().map(|order| &order.order.terms.customer_id);
            customers.get_many(ids).await?
        }
    };
    let views = orders.into_iter().map(|order| {
        let customer = known.get(&order.order.terms.customer_id).cloned();
        (order.order_key.clone(), AnyOrderView::of(order, detail, customer))
    });
    Ok(views.collect())
}
