//! What a customer was told, newest first.

use std::sync::Arc;

use api::read_problem;
use domain::order::OrderId;
use domain::text::CustomerId;
use event_store::recorded::rfc3339_micros;
use lambda_edge::http::{Call, Page, PageSize, Problem, Reply};
use sent_letters::{Channel, Notification, State};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::App;

/// A notification as the HTTP contract shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NotificationView {
    pub notification_id: Uuid,
    pub order_id: OrderId,
    pub channel: Channel,
    pub template: String,
    pub subject: String,
    pub status: &'static str,
    pub created_at: String,
    pub sent_at: Option<String>,
}

impl From<Notification> for NotificationView {
    fn from(notification: Notification) -> Self {
        let Notification {
            notification_id,
            order_id,
            channel,
            template,
            subject,
            created_at,
            state,
            ..
        } = notification;
        Self {
            notification_id,
            order_id,
            channel,
            template,
            subject,
            status: state.as_str(),
            created_at: rfc3339_micros(created_at),
            sent_at: match state {
                State::Sent { sent_at } => Some(rfc3339_micros(sent_at)),
                State::Pending { .. } | State::Failed { .. } | State::NoAddress => None,
            },
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paging {
    #[serde(default)]
    page_size: PageSize,
    cursor: Option<String>,
}

pub async fn list(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let customer_id: CustomerId = call.path("customer_id")?;
    let Paging { page_size, cursor } = call.query()?;
    let name = format!("notifications of {:?}", customer_id.as_str());
    let after: Option<String> = cursor.map(|cursor| app.cursors.open(&name, &cursor)).transpose()?;
    let page = app.notifications.page(&customer_id, page_size.get(), after.as_deref());
    let page = page.await.map_err(read_problem)?;
    Reply::ok(&Page {
        data: page.notifications.into_iter().map(NotificationView::from).collect(),
        next_cursor: page.next.map(|next| app.cursors.seal(&name, &next)).transpose()?,
    })
}
