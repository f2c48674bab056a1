//! What happened to the stock of a SKU, and why, page by page.

use std::sync::Arc;

use api::{Paged, read_problem};
use domain::Aggregate;
use domain::stock::{Pieces, Stock, StockEvent};
use domain::text::{Sku, Stored};
use event_store::Version;
use lambda_edge::http::{Caching, Call, Problem, Reply};
use serde::{Deserialize, Serialize};
use views::history::{Nothing, changes, page_tag};

use crate::{App, sku_not_found};

/// Where a page begins, and what lies in the warehouse before it: nothing before the page has to be read.
#[derive(Serialize, Deserialize)]
struct Place {
    version: Version,
    on_hand: Pieces,
}

/// All there is, reserved or not.
#[derive(Serialize)]
struct OnHand {
    /// `null` before the first event.
    on_hand_before: Option<Pieces>,
    on_hand_after: Pieces,
}

pub async fn history(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Paged { filter, page } = Paged::of(&call, |query| call.named(query, "sku"))?;
    let Stored(sku): Stored<Sku> = filter;
    let list = page.list(&app.cursors, "history of stock", &sku)?;
    let place: Option<Place> = list.place()?;
    let from = place.as_ref().map_or(1, |place| place.version);
    // Of the stock before, the page shows no more than this.
    let before = place.and_then(|Place { on_hand, .. }| {
        let counted = StockEvent::StockAdjusted { on_hand, reason: None };
        Stock::evolve(None, &counted)
    });
    let mut on_hand = before.as_ref().map_or(Pieces::NONE, |stock| stock.on_hand);

    let found = app
        .stocks
        .events_page(&Stock::aggregate_id(&sku), from, page.size())
        .await;
    let (events, next) = found.map_err(read_problem)?;
    if events.is_empty() {
        return Err(sku_not_found());
    }
    let entries = changes(
        before,
        &events,
        |stock: &Stock| stock.on_hand,
        |_, before, after| {
            let on_hand = OnHand {
                on_hand_before: before,
                on_hand_after: after,
            };
            (Nothing {}, on_hand)
        },
    );
    let entries = entries.map_err(read_problem)?;
    // Events that say only that nothing has changed have no entry.
    if let Some(last) = entries.last() {
        on_hand = last.details.figures.on_hand_after;
    }
    let next = next.map(|version| Place { version, on_hand });
    let entries = entries.into_iter().map(|entry| {
        let place = Place {
            version: entry.version + 1,
            on_hand: entry.details.figures.on_hand_after,
        };
        (place, entry)
    });
    let page = list.page(entries, next)?;
    let tag = page_tag(from, page.data.len(), page.next_cursor.is_some());
    Ok(Reply::ok(&page)?.etag(&tag).caching(Caching::Revalidated))
}
