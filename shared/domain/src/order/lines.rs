//! Items of a command against the lines of an order and the catalogue.

use rust_decimal::Decimal;

use super::command::{Context, NewItem};
use super::refusal::{OrderError, invalid};
use super::state::{MAX_ITEM_TEXT_BYTES, MAX_LINES, Order, OrderItem};
use crate::catalogue::Product;
use crate::money::Currency;
use crate::quantity::Quantity;
use crate::text::{ProductId, Sku};

/// Why an item makes no new line, if its product is retired. `prefix` says where it stands in the request.
pub(super) fn retired(context: &Context, item: &NewItem, prefix: &str) -> Option<OrderError> {
    let is_retired = context.retired.products.contains(&item.product_id);
    is_retired.then(|| OrderError::ProductRetired {
        field: format!("{prefix}product_id"),
        product_id: item.product_id.clone(),
    })
}

/// The SKU of the line that an item means; of a product that the order has not, that of the catalogue.
pub(super) fn sku_of_line(order: &Order, item: &NewItem, product: Option<&Product>) -> Result<Option<Sku>, OrderError> {
    if let Some(line) = order.line_meant(&item.product_id, item.sku.as_ref()) {
        return Ok(line.sku.clone());
    }
    let sku = sku_of_item(item, product);
    match sku {
        None if order.lines_of(&item.product_id).next().is_some() => Err(several_lines(order, &item.product_id)),
        sku => Ok(sku),
    }
}

pub(super) fn sku_of_item(item: &NewItem, product: Option<&Product>) -> Option<Sku> {
    item.sku
        .clone()
        .or_else(|| product.and_then(|product| product.sku.clone()))
}

pub(super) fn several_lines(order: &Order, product_id: &ProductId) -> OrderError {
    OrderError::SeveralLines {
        product_id: product_id.clone(),
        skus: order.lines_of(product_id).map(|line| line.sku.clone()).collect(),
    }
}

/// The item as it may be added to the line of this SKU among `items`, or as a new line; or all that is wrong with it. `prefix`
/// says where it stands in the request.
pub(super) fn check_item(
    items: &[OrderItem],
    currency: Currency,
    item: NewItem,
    sku: Option<Sku>,
    product: Option<&Product>,
    prefix: &str,
) -> Result<OrderItem, Vec<OrderError>> {
    let mut lines = items.iter();
    let Some(line) = lines.find(|line| line.is_of(&item.product_id, sku.as_ref(), false)) else {
        if items.len() == MAX_LINES {
            return Err(vec![too_many_lines(prefix)]);
        }
        let item = OrderItem {
            unit_price: price(&item, product, currency, prefix).map_err(|error| vec![error])?,
            product_id: item.product_id,
            quantity: item.quantity,
            product_name: item
                .product_name
                .or_else(|| product.map(|product| product.name.clone())),
            sku,
        };
        return check_size(items, item).map_err(|error| vec![error]);
    };
    let mut errors = Vec::new();
    if line.quantity.plus(item.quantity).get() > Quantity::MAX {
        errors.push(invalid(
            format!("{prefix}quantity"),
            format!(
                "a line has at most {}, and this one has {} already",
                Quantity::MAX,
                line.quantity.get()
            ),
        ));
    }
    match item.unit_price.map(|given| checked_price(currency, given, prefix)) {
        Some(Err(error)) => errors.push(error),
        Some(Ok(given)) if given != line.unit_price => errors.push(OrderError::ConflictingPrice {
            field: format!("{prefix}unit_price"),
            product_id: item.product_id.clone(),
            existing: line.unit_price,
            given,
        }),
        Some(Ok(_)) | None => {}
    }
    if let (Some(existing), Some(given)) = (&line.product_name, &item.product_name)
        && existing != given
    {
        errors.push(OrderError::ConflictingName {
            field: format!("{prefix}product_name"),
            existing: existing.to_string(),
            product_id: item.product_id,
        });
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let item = OrderItem {
        quantity: item.quantity,
        product_name: line.product_name.clone().or(item.product_name),
        ..line.clone()
    };
    match line.product_name {
        Some(_) => Ok(item),
        None => check_size(items, item).map_err(|error| vec![error]),
    }
}

fn check_size(items: &[OrderItem], item: OrderItem) -> Result<OrderItem, OrderError> {
    let bytes = items.iter().chain([&item]).map(OrderItem::text_bytes).sum();
    if bytes > MAX_ITEM_TEXT_BYTES {
        return Err(OrderError::TooLarge { bytes });
    }
    Ok(item)
}

/// The item's own price, or that of the catalogue.
fn price(item: &NewItem, product: Option<&Product>, currency: Currency, prefix: &str) -> Result<Decimal, OrderError> {
    let unit_price = match (item.unit_price, product) {
        (Some(unit_price), _) => unit_price,
        (None, None) => {
            return Err(OrderError::UnknownProduct {
                field: format!("{prefix}product_id"),
                product_id: item.product_id.clone(),
            });
        }
        (None, Some(product)) if product.currency != currency => {
            return Err(OrderError::CurrencyMismatch {
                field: format!("{prefix}unit_price"),
                product_id: item.product_id.clone(),
                catalogue: product.currency,
                order: currency,
            });
        }
        (None, Some(product)) => product.unit_price,
    };
    checked_price(currency, unit_price, prefix)
}

fn checked_price(currency: Currency, unit_price: Decimal, prefix: &str) -> Result<Decimal, OrderError> {
    currency
        .price(unit_price)
        .map_err(|error| invalid(format!("{prefix}unit_price"), error.to_string()))
}

pub(super) fn too_many_lines(prefix: &str) -> OrderError {
    let field = if prefix.is_empty() { "product_id" } else { "items" };
    invalid(field, format!("an order has at most {MAX_LINES} lines"))
}
