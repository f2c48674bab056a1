//! Lists of orders, an order's history, its events, and the system's health.

use std::sync::Arc;

use api::paging::Page;
use api::{Paged, read_problem};
use domain::order::OrderId;
use domain::text::Stored;
use event_store::Version;
use lambda_edge::http::{Caching, Call, Field, Problem, Reply, StatusCode};
use read_models::order_search::SearchText;
use serde::Serialize;
use serde_json::value::RawValue;
use views::Detail;
use views::history::{self, EventView, HistoryEntry, page_tag};
use views::list_requests::ListFilter;
use views::order_not_found;
use views::orders::views;

use crate::App;

pub async fn orders(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let parameters = Paged::of(&call, |query| {
        let customer_id = query
            .optional("customer_id", Field::text)
            .map(|id| id.map(|Stored(id)| id));
        let filter = ListFilter::of_customer(customer_id.clone().flatten(), query);
        customer_id.and(filter)
    })?;
    app.lists.answer(&call, parameters).await
}

pub async fn search(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Paged { filter, page } = Paged::of(&call, |query| {
        let text = query.required("q", Field::text::<SearchText>);
        let view = Detail::read(query);
        text.zip(view)
    })?;
    let (text, view) = filter;
    let list = page.list(&app.cursors, "orders with", &text)?;
    let found = app.search.page(&text, page.size(), list.place()?).await;
    let found = found.map_err(read_problem)?;
    let detail = view.unwrap_or(Detail::Compact);
    let data = views(&app.customers, found.orders, detail).await;
    Reply::ok(&list.page(data.map_err(read_problem)?, found.next)?)
}

pub async fn history(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    #[derive(Serialize)]
    struct History {
        data: Vec<Box<RawValue>>,
        /// Nearly always all fits into one answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_cursor: Option<String>,
    }

    let Paged { page, .. } = Paged::of(&call, |_| Some(()))?;
    let order_id: OrderId = call.path("order_id")?;
    let list = page.list(&app.cursors, "history of order", &order_id)?;
    let events = app.events.events(&order_id.to_string(), 1, None).await;
    let events = events.map_err(read_problem)?;
    if events.is_empty() {
        return Err(order_not_found());
    }
    let entries = history::history(&events).map_err(Problem::internal)?;
    let Page { data, next_cursor } = list.page_of_all(placed(entries))?;
    let reply = Reply::ok(&History { data, next_cursor })?.version(events.len() as Version);
    Ok(reply.caching(Caching::Revalidated))
}

/// The place of each entry: its version, and how many entries of that version come before it.
fn placed(entries: Vec<HistoryEntry>) -> impl Iterator<Item = ((Version, usize), HistoryEntry)> {
    entries.into_iter().scan((0, 0), |(version, nth), entry| {
        *nth = if *version == entry.version { *nth + 1 } else { 0 };
        *version = entry.version;
        Some(((*version, *nth), entry))
    })
}

pub async fn events(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Paged { page, .. } = Paged::of(&call, |_| Some(()))?;
    let order_id: OrderId = call.path("order_id")?;
    let list = page.list(&app.cursors, "events of order", &order_id)?;
    let place: Option<Version> = list.place()?;
    let from = place.unwrap_or(1);

    let found = app.events.events_page(&order_id.to_string(), from, page.size()).await;
    let (events, next) = found.map_err(read_problem)?;
    if events.is_empty() && place.is_none() {
        return Err(order_not_found());
    }
    let views = events
        .into_iter()
        .map(|event| (event.version + 1, EventView::from(event)));
    let page = list.page(views, next)?;
    let tag = page_tag(from, page.data.len(), page.next_cursor.is_some());
    let reply = Reply::ok(&page)?;
    Ok(reply.etag(&tag).caching(Caching::Revalidated))
}

pub async fn health(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let health = app.tables.health().await;
    let status = if health.is_healthy() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    Reply::json(status, &health)
}
