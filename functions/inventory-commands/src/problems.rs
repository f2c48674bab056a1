//! What a refused or failed command answers.

use domain::stock::StockError;
use event_store::TransactError;
use lambda_edge::http::{Problem, StatusCode};

pub fn transact_problem(error: TransactError<StockError>) -> Problem {
    let too_large =
        |bytes, limit| Problem::internal(format!("an event of a stock has {bytes} bytes, of at most {limit}"));
    api::transact_problem(error, "stock", refusal_problem, too_large)
}

fn refusal_problem(refusal: StockError) -> Problem {
    match refusal {
        StockError::BelowReserved { on_hand, reserved } => Problem::new(
            StatusCode::CONFLICT,
            "stock_reserved",
            format!("{reserved} pieces are reserved for orders; the stock cannot be {on_hand}."),
        )
        .field("on_hand", format!("must be at least {reserved}")),
        StockError::TooMany { room } => {
            Problem::invalid("quantity", format!("must be at most {room} with what is there already"))
        }
    }
}
