//! Reports over all orders.

use std::sync::Arc;
use std::time::Duration;

use api::read_problem;
use aws_config::SdkConfig;
use chrono::{TimeDelta, Utc};
use dynamodb::TableError;
use lambda_edge::http::{self, Caching, Call, Field, Problem, Reply, Routes};
use lambda_edge::{ConfigError, Environment, Function};
use moka::future::Cache;
use read_models::DailyOrders;
use read_models::daily_orders::DailyReport;
use read_models::day::Day;

/// How many days are kept, and how long: what happens to their orders later is seen as late as that.
const CACHED_DAYS: u64 = 400;
const CACHED_FOR: Duration = Duration::from_secs(60);

/// How long after its end a day counts as over: until then a projection that is behind may bring orders yet.
const CLOSING_TIME: TimeDelta = TimeDelta::hours(1);

/// What the handlers need.
pub struct App {
    daily_orders: DailyOrders,
    /// Days that are over, to whose orders little happens.
    closed_days: Cache<Day, DailyReport>,
}

/// # Errors
/// When the environment lacks a variable.
pub fn function(env: &Environment, aws: &SdkConfig) -> Result<Function, ConfigError> {
    let app = App {
        daily_orders: DailyOrders::from_env(env, dynamodb::client(aws))?,
        closed_days: Cache::builder()
            .max_capacity(CACHED_DAYS)
            .time_to_live(CACHED_FOR)
            .build(),
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new().on("GET /reports/daily-orders", daily_orders)
}

async fn daily_orders(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let day: Day = call.query(|query| query.required("date", Field::text))?;
    let is_closed = app.daily_orders.ended_before(day, Utc::now() - CLOSING_TIME);
    let report = match is_closed {
        false => app.daily_orders.report(day).await.map_err(read_problem)?,
        true => app
            .closed_day(day)
            .await
            .map_err(|error| read_problem((*error).clone()))?,
    };
    let caching = if is_closed { Caching::Hour } else { Caching::Nobody };
    Ok(Reply::ok(&report)?.caching(caching))
}

impl App {
    /// Requests that come at once for the same day read it once.
    async fn closed_day(&self, day: Day) -> Result<DailyReport, Arc<TableError>> {
        let entry = self.closed_days.entry(day);
        let report = entry.or_try_insert_with(self.daily_orders.report(day)).await?;
        measures::cache_read("closed_days", !report.is_fresh());
        Ok(report.into_value())
    }
}
