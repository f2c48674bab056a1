//! The tables of template.yaml, for one test.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use event_store::EventStore;
use lambda_edge::{Environment, Function};
use local_stack::dynamodb::{Embedded, create_tables_in, local_config};
use run::FUNCTIONS;

use super::fault_proxy::FaultProxy;
use super::{Item, SHARDS, environment, in_own_region, is_row, template};

/// template.yaml's tables in an embedded DynamoDB of the test's own, behind a proxy.
pub struct Tables {
    pub proxy: FaultProxy,
    /// Past the proxy.
    pub dynamodb: Client,
    pub config: SdkConfig,
    pub client: Client,
    _embedded: Embedded,
}

impl Tables {
    pub async fn new() -> Self {
        let embedded = Embedded::memory().await.unwrap();
        let dynamodb = embedded.client().await;
        create_tables_in(&embedded, &template()).await.unwrap();
        let proxy = FaultProxy::start(embedded.endpoint()).await;
        let config = in_own_region(&local_config(&proxy.endpoint).await, "test");
        Self {
            proxy,
            dynamodb,
            client: Client::new(&config),
            config,
            _embedded: embedded,
        }
    }

    /// The store as a function has it, through the proxy.
    pub fn store(&self) -> EventStore {
        EventStore::new(self.client.clone(), "EventStore", SHARDS)
    }

    /// A function's environment as template.yaml gives it.
    pub fn environment(&self, binary: &str) -> Environment {
        self.environment_with(binary, &[])
    }

    /// The same with some variables changed.
    pub fn environment_with(&self, binary: &str, changed: &[(&str, &str)]) -> Environment {
        environment(&template(), binary, changed)
    }

    /// A function in an environment of its own.
    pub fn function(&self, binary: &str) -> Function {
        self.function_with(binary, &[])
    }

    /// The same with some variables changed.
    pub fn function_with(&self, binary: &str, changed: &[(&str, &str)]) -> Function {
        let (_, constructor) = FUNCTIONS.iter().find(|(name, _)| *name == binary).unwrap();
        constructor(&self.environment_with(binary, changed), &self.config).unwrap()
    }

    /// The URL of the DynamoDB itself.
    pub fn endpoint(&self) -> &str {
        self._embedded.endpoint()
    }

    /// The rows of a table, without the totals and marks that stand beside them.
    pub async fn rows(&self, table: &str) -> Vec<Item> {
        let mut rows = self.items(table).await;
        rows.retain(is_row);
        rows
    }

    pub async fn items(&self, table: &str) -> Vec<Item> {
        let mut pages = self.dynamodb.scan().table_name(table).into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.unwrap());
        }
        items
    }
}
