//! Another time zone for daily reports: until what is told by days is written again, nothing is mixed; afterwards nothing is
//! left of the zone of before.

use chrono::{Timelike, Utc};
use lambda_runtime::Context;
use operations::{Observer, Plan, Purpose, Replayer, Scope, Status, Stop};
use read_models::day::{REPORT_TIME_ZONE, Zone};
use serde_json::{Value, json};

use super::Watch;
use crate::projections::{append, deliver, deliver_everything, order, stream_records};
use crate::support::Tables;
use crate::support::orders::added;
use crate::support::samples::request;

/// The report of a day, as a stack with this time zone has it.
async fn report(tables: &Tables, zone: &str, day: &str) -> Value {
    let function = tables.function_with("report-queries", &[("REPORT_TIME_ZONE", zone)]);
    let event = request("report-queries", "get-daily-orders", &format!("date={day}"));
    let answer = function.invoke(event, Context::default()).await.unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

async fn replay(tables: &Tables, zone: &str, purpose: Purpose) -> Watch {
    let environment = tables.environment_with("replay", &[("REPORT_TIME_ZONE", zone)]);
    let replayer = Replayer::from_env(&environment, tables.client.clone()).unwrap();
    let plan = Plan::new(purpose, Scope::Everything, &["daily-orders"]);
    let begun = replayer.create(plan, Status::Running).await.unwrap();
    let watch = Watch::default();
    let observer: &dyn Observer = &watch;
    let done = replayer.run(begun, &Stop::default(), observer).await.unwrap();
    assert_eq!(done.status, Status::Done);
    watch
}

#[tokio::test]
async fn a_stack_gets_over_another_time_zone_by_a_replay() {
    let tables = Tables::new().await;
    // Where it is another day than in UTC.
    let now = Utc::now();
    let name = if now.hour() >= 10 {
        "Pacific/Kiritimati"
    } else {
        "Pacific/Pago_Pago"
    };
    let there = name.parse::<Zone>().unwrap().day_of(now).to_string();
    let utc = Zone::UTC.day_of(now).to_string();
    assert_ne!(there, utc);

    // As the template has it without a word: as it was before there was a choice.
    let first = order(&tables, "VINET", &[added("p", 2)]).await;
    order(&tables, "HANAR", &[added("p", 1)]).await;
    deliver_everything(&tables).await;
    let told = report(&tables, "UTC", &utc).await;
    assert_eq!((&told["total_orders"], &told["time_zone"]), (&json!(2), &json!("UTC")));
    assert!(
        tables.rows("DailyOrders").await[0]["DayShard"]
            .as_s()
            .unwrap()
            .starts_with(&utc)
    );

    // Another zone is set. What happens now is counted there, and nothing twice.
    let total = async |zone: &str, day: &str| report(&tables, zone, day).await["total_orders"].clone();
    assert_eq!(total(name, &there).await, 0);
    append(&tables, &first, 2, &[added("q", 1)]).await;
    let events = stream_records(&tables, "EventStore").await;
    deliver(&tables, "order-summary-projection", &events).await;
    let projection = tables.function_with("order-index-projection", &[("REPORT_TIME_ZONE", name)]);
    let changes = stream_records(&tables, "OrderSummary").await;
    let newest = json!({ "Records": changes.last().map(std::slice::from_ref) });
    let answer = projection.invoke(newest, Context::default()).await.unwrap();
    assert_eq!(answer["batchItemFailures"], json!([]));
    assert_eq!(
        (total(name, &there).await, total(name, &utc).await),
        (json!(1), json!(0))
    );
    assert_eq!(total("UTC", &utc).await, 2);

    replay(&tables, name, Purpose::Rebuild).await;
    let told = report(&tables, name, &there).await;
    assert_eq!(
        (&told["total_orders"], &told["unique_customers"], &told["time_zone"]),
        (&json!(2), &json!(2), &json!(name))
    );
    assert_eq!(total("UTC", &utc).await, 0);
    assert!(
        replay(&tables, name, Purpose::Verify)
            .await
            .differences
            .lock()
            .unwrap()
            .is_empty()
    );
    assert_eq!(tables.rows("DailyOrders").await.len(), 2);

    // And back.
    assert_ne!(
        replay(&tables, "UTC", Purpose::Verify)
            .await
            .differences
            .lock()
            .unwrap()
            .len(),
        0
    );
    replay(&tables, "UTC", Purpose::Rebuild).await;
    assert_eq!(
        (total("UTC", &utc).await, total(name, &there).await),
        (json!(2), json!(0))
    );
}

#[test]
fn functions_that_read_or_write_daily_orders_know_the_time_zone() {
    for function in crate::support::template().functions {
        let has = |name: &str| function.environment.contains_key(name);
        // order-queries only looks whether the table is there.
        assert_eq!(
            has("REPORT_TIME_ZONE"),
            has("DAILY_ORDERS_TABLE") && function.binary != "order-queries",
            "{}",
            function.binary
        );
        if let Some(zone) = function.environment.get(REPORT_TIME_ZONE.name) {
            assert_eq!(zone, REPORT_TIME_ZONE.default);
        }
    }
}
