//! Whether every table can be read.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use event_store::cause;
use futures::future::join_all;
use lambda_edge::{ConfigError, Environment};
use serde::Serialize;

/// The tables that must be readable.
pub struct Tables {
    client: Client,
    tables: Vec<Table>,
}

struct Table {
    /// As clients know it.
    component: &'static str,
    name: String,
    /// A key that no item has: reading it costs half a read unit and finds nothing.
    absent_key: Vec<(&'static str, AttributeValue)>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    status: State,
    components: BTreeMap<&'static str, State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Healthy,
    Unhealthy,
}

impl Tables {
    /// # Errors
    /// When the environment lacks a table's name.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        let text = || AttributeValue::S("health-check".to_owned());
        let table = |component, variable, absent_key| {
            Ok(Table {
                component,
                name: env.required(variable)?.to_owned(),
                absent_key,
            })
        };
        let number = AttributeValue::N("0".to_owned());
        Ok(Self {
            client,
            tables: vec![
                table(
                    "event_store",
                    "EVENT_STORE_TABLE",
                    vec![("AggregateId", text()), ("Version", number)],
                )?,
                table("snapshots", "SNAPSHOTS_TABLE", vec![("AggregateId", text())])?,
                table("order_summary", "ORDER_SUMMARY_TABLE", vec![("OrderId", text())])?,
                table(
                    "customer_orders",
                    "CUSTOMER_ORDERS_TABLE",
                    vec![("CustomerId", text()), ("OrderKey", text())],
                )?,
                table(
                    "daily_orders",
                    "DAILY_ORDERS_TABLE",
                    vec![("DayShard", text()), ("Entry", text())],
                )?,
                table(
                    "order_search",
                    "ORDER_SEARCH_TABLE",
                    vec![("Term", text()), ("Posting", text())],
                )?,
                table(
                    "parked_events",
                    "PARKED_EVENTS_TABLE",
                    vec![("Projection", text()), ("AggregateId", text())],
                )?,
                table("replays", "REPLAYS_TABLE", vec![("ReplayId", text())])?,
                table("products", "PRODUCTS_TABLE", vec![("ProductId", text())])?,
                table("customers", "CUSTOMERS_TABLE", vec![("CustomerId", text())])?,
                table(
                    "projection_status",
                    "PROJECTION_STATUS_TABLE",
                    vec![("Projection", text())],
                )?,
                table(
                    "timers",
                    "TIMERS_TABLE",
                    vec![("DueMinute", text()), ("TimerKey", text())],
                )?,
                table("stock_levels", "STOCK_LEVELS_TABLE", vec![("Sku", text())])?,
                table(
                    "notifications",
                    "NOTIFICATIONS_TABLE",
                    vec![("CustomerId", text()), ("NotificationKey", text())],
                )?,
            ],
        })
    }

    /// Reads every table.
    pub async fn health(&self) -> Health {
        let states = join_all(self.tables.iter().map(|table| self.state(table))).await;
        let components: BTreeMap<_, _> = self.tables.iter().map(|table| table.component).zip(states).collect();
        let all_healthy = components.values().all(|state| *state == State::Healthy);
        Health {
            status: if all_healthy { State::Healthy } else { State::Unhealthy },
            components,
        }
    }

    async fn state(&self, table: &Table) -> State {
        let read = self
            .client
            .get_item()
            .table_name(&table.name)
            .set_key(Some(
                table
                    .absent_key
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone()))
                    .collect(),
            ))
            .send()
            .await;
        match read {
            Ok(_) => State::Healthy,
            Err(error) => {
                tracing::error!(table = table.name, cause = cause(&error), "a table cannot be read");
                State::Unhealthy
            }
        }
    }
}

impl Health {
    pub fn is_healthy(&self) -> bool {
        self.status == State::Healthy
    }
}
