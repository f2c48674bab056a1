//! The Notifications table: what customers are told, by which channel, and whether they were.
//!
//! An item says that something was done, which no event tells. So no projection and no replay writes it.
//!
//! - [`Notification`]: what a customer is told of one message, by one [`Channel`], and its [`State`]
//! - [`Notifications`]: the table, written by who sends, and read by customer

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use domain::order::OrderId;
use domain::text::CustomerId;
use dynamodb::{Item, Refused, TableError, put_unless_refused};
use environment::{ConfigError, Environment};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a customer is told of one message, by one channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Notification {
    pub customer_id: CustomerId,
    /// `<time of the message>#<notification id>`.
    pub notification_key: String,
    /// Follows from message and channel.
    pub notification_id: Uuid,
    pub message_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    pub order_id: OrderId,
    pub channel: Channel,
    pub template: String,
    pub subject: String,
    #[serde(with = "domain::time::timestamp")]
    pub created_at: DateTime<Utc>,
    #[serde(flatten)]
    pub state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Email,
}

impl Channel {
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Email => "email",
        }
    }
}

/// What has become of it. All but the first are final.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "Status", rename_all = "snake_case", rename_all_fields = "PascalCase")]
pub enum State {
    /// Whoever has put this `claim_id` sends it. After `claimed_until` another may.
    Pending {
        claim_id: Uuid,
        #[serde(with = "domain::time::timestamp")]
        claimed_until: DateTime<Utc>,
    },
    Sent {
        #[serde(with = "domain::time::timestamp")]
        sent_at: DateTime<Utc>,
    },
    /// It would never be sent.
    Failed {
        /// Stable, in snake case.
        failure_code: String,
    },
    /// The customer is unknown, or has none.
    NoAddress,
    /// It was no longer true when it would have gone out.
    Outdated,
}

impl State {
    /// The name by which clients know it.
    pub fn as_str(&self) -> &'static str {
        match self {
            State::Pending { .. } => "pending",
            State::Sent { .. } => "sent",
            State::Failed { .. } => "failed",
            State::NoAddress => "no_address",
            State::Outdated => "outdated",
        }
    }
}

/// What a put led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Put {
    Written,
    /// Something else is there.
    Refused(Option<Box<Notification>>),
}

/// Some of a customer's notifications, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationPage {
    pub notifications: Vec<Notification>,
    /// The `notification_key` after which the next page begins; `None` after the last page.
    pub next: Option<String>,
}

/// The Notifications table.
#[derive(Debug, Clone)]
pub struct Notifications {
    client: Client,
    name: String,
}

impl Notifications {
    /// # Errors
    /// When `NOTIFICATIONS_TABLE` is not set.
    pub fn from_env(env: &Environment, client: Client) -> Result<Self, ConfigError> {
        let name = tables::NOTIFICATIONS.name_in(env)?.to_owned();
        Ok(Self { client, name })
    }

    /// Writes `next` in place of `seen`, if that is what is there: nothing, or a notification that is claimed as it was seen.
    ///
    /// # Errors
    /// What DynamoDB said, or [`TableError::Unreadable`] when what is there cannot be read.
    pub async fn put(&self, next: &Notification, seen: Option<&Notification>) -> Result<Put, TableError> {
        let item = dynamodb::to_item(next)?;
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item));
        let put = match seen.map(|seen| &seen.state) {
            Some(State::Pending { claim_id, .. }) => put
                .condition_expression("ClaimId = :seen")
                .expression_attribute_values(":seen", AttributeValue::S(claim_id.to_string())),
            // What is final stays.
            _ => put.condition_expression("attribute_not_exists(CustomerId)"),
        };
        let Some(Refused(there)) = put_unless_refused(put).await? else {
            return Ok(Put::Written);
        };
        match there.map(read).transpose()? {
            // An attempt of the SDK had succeeded, and its answer was lost.
            Some(there) if there == *next => Ok(Put::Written),
            there => Ok(Put::Refused(there.map(Box::new))),
        }
    }

    /// A page of a customer's notifications after `after`, by the times of their messages.
    ///
    /// # Errors
    /// What DynamoDB said, or [`TableError::Unreadable`] when an item cannot be read.
    pub async fn page(
        &self,
        customer_id: &CustomerId,
        limit: usize,
        after: Option<&str>,
    ) -> Result<NotificationPage, TableError> {
        let key = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
        let customer = key("CustomerId", customer_id.as_str());
        let start = after.map(|after| Item::from([customer.clone(), key("NotificationKey", after)]));
        let found = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("CustomerId = :customer")
            .expression_attribute_values(":customer", customer.1)
            .scan_index_forward(false)
            // One more shows whether there is a next page. Items are below 3 KB, so all of them fit into one answer.
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .send()
            .await?;
        let found = found.items.unwrap_or_default().into_iter().map(read);
        let mut notifications = found.collect::<Result<Vec<_>, _>>()?;
        let has_more = notifications.len() > limit;
        notifications.truncate(limit);
        let last = notifications.last().filter(|_| has_more);
        Ok(NotificationPage {
            next: last.map(|last| last.notification_key.clone()),
            notifications,
        })
    }
}

fn read(item: Item) -> Result<Notification, TableError> {
    dynamodb::from_item("a notification", item)
}
