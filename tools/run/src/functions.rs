//! The functions that this build contains.

use lambda_edge::Constructor;

/// Each function under the name of its binary. They must be those of template.yaml, no more and no less.
pub const FUNCTIONS: &[(&str, Constructor)] = &[
    ("order-commands", order_commands::function),
    ("order-queries", order_queries::function),
    ("customer-queries", customer_queries::function),
    ("report-queries", report_queries::function),
    ("admin", admin::function),
    ("replay", replay::function),
    ("order-summary-projection", projections::order_summary::function),
    ("customer-orders-projection", projections::customer_orders::function),
    ("order-index-projection", projections::order_index::function),
    ("catalogue", catalogue::function),
    ("customer-commands", customer_commands::function),
    ("docs", docs::function),
    ("notifications", notifications::function),
    ("event-relay", event_relay::function),
    ("fulfilment", fulfilment::function),
    ("fire-timers", fire_timers::function),
    ("payment-commands", payment_commands::function),
    ("inventory-commands", inventory_commands::function),
    ("inventory-queries", inventory_queries::function),
    ("stock-levels-projection", projections::stock_levels::function),
];
