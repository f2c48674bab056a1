//! What projections have parked: list, inspect, project again.

use std::sync::Arc;

use api::paging::List;
use api::{Paged, not_found, read_problem};
use domain::text::Stored;
use lambda_edge::http::{Call, Problem, Reply, StatusCode};
use operations::views::ParkedView;
use projector::Redriven;
use projector::parked::{Parked, ParkedKey, ParkedPage};
use serde::Serialize;

use crate::App;

pub async fn list(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let (list, found) = page(&app, &call).await?;
    let entries = found.entries.into_iter();
    let entries = entries.map(|entry| (entry.key(), ParkedView::from(entry)));
    Reply::ok(&list.page(entries, found.next)?)
}

pub async fn inspect(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    Reply::ok(&ParkedView::from(entry(&app, &call).await?))
}

/// Projects one parked aggregate again.
pub async fn redrive_one(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    #[derive(Serialize)]
    struct Answer {
        projection: String,
        aggregate_id: String,
        message: &'static str,
    }

    call.no_body()?;
    let entry = entry(&app, &call).await?;
    match app.parkers.redrive(&entry).await.map_err(read_problem)? {
        Redriven::Applied => Reply::ok(&Answer {
            projection: entry.projection,
            aggregate_id: entry.aggregate_id,
            message: "Projected",
        }),
        Redriven::StillFailing => Err(Problem::new(
            StatusCode::CONFLICT,
            "still_failing",
            "It still cannot be projected. The entry says why.",
        )),
    }
}

/// Projects a page of parked aggregates again; what still fails stays parked.
pub async fn redrive_page(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    #[derive(Serialize)]
    struct Answer {
        redriven: usize,
        still_failing: usize,
        /// The tables did not answer; try these again.
        unavailable: usize,
        next_cursor: Option<String>,
    }

    call.no_body()?;
    let (list, found) = page(&app, &call).await?;
    let mut answer = Answer {
        redriven: 0,
        still_failing: 0,
        unavailable: 0,
        next_cursor: list.cursor(found.next.as_ref())?,
    };
    for entry in &found.entries {
        match app.parkers.redrive(entry).await {
            Ok(Redriven::Applied) => answer.redriven += 1,
            Ok(Redriven::StillFailing) => answer.still_failing += 1,
            Err(error) => {
                tracing::warn!(aggregate_id = entry.aggregate_id, %error, "could not be redriven now");
                answer.unavailable += 1;
            }
        }
    }
    Reply::ok(&answer)
}

async fn page<'a>(app: &'a App, call: &Call) -> Result<(List<'a>, ParkedPage), Problem> {
    let Paged { page, .. } = Paged::of(call, |_| Some(()))?;
    let list = page.list(&app.cursors, "parked aggregates", &())?;
    let after: Option<ParkedKey> = list.place()?;
    let found = app.parked.page(page.size(), after).await.map_err(read_problem)?;
    Ok((list, found))
}

async fn entry(app: &App, call: &Call) -> Result<Parked, Problem> {
    let key = call.query(|query| {
        let projection = call.named::<Stored<String>>(query, "projection");
        let aggregate_id = call.named::<Stored<String>>(query, "aggregate_id");
        Some(ParkedKey {
            projection: projection?.0,
            aggregate_id: aggregate_id?.0,
        })
    })?;
    let found = app.parked.get(&key).await.map_err(read_problem)?;
    found.ok_or_else(|| not_found("not_parked", "Nothing is parked under this name."))
}
