//! Why a command on an order is refused.

use rust_decimal::Decimal;

use super::state::{MAX_ITEM_TEXT_BYTES, OrderStatus};
use crate::money::Currency;
use crate::text::{PaymentMethodId, ProductId, Sku};

/// Why a command was refused. Nothing has happened.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OrderError {
    #[error("there is no such order")]
    NotFound,
    #[error("the order exists already")]
    AlreadyExists,
    #[error("{command} is not possible: the order is {status}")]
    InvalidTransition { command: &'static str, status: OrderStatus },
    #[error("the order has no items")]
    NoItems { command: &'static str },
    #[error("the order has no such line of product {product_id}")]
    ItemNotFound { product_id: ProductId },
    #[error(
        "the order has several lines of product {product_id}, with the SKUs {}",
        listed(skus)
    )]
    SeveralLines {
        product_id: ProductId,
        /// `None` is that of the line without a SKU.
        skus: Vec<Option<Sku>>,
    },
    #[error("the order's line of product {product_id} is at {existing} each; the same cannot be added at {given}")]
    ConflictingPrice {
        field: String,
        product_id: ProductId,
        existing: Decimal,
        given: Decimal,
    },
    #[error("the order's line of product {product_id} has the name {existing:?}; the same line cannot have two")]
    ConflictingName {
        field: String,
        product_id: ProductId,
        existing: String,
    },
    #[error("the customer is retired")]
    CustomerRetired,
    #[error("product {product_id} is retired")]
    ProductRetired { field: String, product_id: ProductId },
    #[error("the catalogue has no product {product_id}, and the item has no price")]
    UnknownProduct { field: String, product_id: ProductId },
    #[error("the catalogue has the price of product {product_id} in {catalogue}, but the order is in {order}")]
    CurrencyMismatch {
        field: String,
        product_id: ProductId,
        catalogue: Currency,
        order: Currency,
    },
    #[error("the payment must be the order's whole total of {due} {currency}, not {given}")]
    AmountMismatch {
        due: Decimal,
        given: Decimal,
        currency: Currency,
    },
    #[error("the order is being paid with {payment_method_id}; another method can be chosen once that has failed")]
    PaymentInProgress { payment_method_id: PaymentMethodId },
    #[error("the order is going to be cancelled, as its payment has failed or something took too long")]
    GivenUp,
    #[error("{field} {reason}")]
    InvalidField { field: String, reason: String },
    /// What is wrong with items of the command, in their order: the first error and at least one more.
    #[error("{first}")]
    Several {
        first: Box<OrderError>,
        others: Vec<OrderError>,
    },
    #[error("the texts of the order's items are {bytes} bytes together; at most {MAX_ITEM_TEXT_BYTES} are possible")]
    TooLarge { bytes: usize },
}

/// One refusal that says all that is wrong.
pub(super) fn together(errors: impl Iterator<Item = OrderError>) -> OrderError {
    let mut errors: Vec<_> = errors.collect();
    let others = errors.split_off(1);
    let first = errors.swap_remove(0);
    match others[..] {
        [] => first,
        _ => OrderError::Several {
            first: Box::new(first),
            others,
        },
    }
}

pub(super) fn invalid(field: impl Into<String>, reason: impl Into<String>) -> OrderError {
    OrderError::InvalidField {
        field: field.into(),
        reason: reason.into(),
    }
}

/// The SKUs as people read them.
fn listed(skus: &[Option<Sku>]) -> String {
    let names: Vec<_> = skus
        .iter()
        .map(|sku| sku.as_ref().map_or("(none)", Sku::as_str))
        .collect();
    names.join(", ")
}
