//! Lists of orders, an order's history, its events, and the system's health.

use std::sync::Arc;

use api::read_problem;
use domain::order::OrderId;
use event_store::Version;
use lambda_edge::http::{Caching, Call, Page, PageSize, Problem, Reply, StatusCode};
use read_models::order_search::{SearchText, SearchTextError};
use serde::{Deserialize, Serialize};
use views::Detail;
use views::history::{self, EventView, HistoryEntry};
use views::order_not_found;
use views::orders::views;

use crate::App;

pub async fn orders(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    app.lists.answer(&call, call.query()?).await
}

pub async fn search(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        q: String,
        #[serde(default)]
        page_size: PageSize,
        cursor: Option<String>,
        view: Option<Detail>,
    }

    let Parameters {
        q,
        page_size,
        cursor,
        view,
    } = call.query()?;
    let text: SearchText = q
        .parse()
        .map_err(|error: SearchTextError| Problem::parameter("q", error.to_string()))?;
    let name = format!("orders with {text:?}");
    let before = match cursor {
        None => None,
        Some(cursor) => Some(app.cursors.open(&name, &cursor)?),
    };
    let page = app
        .search
        .page(&text, page_size.get(), before)
        .await
        .map_err(read_problem)?;
    let next_cursor = match &page.next {
        None => None,
        Some(next) => Some(app.cursors.seal(&name, next)?),
    };
    let detail = view.unwrap_or(Detail::Compact);
    let data = views(&app.customers, page.orders, detail).await;
    Reply::ok(&Page {
        data: data.map_err(read_problem)?,
        next_cursor,
    })
}

pub async fn history(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    #[derive(Serialize)]
    struct History {
        data: Vec<HistoryEntry>,
    }

    call.no_query()?;
    let order_id = call.path::<OrderId>("order_id")?.to_string();
    let events = app.events.events(&order_id, 1, None).await.map_err(read_problem)?;
    if events.is_empty() {
        return Err(order_not_found());
    }
    let data = history::history(&events).map_err(Problem::internal)?;
    let reply = Reply::ok(&History { data })?.version(events.len() as Version);
    Ok(reply.caching(Caching::Revalidated))
}

pub async fn events(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default)]
        page_size: PageSize,
        cursor: Option<String>,
    }

    let Parameters { page_size, cursor } = call.query()?;
    let order_id = call.path::<OrderId>("order_id")?.to_string();
    let query = format!("events of order {order_id}");
    let from: Version = match &cursor {
        None => 1,
        Some(cursor) => app.cursors.open(&query, cursor)?,
    };

    // One more shows whether there is a next page.
    let limit = page_size.get();
    let mut events = app
        .events
        .events(&order_id, from, Some(limit + 1))
        .await
        .map_err(read_problem)?;
    if events.is_empty() && cursor.is_none() {
        return Err(order_not_found());
    }
    let next_cursor = match events.get(limit) {
        None => None,
        Some(next) => Some(app.cursors.seal(&query, &next.version)?),
    };
    events.truncate(limit);
    // Events never change, so a page only grows, and has a next one at last.
    let last = from + events.len() as Version - 1;
    let tag = format!("{from}-{last}{}", if next_cursor.is_some() { "+" } else { "" });
    let reply = Reply::ok(&Page {
        data: events.into_iter().map(EventView::from).collect(),
        next_cursor,
    })?;
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
