//! What happens to orders.

use domain::order::{Order, OrderEvent, OrderId, OrderItem, OrderStatus};
use event_store::{CorruptStream, EventStore, Recorded, StoreError};
use messages::events::{
    FreeOrderConfirmed, Item, OrderCancelled, OrderConfirmed, OrderDelivered, OrderPaid, OrderShipped,
    OrderShippingAddressCorrected, OrderSubmitted,
};
use messages::{Body, Message};

use super::message;

pub(super) async fn messages(store: &EventStore, event: &Recorded) -> Result<Vec<Message>, StoreError> {
    let mut happened = event.events::<Order>()?;
    happened.retain(is_told);
    if happened.is_empty() {
        return Ok(Vec::new());
    }
    let order_id: OrderId = event
        .aggregate_id
        .parse()
        .map_err(|_| CorruptStream::NotAnEvent(format!("{} is no order's id", event.aggregate_id)))?;
    let before = event.version.saturating_sub(1);
    let was_submitted = match happened
        .iter()
        .any(|event| matches!(event, OrderEvent::OrderCancelled { .. }))
    {
        true => {
            let order = store.load_until::<Order>(&event.aggregate_id, before).await?.state;
            order.is_some_and(|order| order.status != OrderStatus::Created)
        }
        false => true,
    };
    let stream = store.load_until::<Order>(&event.aggregate_id, event.version).await?;
    // Its own creation comes before everything that is told of it.
    let Some(order) = stream.state else {
        return Ok(Vec::new());
    };
    let bodies = happened
        .into_iter()
        .filter_map(|happened| body(order_id, &order, happened, was_submitted));
    Ok(bodies.map(|body| message(event, body, "")).collect())
}

/// Until it is submitted, an order is nobody else's affair.
fn is_told(event: &OrderEvent) -> bool {
    !matches!(
        event,
        OrderEvent::OrderCreated { .. }
            | OrderEvent::OrderItemAdded(_)
            | OrderEvent::OrderItemRemoved { .. }
            | OrderEvent::OrderReferenceChanged { .. }
    )
}

fn body(order_id: OrderId, order: &Order, event: OrderEvent, was_submitted: bool) -> Option<Body> {
    let customer_id = order.terms.customer_id.clone();
    Some(match event {
        OrderEvent::OrderCreated { .. }
        | OrderEvent::OrderItemAdded(_)
        | OrderEvent::OrderItemRemoved { .. }
        | OrderEvent::OrderReferenceChanged { .. } => return None,
        OrderEvent::OrderShippingAddressCorrected { .. } if order.status == OrderStatus::Created => return None,
        OrderEvent::OrderShippingAddressCorrected { shipping_address } => {
            Body::OrderShippingAddressCorrected(OrderShippingAddressCorrected {
                order_id,
                customer_id,
                shipping_address: (&shipping_address).into(),
            })
        }
        OrderEvent::OrderSubmitted { payment_method_id } => Body::OrderSubmitted(OrderSubmitted {
            order_id,
            customer_id,
            currency: order.terms.currency,
            total_amount: order.total_amount(),
            items: items(order),
            shipping_address: (&order.terms.shipping_address).into(),
            payment_method_id,
        }),
        OrderEvent::OrderConfirmed {
            payment_method_id,
            confirmation_number,
        } => Body::OrderConfirmed(OrderConfirmed {
            order_id,
            customer_id,
            confirmation_number,
            payment_method_id,
            total_amount: order.total_amount(),
            currency: order.terms.currency,
        }),
        OrderEvent::FreeOrderConfirmed { confirmation_number } => Body::FreeOrderConfirmed(FreeOrderConfirmed {
            order_id,
            customer_id,
            confirmation_number,
            currency: order.terms.currency,
        }),
        OrderEvent::OrderPaid {
            transaction_id, amount, ..
        } => Body::OrderPaid(OrderPaid {
            order_id,
            customer_id,
            transaction_id,
            amount,
            currency: order.terms.currency,
        }),
        OrderEvent::OrderShipped {
            tracking_number,
            carrier,
        } => Body::OrderShipped(OrderShipped {
            order_id,
            customer_id,
            tracking_number,
            carrier,
        }),
        OrderEvent::OrderDelivered {} => Body::OrderDelivered(OrderDelivered { order_id, customer_id }),
        OrderEvent::OrderCancelled { reason, refund_amount } => Body::OrderCancelled(OrderCancelled {
            order_id,
            customer_id,
            reason,
            refund_amount,
            currency: order.terms.currency,
            transaction_id: order.payment.as_ref().map(|payment| payment.transaction_id.clone()),
            was_submitted,
        }),
    })
}

pub(super) fn items(order: &Order) -> Vec<Item> {
    let item = |item: &OrderItem| Item {
        product_id: item.product_id.clone(),
        sku: item.sku.clone(),
        quantity: item.quantity.get(),
        unit_price: item.unit_price,
    };
    order.items.iter().map(item).collect()
}
