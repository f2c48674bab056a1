//! Lists of orders as they are asked for over HTTP.

use api::read_problem;
use aws_sdk_dynamodb::Client;
use domain::order::OrderStatus;
use domain::text::CustomerId;
use environment::{ConfigError, Environment};
use event_store::Cost;
use futures::{StreamExt, TryStreamExt, stream};
use lambda_edge::http::{Call, Cursors, Page, PageSize, Problem, Reply};
use read_models::FreshOrders;
use read_models::day::Day;
use read_models::order_lists::{Days, ListQuery, ListedOrder, OrderLists};
use reference_data::Customers;
use serde::Deserialize;

use crate::order::{AnyOrderView, Detail, OrderRowView};
use crate::{orders, read_after};

/// How many orders of a page are read at once.
const CONCURRENT_READS: usize = 16;

/// The query parameters of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListParameters {
    pub customer_id: Option<CustomerId>,
    pub status: Option<OrderStatus>,
    pub from_date: Option<Day>,
    pub to_date: Option<Day>,
    #[serde(default)]
    pub page_size: PageSize,
    pub cursor: Option<String>,
    pub view: Option<Detail>,
}

/// What answers them.
pub struct OrderListRequests {
    lists: OrderLists,
    /// For those who have just changed one, or want them whole.
    orders: FreshOrders,
    customers: Customers,
    cursors: Cursors,
}

impl OrderListRequests {
    /// # Errors
    /// When the environment lacks the name of a table, or the key of cursors.
    pub fn from_env(env: &Environment, client: Client, orders: FreshOrders) -> Result<Self, ConfigError> {
        Ok(Self {
            lists: OrderLists::from_env(env, client.clone())?,
            customers: Customers::from_env(env, client)?,
            orders,
            cursors: Cursors::from_env(env)?,
        })
    }

    /// A page of the list, and with `X-Read-After` that order in its place.
    ///
    /// # Errors
    /// 400 when dates, cursor or header cannot be used, 404 and 409 of the header's order, and what DynamoDB said.
    pub async fn answer(&self, call: &Call, parameters: ListParameters) -> Result<Reply, Problem> {
        let ListParameters {
            customer_id,
            status,
            from_date: from,
            to_date: to,
            page_size,
            cursor,
            view,
        } = parameters;
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            return Err(Problem::parameter("to_date", "must not be before from_date"));
        }
        // Quoted, so that no customer's name can pass for other filters.
        let name = format!(
            "orders of {:?} in status {status:?} from {from:?} to {to:?}",
            customer_id.as_ref().map(CustomerId::as_str)
        );
        let after: Option<String> = match cursor {
            None => None,
            Some(cursor) => Some(self.cursors.open(&name, &cursor)?),
        };

        let fresh = read_after::order(&self.orders, call).await?;
        let query = ListQuery {
            customer_id: customer_id.as_ref(),
            status,
            created: Days { from, to },
            limit: page_size.get(),
            read_after: fresh.as_ref(),
        };
        let page = self.lists.page(&query, after.as_deref()).await.map_err(read_problem)?;
        let Cost {
            requests, read_units, ..
        } = page.cost;
        tracing::debug!(requests, read_units, "list");
        let next_cursor = match &page.next {
            None => None,
            Some(next) => Some(self.cursors.seal(&name, next)?),
        };
        let data = match view.unwrap_or(Detail::Compact) {
            Detail::Compact => {
                let rows = page.orders.into_iter().map(OrderRowView::from);
                rows.map(AnyOrderView::Compact).collect()
            }
            Detail::Full => self.whole(page.orders).await?,
        };
        let reply = Reply::ok(&Page { data, next_cursor })?;
        Ok(reply.read_source(page.source.as_str()))
    }

    /// These orders, at their versions or later ones.
    async fn whole(&self, listed: Vec<ListedOrder>) -> Result<Vec<AnyOrderView>, Problem> {
        let orders = listed.into_iter().map(|listed| async move {
            let order = self.orders.order(listed.order_id, listed.version).await;
            let order = order.map_err(read_problem)?;
            Ok(order.map(|(order, _)| order))
        });
        let orders: Vec<_> = stream::iter(orders).buffered(CONCURRENT_READS).try_collect().await?;
        let orders = orders.into_iter().flatten().collect();
        let views = orders::views(&self.customers, orders, Detail::Full).await;
        views.map_err(read_problem)
    }
}
