//! Timers: what is to happen at some time, kept in a DynamoDB table under the minute in which it is due.
//!
//! A timer that is due when nobody waits any more has no effect. So it may be set before it is needed, and twice, and be fired
//! twice or late; to remove one only saves its firing.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use domain::fulfilment::Step;
use domain::order::OrderId;
use domain::time::rfc3339_micros;
use dynamodb::TableError;
use environment::{ConfigError, Environment};
use serde::{Deserialize, Serialize};

/// The Timers table: HASH `DueMinute`, RANGE `TimerKey`.
#[derive(Debug, Clone)]
pub struct Timers {
    client: Client,
    table: String,
}

/// One timer of an order's fulfilment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Timer {
    pub order_id: OrderId,
    pub step: Step,
    #[serde(with = "domain::time::timestamp")]
    pub due_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

/// Where timers that are due begin: all minutes before are through.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Progress {
    minute: DateTime<Utc>,
}

/// A timer's item.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    due_minute: String,
    timer_key: String,
    #[serde(flatten)]
    timer: Timer,
}

/// The key of the [`Progress`]: no minute sorts or looks like it.
const PROGRESS: &str = "progress";

/// A minute is through only this long after it is over: clocks differ, and a timer may still be on its way into it.
const GRACE: TimeDelta = TimeDelta::minutes(5);

/// How many timers are read at once.
const PAGE: i32 = 100;

impl Timer {
    pub fn of(order_id: OrderId, step: Step, due_at: DateTime<Utc>) -> Self {
        Self {
            order_id,
            step,
            due_at,
            correlation_id: None,
        }
    }

    /// Names the timer: the same one however often it is set.
    pub fn key(&self) -> String {
        format!(
            "{}#{}#{}",
            rfc3339_micros(self.due_at),
            self.order_id,
            self.step.as_str()
        )
    }
}

impl Timers {
    /// # Errors
    /// When `TIMERS_TABLE` is not set.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        Ok(Self {
            client,
            table: tables::TIMERS.name_in(env)?.to_owned(),
        })
    }

    /// Sets a timer, or the same one again. One that is due already is fired next.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn set(&self, timer: &Timer, now: DateTime<Utc>) -> Result<(), TableError> {
        let item = Item {
            due_minute: minute_key(timer.due_at.max(now)),
            timer_key: timer.key(),
            timer: timer.clone(),
        };
        let item = dynamodb::to_item(item)?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await?;
        Ok(())
    }

    /// The minutes in which timers may be due, the oldest first.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn open_minutes(&self, now: DateTime<Utc>) -> Result<Vec<DateTime<Utc>>, TableError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(PROGRESS, PROGRESS)))
            .consistent_read(true)
            .send()
            .await?;
        let progress = found.item.and_then(|item| serde_dynamo::from_item(item).ok());
        let first = match progress {
            Some(Progress { minute }) => minute,
            None => {
                // Early enough that this firing has something to write down.
                let recent = now - GRACE - TimeDelta::minutes(1);
                self.earliest_minute()
                    .await?
                    .map_or(recent, |minute| minute.min(recent))
            }
        };
        let mut minutes = Vec::new();
        let mut next = minute_of(first);
        while next <= now {
            minutes.push(next);
            next += TimeDelta::minutes(1);
        }
        Ok(minutes)
    }

    /// Where the first firing begins: the minute of the earliest timer there is, if there is any.
    async fn earliest_minute(&self) -> Result<Option<DateTime<Utc>>, TableError> {
        let scan = self.client.scan().table_name(&self.table);
        let scan = scan.projection_expression("DueMinute").consistent_read(true);
        let mut keys = scan.into_paginator().items().send();
        let mut earliest = None;
        while let Some(key) = keys.try_next().await? {
            let minute = key.get("DueMinute").and_then(|minute| minute.as_s().ok());
            let minute = minute.and_then(|minute| format!("{minute}:00Z").parse().ok());
            earliest = [earliest, minute].into_iter().flatten().min();
        }
        Ok(earliest)
    }

    /// Some timers of a minute that are due, the oldest first; none when there are no more.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn due(&self, minute: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<Timer>, TableError> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("DueMinute = :minute AND TimerKey <= :now")
            .expression_attribute_values(":minute", AttributeValue::S(minute_key(minute)))
            .expression_attribute_values(":now", AttributeValue::S(rfc3339_micros(now)))
            .consistent_read(true)
            .limit(PAGE)
            .send()
            .await?;
        let items = found.items.unwrap_or_default().into_iter();
        let timers = items.filter_map(|item| match serde_dynamo::from_item::<_, Item>(item) {
            Ok(item) => Some(item.timer),
            Err(error) => {
                // Nobody but this module writes here.
                tracing::error!(%error, "a timer cannot be read");
                None
            }
        });
        Ok(timers.collect())
    }

    /// Removes a timer from the minute of `minute`: it was fired, or nobody waits for it any more.
    ///
    /// # Errors
    /// What DynamoDB said; the timer will be fired again.
    pub async fn remove(&self, minute: DateTime<Utc>, timer: &Timer) -> Result<(), TableError> {
        let key = key(&minute_key(minute), &timer.key());
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key));
        delete.send().await?;
        Ok(())
    }

    /// All timers of `minutes`, which were open, were fired as of `now`.
    ///
    /// # Errors
    /// What DynamoDB said; the next firing looks at some minutes again.
    pub async fn done(&self, minutes: &[DateTime<Utc>], now: DateTime<Utc>) -> Result<(), TableError> {
        let Some((first, last)) = minutes.first().zip(minutes.last()) else {
            return Ok(());
        };
        let through = minute_of((*last + TimeDelta::minutes(1)).min(now - GRACE));
        if *first >= through {
            return Ok(());
        }
        let progress = Progress { minute: through };
        let mut item = dynamodb::to_item(progress)?;
        item.extend(key(PROGRESS, PROGRESS));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await?;
        Ok(())
    }
}

fn key(due_minute: &str, timer_key: &str) -> dynamodb::Item {
    [("DueMinute", due_minute), ("TimerKey", timer_key)]
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())))
        .into()
}

fn minute_of(at: DateTime<Utc>) -> DateTime<Utc> {
    // Fails only for times that no clock shows.
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}

/// Such as `2026-11-21T10:24`.
fn minute_key(at: DateTime<Utc>) -> String {
    let text = minute_of(at).to_rfc3339_opts(SecondsFormat::Secs, true);
    text.chars().take(16).collect()
}
