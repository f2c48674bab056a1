//! One order, whole or in short.

use api::not_found;
use domain::order::{Address, OrderId, OrderItem, OrderStatus};
use domain::time::rfc3339_micros;
use event_store::Version;
use lambda_edge::http::{Fields, Problem};
use read_models::OrderSummaryRow;
use read_models::order_lists::ListedOrder;
use reference_data::{Customer, Versioned};
use rust_decimal::Decimal;
use serde::Serialize;

/// How much of an order is shown: the parameter `view`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// [`OrderRowView`], as lists have it.
    Compact,
    /// [`OrderView`], as one order has it.
    Full,
}

impl Detail {
    /// The parameter, where it may be given.
    pub fn read(query: &mut Fields) -> Option<Option<Self>> {
        let choices = [("compact", Self::Compact), ("full", Self::Full)];
        query.optional("view", |view| view.one_of(&choices))
    }
}

/// An order in either view.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AnyOrderView {
    Compact(OrderRowView),
    Full(Box<OrderView>),
}

impl AnyOrderView {
    /// `customer`: the order's, if it is known; only the full view shows something of it.
    pub fn of(order: OrderSummaryRow, detail: Detail, customer: Option<Versioned<Customer>>) -> Self {
        match detail {
            Detail::Compact => Self::Compact(ListedOrder::from(order).into()),
            Detail::Full => Self::Full(Box::new(OrderView {
                customer_name: customer.map(|customer| customer.value.name.to_string()),
                ..order.into()
            })),
        }
    }
}

/// One order, whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrderView {
    pub order_id: OrderId,
    pub version: Version,
    pub customer_id: String,
    /// The customer's name now, whatever version of the order this is. `None` while nobody has said.
    pub customer_name: Option<String>,
    pub status: OrderStatus,
    pub currency: String,
    pub subtotal: Decimal,
    pub tax_amount: Decimal,
    pub total_amount: Decimal,
    pub item_count: usize,
    pub items: Vec<ItemView>,
    pub shipping_address: Address,
    pub reference: Option<String>,
    pub confirmation_number: Option<String>,
    pub payment_method_id: Option<String>,
    pub tracking_number: Option<String>,
    pub carrier: Option<String>,
    pub cancellation_reason: Option<String>,
    pub refund_amount: Option<Decimal>,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemView {
    pub product_id: String,
    pub product_name: Option<String>,
    pub sku: Option<String>,
    pub quantity: u32,
    pub unit_price: Decimal,
    pub line_total: Decimal,
}

/// An order in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrderRowView {
    pub order_id: OrderId,
    pub version: Version,
    pub customer_id: String,
    pub status: OrderStatus,
    pub currency: String,
    pub total_amount: Decimal,
    pub item_count: usize,
    pub created_at: String,
    pub updated_at: String,
}

impl From<OrderSummaryRow> for OrderView {
    fn from(row: OrderSummaryRow) -> Self {
        let order = row.order;
        let (shipment, cancellation) = (order.shipment.as_ref(), order.cancellation.as_ref());
        Self {
            order_id: row.order_id,
            version: row.version,
            customer_name: None,
            status: row.status,
            subtotal: order.subtotal(),
            tax_amount: order.tax_amount(),
            total_amount: row.total_amount,
            item_count: row.item_count,
            items: order.items.iter().map(ItemView::from).collect(),
            shipping_address: order.terms.shipping_address.clone(),
            reference: order.terms.reference.as_ref().map(ToString::to_string),
            confirmation_number: order
                .confirmation_number
                .as_ref()
                .map(|number| number.as_str().to_owned()),
            payment_method_id: order.payment_method_id.as_ref().map(ToString::to_string),
            tracking_number: shipment.map(|shipment| shipment.tracking_number.to_string()),
            carrier: shipment.map(|shipment| shipment.carrier.to_string()),
            cancellation_reason: cancellation.map(|cancellation| cancellation.reason.to_string()),
            refund_amount: cancellation.map(|cancellation| cancellation.refund_amount),
            created_at: rfc3339_micros(row.created_at),
            updated_at: rfc3339_micros(row.updated_at),
            customer_id: row.customer_id,
            currency: row.currency,
        }
    }
}

impl From<&OrderItem> for ItemView {
    fn from(item: &OrderItem) -> Self {
        Self {
            product_id: item.product_id.to_string(),
            product_name: item.product_name.as_ref().map(ToString::to_string),
            sku: item.sku.as_ref().map(ToString::to_string),
            quantity: item.quantity.get(),
            unit_price: item.unit_price,
            line_total: item.line_total(),
        }
    }
}

impl From<ListedOrder> for OrderRowView {
    fn from(row: ListedOrder) -> Self {
        Self {
            order_id: row.order_id,
            version: row.version,
            customer_id: row.customer_id,
            status: row.status,
            currency: row.currency,
            total_amount: row.total_amount,
            item_count: row.item_count,
            created_at: rfc3339_micros(row.created_at),
            updated_at: rfc3339_micros(row.updated_at),
        }
    }
}

pub fn order_not_found() -> Problem {
    not_found("order_not_found", "There is no such order.")
}
