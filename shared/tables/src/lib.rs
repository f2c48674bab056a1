//! Every DynamoDB table, once: where its name stands, and what its key is. A test holds this against template.yaml.

use environment::{ConfigError, Environment};

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its name in template.yaml, and in a local DynamoDB.
    pub logical_id: &'static str,
    /// The environment variable with its name. A function that is not told of it cannot touch it.
    pub variable: &'static str,
    /// The attributes of its key: HASH, and RANGE if there is one.
    pub key: &'static [(&'static str, KeyType)],
}

/// What an attribute of a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    Text,
    Number,
}

macro_rules! tables {
    ($($table:ident = $logical_id:literal in $variable:literal: [$($attribute:ident $kind:ident),+];)*) => {
        $(pub const $table: Table = Table {
            logical_id: $logical_id,
            variable: $variable,
            key: &[$((stringify!($attribute), KeyType::$kind)),+],
        };)*

        /// All of them.
        pub const ALL: &[Table] = &[$($table),*];
    };
}

tables! {
    EVENT_STORE = "EventStore" in "EVENT_STORE_TABLE": [AggregateId Text, Version Number];
    SNAPSHOTS = "Snapshots" in "SNAPSHOTS_TABLE": [AggregateId Text];
    ORDER_SUMMARY = "OrderSummary" in "ORDER_SUMMARY_TABLE": [OrderId Text];
    CUSTOMER_ORDERS = "CustomerOrders" in "CUSTOMER_ORDERS_TABLE": [CustomerId Text, OrderKey Text];
    DAILY_ORDERS = "DailyOrders" in "DAILY_ORDERS_TABLE": [DayShard Text, Entry Text];
    ORDER_SEARCH = "OrderSearch" in "ORDER_SEARCH_TABLE": [Term Text, Posting Text];
    STOCK_LEVELS = "StockLevels" in "STOCK_LEVELS_TABLE": [Sku Text];
    PARKED_EVENTS = "ParkedEvents" in "PARKED_EVENTS_TABLE": [Projection Text, AggregateId Text];
    PROJECTION_STATUS = "ProjectionStatus" in "PROJECTION_STATUS_TABLE": [Projection Text];
    REPLAYS = "Replays" in "REPLAYS_TABLE": [ReplayId Text];
    PRODUCTS = "Products" in "PRODUCTS_TABLE": [ProductId Text];
    CUSTOMERS = "Customers" in "CUSTOMERS_TABLE": [CustomerId Text];
    TIMERS = "Timers" in "TIMERS_TABLE": [DueMinute Text, TimerKey Text];
    NOTIFICATIONS = "Notifications" in "NOTIFICATIONS_TABLE": [CustomerId Text, NotificationKey Text];
}

impl Table {
    /// Its name in `env`.
    ///
    /// # Errors
    /// When the variable is not set.
    pub fn name_in(self, env: &Environment) -> Result<&str, ConfigError> {
        env.required(self.variable)
    }
}
