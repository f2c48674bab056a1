//! Whether every table can be read.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use dynamodb::cause;
use futures::future::join_all;
use lambda_edge::{ConfigError, Environment};
use serde::Serialize;
use tables::{KeyType, Table};

/// The tables that must be readable: all there are.
pub struct Tables {
    client: Client,
    tables: Vec<(Table, String)>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    status: State,
    components: BTreeMap<String, State>,
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
        let named = |table: &Table| Ok((*table, table.name_in(env)?.to_owned()));
        let tables = tables::ALL.iter().map(named).collect::<Result<_, _>>()?;
        Ok(Self { client, tables })
    }

    /// Reads every table.
    pub async fn health(&self) -> Health {
        let states = join_all(self.tables.iter().map(|(table, name)| self.state(*table, name))).await;
        let components = self.tables.iter().map(|(table, _)| component(*table));
        let components: BTreeMap<_, _> = components.zip(states).collect();
        let all_healthy = components.values().all(|state| *state == State::Healthy);
        Health {
            status: if all_healthy { State::Healthy } else { State::Unhealthy },
            components,
        }
    }

    /// Reads a key that no item has: that costs half a read unit and finds nothing.
    async fn state(&self, table: Table, name: &str) -> State {
        let absent = table.key.iter().map(|(attribute, kind)| {
            let value = match kind {
                KeyType::Text => AttributeValue::S("health-check".to_owned()),
                KeyType::Number => AttributeValue::N("0".to_owned()),
            };
            ((*attribute).to_owned(), value)
        });
        let get = self.client.get_item().table_name(name);
        let read = get.set_key(Some(absent.collect())).send().await;
        match read {
            Ok(_) => State::Healthy,
            Err(error) => {
                tracing::error!(table = name, cause = cause(&error), "a table cannot be read");
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

/// A table as clients know it, such as `event_store`.
fn component(table: Table) -> String {
    table.variable.trim_end_matches("_TABLE").to_lowercase()
}
