//! State and event to state: total, and free of rules.

use super::event::{AddedItem, OrderEvent};
use super::state::{Cancellation, Order, OrderItem, OrderStatus, Payment, Shipment};

/// The order after `event`. Only a creation makes one.
pub(super) fn evolve(order: Option<Order>, event: &OrderEvent) -> Option<Order> {
    if let OrderEvent::OrderCreated { terms, items } = event {
        return Some(Order {
            terms: terms.clone(),
            status: OrderStatus::Created,
            items: items.clone(),
            payment_method_id: None,
            confirmation_number: None,
            payment: None,
            shipment: None,
            cancellation: None,
        });
    }
    order.map(|mut order| {
        order.apply(event);
        order
    })
}

impl Order {
    fn apply(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::OrderCreated { .. } => {}
            OrderEvent::OrderItemAdded(AddedItem { item, any_sku }) => add(&mut self.items, item, *any_sku),
            OrderEvent::OrderItemRemoved {
                product_id,
                sku,
                any_sku,
            } => self
                .items
                .retain(|line| !line.is_of(product_id, sku.as_ref(), *any_sku)),
            OrderEvent::OrderShippingAddressCorrected { shipping_address } => {
                self.terms.shipping_address = shipping_address.clone();
            }
            OrderEvent::OrderReferenceChanged { reference } => self.terms.reference.clone_from(reference),
            OrderEvent::OrderSubmitted { payment_method_id } => {
                self.status = OrderStatus::Submitted;
                self.payment_method_id.clone_from(payment_method_id);
            }
            OrderEvent::OrderConfirmed {
                payment_method_id,
                confirmation_number,
            } => {
                self.status = OrderStatus::Confirmed;
                self.payment_method_id = Some(payment_method_id.clone());
                self.confirmation_number = Some(confirmation_number.clone());
            }
            OrderEvent::FreeOrderConfirmed { confirmation_number } => {
                self.status = OrderStatus::Paid;
                self.confirmation_number = Some(confirmation_number.clone());
            }
            OrderEvent::OrderPaid {
                transaction_id,
                amount,
                payment_method_id,
            } => {
                self.status = OrderStatus::Paid;
                if payment_method_id.is_some() {
                    self.payment_method_id.clone_from(payment_method_id);
                }
                self.payment = Some(Payment {
                    transaction_id: transaction_id.clone(),
                    amount: *amount,
                });
            }
            OrderEvent::OrderShipped {
                tracking_number,
                carrier,
            } => {
                self.status = OrderStatus::Shipped;
                self.shipment = Some(Shipment {
                    tracking_number: tracking_number.clone(),
                    carrier: carrier.clone(),
                });
            }
            OrderEvent::OrderDelivered {} => self.status = OrderStatus::Delivered,
            OrderEvent::OrderCancelled { reason, refund_amount } => {
                self.status = OrderStatus::Cancelled;
                self.cancellation = Some(Cancellation {
                    reason: reason.clone(),
                    refund_amount: *refund_amount,
                });
            }
        }
    }
}

/// Adds to the quantity of the item's line, or begins a line.
pub(super) fn add(items: &mut Vec<OrderItem>, item: &OrderItem, any_sku: bool) {
    let line = items
        .iter_mut()
        .find(|line| line.is_of(&item.product_id, item.sku.as_ref(), any_sku));
    match line {
        Some(line) => {
            line.quantity = line.quantity.plus(item.quantity);
            if !any_sku && line.product_name.is_none() {
                line.product_name.clone_from(&item.product_name);
            }
        }
        None => items.push(item.clone()),
    }
}
