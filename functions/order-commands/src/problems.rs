//! What a refused or failed command answers.

use api::not_found;
use domain::order::{OrderError, OrderStatus};
use event_store::TransactError;
use lambda_edge::http::{Problem, StatusCode};

pub fn transact_problem(error: TransactError<OrderError>) -> Problem {
    let event_too_large = |bytes, limit| {
        too_large(format!(
            "The order's event would be {bytes} bytes; at most {limit} can be stored."
        ))
    };
    api::transact_problem(error, "order", refusal_problem, event_too_large)
}

fn refusal_problem(error: OrderError) -> Problem {
    let detail = match &error {
        OrderError::InvalidTransition { status, .. } => format!("The order is {status}. {}", possible(*status)),
        error => sentence(error),
    };
    match error {
        OrderError::NotFound => not_found("order_not_found", detail),
        OrderError::AlreadyExists => Problem::new(StatusCode::CONFLICT, "order_already_exists", detail),
        OrderError::InvalidTransition { .. } | OrderError::NoItems { .. } => {
            Problem::new(StatusCode::CONFLICT, "invalid_transition", detail)
        }
        OrderError::PaymentInProgress { .. } => Problem::new(StatusCode::CONFLICT, "payment_in_progress", detail),
        OrderError::GivenUp => Problem::new(StatusCode::CONFLICT, "order_given_up", detail),
        OrderError::ItemNotFound { .. } => not_found("item_not_found", detail),
        OrderError::SeveralLines { .. } => Problem::new(StatusCode::CONFLICT, "several_lines", detail),
        OrderError::ConflictingName { field, .. } => {
            unprocessable("conflicting_name", detail).field(field, "differs from the name in the order")
        }
        OrderError::ConflictingPrice { field, .. } => {
            unprocessable("conflicting_price", detail).field(field, "differs from the price in the order")
        }
        OrderError::CustomerRetired => {
            unprocessable("customer_retired", detail).field("customer_id", "is retired, and gets no new orders")
        }
        OrderError::ProductRetired { field, .. } => {
            unprocessable("product_retired", detail).field(field, "is retired, and comes into no new line")
        }
        OrderError::UnknownProduct { field, .. } => unprocessable("unknown_product", detail)
            .field(field, "is not in the catalogue, and the item has no unit_price"),
        OrderError::CurrencyMismatch {
            field,
            catalogue,
            order,
            ..
        } => unprocessable("currency_mismatch", detail).field(
            field,
            format!("is required in {order}: the catalogue has the price in {catalogue}"),
        ),
        OrderError::AmountMismatch { due, .. } => {
            unprocessable("amount_mismatch", detail).field("amount", format!("must be {due}"))
        }
        OrderError::InvalidField { field, reason } => Problem::invalid(field, reason),
        // Decided by the first.
        OrderError::Several { first, others } => {
            let others = others.into_iter().flat_map(|error| refusal_problem(error).fields);
            refusal_problem(*first).fields(others)
        }
        OrderError::TooLarge { .. } => too_large(detail),
    }
}

pub fn transaction_already_used() -> Problem {
    let detail = "Another order was paid with this transaction.";
    Problem::new(StatusCode::CONFLICT, "transaction_already_used", detail)
}

/// What may be asked of an order in that status, by the names of the routes.
fn possible(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Created => "What is possible now: items, shipping-address, reference, submit, confirm, cancel.",
        OrderStatus::Submitted => "What is possible now: shipping-address, reference, confirm, cancel.",
        OrderStatus::Confirmed => "What is possible now: shipping-address, reference, payment, ship, cancel.",
        OrderStatus::Paid => "What is possible now: shipping-address, reference, ship, cancel.",
        OrderStatus::Shipped => "What is possible now: deliver.",
        OrderStatus::Delivered | OrderStatus::Cancelled => "It cannot be changed any more.",
    }
}

fn unprocessable(code: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
}

fn too_large(detail: String) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "order_too_large", detail)
}

/// The error as a sentence for people.
fn sentence(error: &OrderError) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), chars.as_str()),
        None => text,
    }
}
