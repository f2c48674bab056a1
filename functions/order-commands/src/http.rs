//! One handler per route: read the request, have the store decide and append, answer.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use api::{metadata, precondition, read_problem, write_problem};
use domain::catalogue::Product;
use domain::fulfilment::Fulfilment;
use domain::order::{
    AddedItem, Charge, ConfirmationNumber, Context, NewItem, Order, OrderCommand, OrderEvent, OrderId, OrderItem,
    OrderStatus, Retired, Which,
};
use domain::text::{ProductId, Sku, Stored, TextError};
use domain::{Aggregate, Metadata};
use event_store::{StoreError, Stream, Transacted, Version};
use lambda_edge::http::{Call, Field, IdempotencyKey, Problem, Reply, StatusCode};
use serde::Serialize;
use uuid::Uuid;

use crate::App;
use crate::bodies;
use crate::claims::Claims;
use crate::problems::{transact_problem, transaction_already_used};

/// What every command answers.
#[derive(Serialize)]
struct Accepted {
    order_id: OrderId,
    version: Version,
    status: &'static str,
    message: &'static str,
    /// The line that an item was added to.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<OrderItem>,
}

/// The SKU of a line; empty for the line without one.
struct SkuOfLine(Option<Sku>);

impl FromStr for SkuOfLine {
    type Err = TextError;

    fn from_str(sku: &str) -> Result<Self, TextError> {
        match sku {
            "" => Ok(Self(None)),
            sku => sku.parse().map(|Stored(sku)| Self(Some(sku))),
        }
    }
}

pub async fn create(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let command = call.body(bodies::create_order)?;
    let key = call.idempotency_key()?;
    let order_id = OrderId(match &key {
        Some(IdempotencyKey { key, .. }) => id_of_key(&call, key),
        None => Uuid::now_v7(),
    });
    let create = async |order| {
        let (status, message) = (StatusCode::CREATED, "Order created");
        perform(&app, &call, order_id, order, command.clone(), status, message).await
    };
    let reply = match create(Stream::unborn(order_id.to_string())).await {
        // What the catalogue says now, or the version, may refuse a repetition that the append would have recognised: by its
        // first event, which has the key however long the order has become.
        Err(problem) if key.is_some() && problem.status.is_client_error() => {
            let first = app.orders.store().load_until(&order_id.to_string(), 1).await;
            let first = first.map_err(write_problem)?;
            match first.has_used_key(&metadata(&call)?) {
                true => create(first).await?,
                false => return Err(problem),
            }
        }
        created => created?,
    };
    Ok(reply.location(format!("/orders/{order_id}")))
}

pub async fn add_item(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let command = call.body(bodies::add_item)?;
    change(&app, &call, command, "Item added").await
}

pub async fn remove_item(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    call.no_body()?;
    let (Stored(product_id), sku) = call.query(|query| {
        let product_id: Option<Stored<ProductId>> = call.named(query, "product_id");
        let sku = query.optional("sku", Field::text);
        product_id.zip(sku)
    })?;
    let which = sku.map_or(Which::Only, |SkuOfLine(sku)| Which::Sku(sku));
    let command = OrderCommand::RemoveOrderItem { product_id, which };
    change_with_query(&app, &call, command, "Item removed").await
}

pub async fn correct_shipping_address(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let command = call.body(bodies::shipping_address)?;
    change(&app, &call, command, "Shipping address corrected").await
}

pub async fn change_reference(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let command = call.body(bodies::reference)?;
    change(&app, &call, command, "Reference changed").await
}

pub async fn submit(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let command = call
        .optional_body(bodies::submit)?
        .unwrap_or(OrderCommand::SubmitOrder {
            payment_method_id: None,
        });
    change(&app, &call, command, "Order submitted").await
}

pub async fn confirm(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let command = call.body(bodies::confirm)?;
    change(&app, &call, command, "Order confirmed").await
}

pub async fn record_payment(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let command = call.body(bodies::record_payment)?;
    change(&app, &call, command, "Payment recorded").await
}

pub async fn ship(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let command = call.body(bodies::ship)?;
    change(&app, &call, command, "Order shipped").await
}

pub async fn deliver(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    call.no_body()?;
    change(&app, &call, OrderCommand::DeliverOrder, "Order delivered").await
}

pub async fn cancel(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let command = call.body(bodies::cancel)?;
    change(&app, &call, command, "Order cancelled").await
}

/// A command on an order that exists.
async fn change(app: &App, call: &Call, command: OrderCommand, message: &'static str) -> Result<Reply, Problem> {
    call.no_query()?;
    change_with_query(app, call, command, message).await
}

/// The same on a route whose query parameters have been read.
async fn change_with_query(
    app: &App,
    call: &Call,
    command: OrderCommand,
    message: &'static str,
) -> Result<Reply, Problem> {
    let order_id: OrderId = call.path("order_id")?;
    // Before the order is read: a malformed header is an error whatever the order says.
    precondition(call)?;
    call.idempotency_key()?;
    let order = app.orders.stream(&order_id).await.map_err(write_problem)?;
    perform(app, call, order_id, order, command, StatusCode::OK, message).await
}

async fn perform(
    app: &App,
    call: &Call,
    order_id: OrderId,
    order: Stream<Order>,
    command: OrderCommand,
    status: StatusCode,
    message: &'static str,
) -> Result<Reply, Problem> {
    let order = order.expecting(precondition(call)?);
    let metadata = metadata(call)?;
    let (products, retired) = look_up(app, &order, &command, &metadata).await?;
    let context = Context {
        confirmation_number: ConfirmationNumber::from_uuid(Uuid::new_v4()),
        products,
        retired,
        charge: charge(app, order_id, &order, &command, &metadata).await?,
    };
    let added = match &command {
        OrderCommand::AddOrderItem(item) => Some(item.clone()),
        _ => None,
    };
    let claims = Claims::new(&app.transactions, order_id, &metadata);
    let executed = app
        .orders
        .execute_after(order, command, &context, &metadata, &claims)
        .await;
    let transacted = match executed {
        Err(_) if claims.is_refused() => return Err(transaction_already_used()),
        executed => executed.map_err(transact_problem)?,
    };

    let version = transacted.stream.changed;
    let line = match &added {
        Some(added) => added_line(app, &transacted, added).await.map_err(read_problem)?,
        None => None,
    };
    let accepted = Accepted {
        order_id,
        version,
        status: transacted.stream.state.map_or("", |order| order.status.as_str()),
        message,
        line,
    };
    let reply = Reply::json(status, &accepted)?.version(version).about_order(order_id);
    Ok(if transacted.is_replay { reply.replayed() } else { reply })
}

/// The line that an item was added to, as it was then. The order shows which that is, unless the catalogue had said it: then
/// the event does, which is read when the command was a repetition.
async fn added_line(
    app: &App,
    transacted: &Transacted<Order>,
    added: &NewItem,
) -> Result<Option<OrderItem>, StoreError> {
    let Some(order) = &transacted.stream.state else {
        return Ok(None);
    };
    if let Some(line) = order.line_meant(&added.product_id, added.sku.as_ref()) {
        return Ok(Some(line.clone()));
    }
    let (id, version) = (&transacted.stream.aggregate_id, transacted.stream.version);
    for event in app.orders.store().events(id, version, Some(1)).await? {
        for event in event.events::<Order>()? {
            if let OrderEvent::OrderItemAdded(AddedItem { item, .. }) = event {
                return Ok(order.line_meant(&item.product_id, item.sku.as_ref()).cloned());
            }
        }
    }
    Ok(None)
}

/// What the catalogue says of the items, and who and what is retired: nothing is read when the order shows that the request was
/// carried out before, at the prices of then. Who or what is retired after this read may come into the order yet.
async fn look_up(
    app: &App,
    order: &Stream<Order>,
    command: &OrderCommand,
    metadata: &Metadata,
) -> Result<(HashMap<ProductId, Product>, Retired), Problem> {
    if order.has_used_key(metadata) {
        return Ok(Default::default());
    }
    let products = (&app.products, &command.products_to_look_up()[..]);
    let customer = (&app.customers, command.customer_to_look_up());
    let (found, customer) = reference_data::look_up(products, customer)
        .await
        .map_err(read_problem)?;
    let retired = found.iter().filter(|(_, product)| product.retired);
    let retired = Retired {
        products: retired.map(|(id, _)| id.clone()).collect(),
        customer: customer.is_some_and(|customer| customer.retired),
    };
    let products = found.into_iter().map(|(id, product)| (id, product.value));
    Ok((products.collect(), retired))
}

/// What the process says of the payment, before another method is chosen: nothing is read when none was chosen before.
async fn charge(
    app: &App,
    order_id: OrderId,
    order: &Stream<Order>,
    command: &OrderCommand,
    metadata: &Metadata,
) -> Result<Charge, Problem> {
    let is_open = |order: &Order| matches!(order.status, OrderStatus::Submitted | OrderStatus::Confirmed);
    let is_chosen = |order: &Order| is_open(order) && order.payment_method_id.is_some();
    let is_asked = matches!(command, OrderCommand::ConfirmOrder { .. }) && !order.has_used_key(metadata);
    if !is_asked || !order.state.as_ref().is_some_and(is_chosen) {
        return Ok(Charge::None);
    }
    let id = Fulfilment::aggregate_id(&order_id);
    let process = app.orders.store().load::<Fulfilment>(&id).await;
    let process = process.map_err(read_problem)?.state;
    Ok(process.map_or(Charge::None, |process| process.charge()))
}

/// The order that a caller creates with a key: the same one each time, so that a repetition finds it.
fn id_of_key(call: &Call, key: &str) -> Uuid {
    /// The namespace of the ids made here, and of no others.
    const NAMESPACE: Uuid = Uuid::from_u128(0x6f3c_2b8e_5d14_4c7a_9b60_1e8f_a2d7_c390);
    let caller = call.caller.as_ref().map_or("", |caller| caller.user_id.as_str());
    // A key has no line break, so the two cannot run into each other.
    Uuid::new_v5(&NAMESPACE, format!("{key}\n{caller}").as_bytes())
}
