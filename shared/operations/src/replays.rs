//! The Replays table: what a replay is to do and how far it has come, so that any process can go on with it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::Utc;
use dynamodb::{TableError, unless_refused};
use environment::{ConfigError, Environment};

use crate::progress::{Replay, Status};

/// The Replays table.
#[derive(Debug, Clone)]
pub struct Replays {
    client: Client,
    table: String,
}

impl Replays {
    /// # Errors
    /// When `REPLAYS_TABLE` is not set.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        Ok(Self {
            client,
            table: tables::REPLAYS.name_in(env)?.to_owned(),
        })
    }

    /// Writes a new replay down. One that is there already stays as it is.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn create(&self, replay: &Replay) -> Result<(), TableError> {
        self.put(replay, "attribute_not_exists(ReplayId)", None)
            .await
            .map(|_| ())
    }

    /// The replay as it is now; `None` when there is none of this id.
    ///
    /// # Errors
    /// What DynamoDB said, or [`TableError::Unreadable`] when the item cannot be read.
    pub async fn get(&self, replay_id: &str) -> Result<Option<Replay>, TableError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("ReplayId", AttributeValue::S(replay_id.to_owned()))
            .consistent_read(true)
            .send()
            .await?;
        let read = |item| dynamodb::from_item(format_args!("replay {replay_id}"), item);
        found.item.map(read).transpose()
    }

    /// Saves a checkpoint. False when the replay's run is over: another process goes on with it.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn save(&self, replay: &Replay) -> Result<bool, TableError> {
        self.put(replay, "Run = :run", Some(replay.run)).await
    }

    /// Begins the next run of a replay: in this process ([`Status::Running`]) or in the replay function
    /// ([`Status::Requested`]). `None` when another process was faster.
    ///
    /// # Errors
    /// What DynamoDB said.
    pub async fn next_run(&self, replay: Replay, status: Status) -> Result<Option<Replay>, TableError> {
        let next = Replay {
            run: replay.run + 1,
            status,
            updated_at: Utc::now(),
            ..replay
        };
        let is_ours = self.put(&next, "Run = :run", Some(next.run - 1)).await?;
        Ok(is_ours.then_some(next))
    }

    async fn put(&self, replay: &Replay, condition: &str, run: Option<u32>) -> Result<bool, TableError> {
        let item = dynamodb::to_item(replay)?;
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition);
        if let Some(run) = run {
            put = put.expression_attribute_values(":run", AttributeValue::N(run.to_string()));
        }
        unless_refused(put.send().await)
    }
}
