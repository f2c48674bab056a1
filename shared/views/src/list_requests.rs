//! Lists of orders as they are asked for over HTTP.

use api::paging::MAX_PAGE_BYTES;
use api::{Cursors, Paged, read_problem};
use aws_sdk_dynamodb::Client;
use domain::order::{OrderItem, OrderStatus};
use domain::text::CustomerId;
use dynamodb::Cost;
use environment::{ConfigError, Environment};
use futures::{StreamExt, TryStreamExt, stream};
use lambda_edge::http::{Call, Field, Fields, Problem, Reply};
use read_models::FreshOrders;
use read_models::day::Day;
use read_models::order_lists::{Days, ListQuery, ListedOrder, OrderLists};
use reference_data::Customers;
use serde::Serialize;

use crate::order::{AnyOrderView, Detail, OrderRowView};
use crate::{orders, read_after};

/// How many orders of a page are read at once.
const CONCURRENT_READS: usize = 16;

/// Which orders a list is of, and how much of each it shows.
#[derive(Debug, Serialize)]
pub struct ListFilter {
    pub customer_id: Option<CustomerId>,
    pub status: Option<OrderStatus>,
    pub from_date: Option<Day>,
    pub to_date: Option<Day>,
    /// Another view is of the same list.
    #[serde(skip_serializing)]
    pub view: Option<Detail>,
}

impl ListFilter {
    /// The parameters but that of the customer, which the path may give.
    pub fn of_customer(customer_id: Option<CustomerId>, query: &mut Fields) -> Option<Self> {
        let status = query.optional("status", |status| {
            status.one_of(&OrderStatus::ALL.map(|status| (status.as_str(), status)))
        });
        let from_date: Option<Option<Day>> = query.optional("from_date", Field::text);
        let to_date = query.optional("to_date", Field::text);
        let view = Detail::read(query);
        let (from_date, to_date) = (from_date?, to_date?);
        if from_date.zip(to_date).is_some_and(|(from, to)| to < from) {
            return query.refuse("to_date", "must not be before from_date");
        }
        Some(Self {
            customer_id,
            status: status?,
            from_date,
            to_date,
            view: view?,
        })
    }
}

/// What answers them.
pub struct OrderListRequests {
    lists: OrderLists,
    /// The orders, for those who have just changed one or want them whole.
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
    pub async fn answer(&self, call: &Call, parameters: Paged<ListFilter>) -> Result<Reply, Problem> {
        let Paged { filter, page } = parameters;
        let (from, to) = (filter.from_date, filter.to_date);
        let list = page.list(&self.cursors, "orders", &filter)?;
        let after: Option<String> = list.place()?;

        let fresh = read_after::order(&self.orders, call).await?;
        let query = ListQuery {
            customer_id: filter.customer_id.as_ref(),
            status: filter.status,
            created: Days { from, to },
            limit: page.size(),
            read_after: fresh.as_ref(),
        };
        let found = self.lists.page(&query, after.as_deref()).await.map_err(read_problem)?;
        let Cost {
            requests, read_units, ..
        } = found.cost;
        tracing::debug!(requests, read_units, "list");
        let data = match filter.view.unwrap_or(Detail::Compact) {
            Detail::Compact => {
                let rows = found.orders.into_iter();
                let rows = rows.map(|row| (row.order_key.clone(), OrderRowView::from(row)));
                rows.map(|(key, row)| (key, AnyOrderView::Compact(row))).collect()
            }
            Detail::Full => self.whole(found.orders).await?,
        };
        let reply = Reply::ok(&list.page(data, found.next)?)?;
        Ok(reply.read_source(found.source.as_str()))
    }

    /// These orders, at their versions or later ones: as many of them as one page can show, at least, each with its order key.
    async fn whole(&self, listed: Vec<ListedOrder>) -> Result<Vec<(String, AnyOrderView)>, Problem> {
        let orders = listed.into_iter().map(|listed| async move {
            let order = self.orders.order(listed.order_id, listed.version).await;
            let order = order.map_err(read_problem)?;
            Ok(order.map(|(order, _)| order))
        });
        let mut reads = stream::iter(orders).buffered(CONCURRENT_READS);
        let (mut orders, mut bytes) = (Vec::new(), 0);
        // With their names they are longer still: the page ends before the last of them.
        while bytes <= MAX_PAGE_BYTES
            && let Some(order) = reads.try_next().await?
        {
            let items = order.iter().flat_map(|order| &order.order.items);
            bytes += items.map(OrderItem::text_bytes).sum::<usize>();
            orders.extend(order);
        }
        let views = orders::views(&self.customers, orders, Detail::Full).await;
        views.map_err(read_problem)
    }
}
