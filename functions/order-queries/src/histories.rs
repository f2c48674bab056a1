//! What happened in the payment and in the fulfilment of an order, page by page.

use std::sync::Arc;

use api::{Paged, not_found, read_problem};
use domain::Aggregate;
use domain::order::OrderId;
use domain::payment::Payment;
use event_store::Version;
use lambda_edge::http::{Caching, Call, Problem, Reply};
use serde::Serialize;
use views::history::{Nothing, Status, changes, page_tag};

use crate::App;
use crate::fulfilment::{fulfilment_not_found, status};

pub async fn of_payment(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let absent = || not_found("payment_not_found", "There is no payment of such an order.");
    history(&app, &call, "history of payment", absent, |payment: &Payment| {
        payment.status
    })
    .await
}

pub async fn of_fulfilment(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    history(&app, &call, "history of fulfilment", fulfilment_not_found, status).await
}

/// A page of the changes of an aggregate that an order has. What was before them is read, too, as the status follows from it:
/// there are some ten events of a payment, and a few for each SKU of a fulfilment.
async fn history<A: Aggregate<Id = OrderId>, S: Serialize>(
    app: &App,
    call: &Call,
    name: &'static str,
    absent: impl Fn() -> Problem,
    status: impl Fn(&A) -> S,
) -> Result<Reply, Problem> {
    let Paged { page, .. } = Paged::of(call, |_| Some(()))?;
    let order_id: OrderId = call.path("order_id")?;
    let list = page.list(&app.cursors, name, &order_id)?;
    let from: Version = list.place()?.unwrap_or(1);

    let end = usize::try_from(from - 1)
        .unwrap_or(usize::MAX)
        .saturating_add(page.size());
    let found = app.events.events_page(&A::aggregate_id(&order_id), 1, end).await;
    let (events, next) = found.map_err(read_problem)?;
    if events.is_empty() {
        return Err(absent());
    }
    let shown = changes(
        None,
        &events,
        |_| (),
        |now, _, ()| (Status { status: status(now) }, Nothing {}),
    );
    let shown = shown
        .map_err(read_problem)?
        .into_iter()
        .filter(|entry| entry.version >= from)
        .map(|entry| (entry.version + 1, entry));
    let page = list.page(shown, next)?;
    let tag = page_tag(from, page.data.len(), page.next_cursor.is_some());
    Ok(Reply::ok(&page)?.etag(&tag).caching(Caching::Revalidated))
}
