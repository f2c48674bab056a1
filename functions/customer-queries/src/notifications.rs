//! What a customer was told, newest first.

use std::sync::Arc;

use api::{Paged, read_problem};
use domain::order::OrderId;
use domain::text::{CustomerId, Stored};
use domain::time::rfc3339_micros;
use lambda_edge::http::{Call, Problem, Reply};
use sent_letters::{Channel, Notification, State};
use serde::Serialize;
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
                State::Pending { .. } | State::Failed { .. } | State::NoAddress | State::Outdated => None,
            },
        }
    }
}

pub async fn list(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Paged { page, filter } = Paged::of(&call, |query| call.named(query, "customer_id"))?;
    let Stored(customer_id): Stored<CustomerId> = filter;
    let list = page.list(&app.cursors, "notifications", &customer_id)?;
    let after: Option<String> = list.place()?;
    let found = app.notifications.page(&customer_id, page.size(), after.as_deref());
    let found = found.await.map_err(read_problem)?;
    let views = found.notifications.into_iter();
    let views = views.map(|one| (one.notification_key.clone(), NotificationView::from(one)));
    Reply::ok(&list.page(views, found.next)?)
}
