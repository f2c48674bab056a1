//! What a refused or failed command answers.

use api::version_mismatch;
use domain::stock::StockError;
use event_store::{TransactError, Version};
use lambda_edge::http::{Problem, StatusCode};

/// Why a command was not appended, although the store would have.
#[derive(Debug)]
pub enum Refusal {
    /// The stock is not at the version that `If-Match` names.
    VersionMismatch { expected: Version, actual: Version },
    /// The stock's rules do not allow it.
    Stock(StockError),
}

pub fn transact_problem(error: TransactError<Refusal>) -> Problem {
    let too_large =
        |bytes, limit| Problem::internal(format!("an event of a stock has {bytes} bytes, of at most {limit}"));
    api::transact_problem(error, "stock", refusal_problem, too_large)
}

fn refusal_problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::VersionMismatch { expected, actual } => version_mismatch("stock", expected, actual),
        Refusal::Stock(StockError::BelowReserved { on_hand, reserved }) => Problem::new(
            StatusCode::CONFLICT,
            "stock_reserved",
            format!("{reserved} pieces are reserved for orders; the stock cannot be {on_hand}."),
        )
        .field("on_hand", format!("must be at least {reserved}")),
        Refusal::Stock(StockError::TooMany { room }) => {
            Problem::invalid("quantity", format!("must be at most {room} with what is there already"))
        }
    }
}
