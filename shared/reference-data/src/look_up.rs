//! What an order needs of both tables, read together.

use std::collections::HashMap;

use domain::catalogue::Product;
use domain::text::{CustomerId, ProductId};
use dynamodb::{TableError, batch_get_of_tables};

use crate::customers::{Customer, Customers};
use crate::products::Products;
use crate::table::{Versioned, key, read};

/// The products of `product_ids` that exist, and the customer if there is one: one request for each 100. No id may come twice.
///
/// # Errors
/// As [`Table::get_many`](crate::Table::get_many).
pub async fn look_up(
    (products, product_ids): (&Products, &[&ProductId]),
    (customers, customer_id): (&Customers, Option<&CustomerId>),
) -> Result<(HashMap<ProductId, Versioned<Product>>, Option<Versioned<Customer>>), TableError> {
    let customer = customer_id.map(|id| (customers.name.as_str(), key::<Customer>(id)));
    let keys = product_ids
        .iter()
        .map(|id| (products.name.as_str(), key::<Product>(id)));
    let keys: Vec<_> = customer.into_iter().chain(keys).collect();
    let mut found = (HashMap::new(), None);
    for (table, item) in batch_get_of_tables(&products.client, &keys, true).await? {
        if table == customers.name {
            found.1 = Some(read(item)?);
        } else {
            let product: Versioned<Product> = read(item)?;
            found.0.insert(product.value.product_id.clone(), product);
        }
    }
    Ok(found)
}
