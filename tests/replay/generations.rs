//! A changed row format is rolled out by raising the projection's generation and replaying.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use read_models::customer_orders::CustomerOrderRow;
use read_models::order_summary::OrderSummaryRow;
use read_models::replay::{Observer, Plan, Purpose, Replay, Replayer, Replays, Scope, Status, Stop};
use read_models::{OrderSummaries, OrderSummaryProjection, ParkedEvents, ProjectError, Projection, Row, Rows};

use super::{Watch, number, orders, plan, put, rebuild, text, verify};
use crate::projections::{append, assert_rows_are_folds, order};
use crate::support::Tables;
use crate::support::orders::{added, submitted};

const NEXT: u32 = OrderSummaryRow::GENERATION + 1;

fn rows<R: Row>(tables: &Tables, table: &str) -> Rows<R> {
    Rows::new(Client::new(&tables.config), table)
}

/// A replayer of code whose rows hold something else.
fn next_replayer(tables: &Tables) -> Replayer {
    let environment = tables.environment("replay");
    let client = Client::new(&tables.config);
    Replayer::new(
        tables.store(),
        vec![
            Arc::new(rows::<OrderSummaryRow>(tables, "OrderSummary").with_generation(NEXT)),
            Arc::new(rows::<CustomerOrderRow>(tables, "CustomerOrders").with_generation(NEXT)),
        ],
        ParkedEvents::from_env(&environment, client.clone()).unwrap(),
        Replays::from_env(&environment, client).unwrap(),
    )
    .with_checkpoints_every(Duration::ZERO)
}

async fn run(replayer: &Replayer, plan: Plan, observer: &dyn Observer) -> Replay {
    let replay = replayer.create(plan, Status::Running).await.unwrap();
    replayer.run(replay, &Stop::default(), observer).await.unwrap()
}

async fn generations(tables: &Tables) -> Vec<u32> {
    let mut generations = Vec::new();
    for table in ["OrderSummary", "CustomerOrders"] {
        for row in tables.items(table).await {
            generations.push(row["Generation"].as_n().unwrap().parse().unwrap());
        }
    }
    generations.sort_unstable();
    generations.dedup();
    generations
}

#[tokio::test]
async fn a_replay_of_newer_code_writes_every_row_anew() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 8).await;
    rebuild(&tables).await;
    assert_eq!(generations(&tables).await, [OrderSummaryRow::GENERATION]);

    let newer = next_replayer(&tables);
    let watch = Watch::default();
    run(&newer, plan(Purpose::Verify, Scope::Everything), &watch).await;
    let found = watch.differences.into_inner().unwrap();
    assert_eq!(found.len(), 16, "all are outdated");

    run(&newer, plan(Purpose::Rebuild, Scope::Everything), &Watch::default()).await;
    assert_eq!(generations(&tables).await, [NEXT]);
    assert_rows_are_folds(&tables, &ids).await;
}

#[tokio::test]
async fn older_code_neither_overwrites_nor_passes_over_rows_of_newer_code() {
    let tables = Tables::new().await;
    let ids = orders(&tables, 3).await;
    run(
        &next_replayer(&tables),
        plan(Purpose::Rebuild, Scope::Everything),
        &Watch::default(),
    )
    .await;
    let length = tables.store().version(&ids[0]).await.unwrap();
    append(&tables, &ids[0], length, &[added("late", 1)]).await;

    // Reported as passing, so that it is delivered again until the newer code is there.
    let older = OrderSummaryProjection::new(tables.store(), rows(&tables, "OrderSummary"));
    let outcome = older.refresh(&ids[0]).await;
    assert!(matches!(outcome, Err(ProjectError::Passing(_))), "{outcome:?}");
    rebuild(&tables).await;
    assert_eq!(generations(&tables).await, [NEXT]);

    let newer = OrderSummaryProjection::new(
        tables.store(),
        rows::<OrderSummaryRow>(&tables, "OrderSummary").with_generation(NEXT),
    );
    newer.refresh(&ids[0]).await.unwrap();
    let row = rows::<OrderSummaryRow>(&tables, "OrderSummary").with_generation(NEXT);
    let row = row.order(ids[0].parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(row.version, length + 1);
}

/// The scan may be behind a row that older code has moved on meanwhile: the row must not go back.
#[tokio::test]
async fn a_row_that_older_code_has_moved_on_is_folded_again() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[added("p", 1), submitted()]).await;
    rebuild(&tables).await;
    let whole = rows::<OrderSummaryRow>(&tables, "OrderSummary");
    let newest = whole.order(id.parse().unwrap()).await.unwrap().unwrap();
    let events = tables.store().events(&id, 1, Some(1)).await.unwrap();
    let (behind, _) = OrderSummaryRow::fold(id.parse().unwrap(), None, &events);

    let next = rows::<OrderSummaryRow>(&tables, "OrderSummary").with_generation(NEXT);
    let shown = read_models::replay::ReadModel::show(&next, &behind.unwrap())
        .await
        .unwrap();
    assert_eq!(shown, read_models::replay::read_model::Shown::AtVersion(newest.version));
}

#[tokio::test]
async fn a_row_of_an_older_generation_is_not_shown_but_folded_from_the_events() {
    let tables = Tables::new().await;
    let id = order(&tables, "VINET", &[submitted()]).await;
    rebuild(&tables).await;
    let mut row = tables.items("OrderSummary").await.pop().unwrap();
    row.insert("Generation".to_owned(), number(0));
    row.insert("Status".to_owned(), text("of another format"));
    put(&tables, "OrderSummary", row).await;
    let summaries: OrderSummaries = rows(&tables, "OrderSummary");
    assert_eq!(summaries.order(id.parse().unwrap()).await.unwrap(), None);
    assert_eq!(verify(&tables).await.len(), 1);
    OrderSummaryProjection::new(tables.store(), summaries)
        .refresh(&id)
        .await
        .unwrap();
    assert_eq!(verify(&tables).await, []);
}
