//! The JSON bodies of the requests. Unknown fields are refused: a misspelt optional field would be lost silently.

use domain::stock::{Pieces, StockCommand};
use domain::text::Reason;
use domain::text::Reference;
use lambda_edge::http::Problem;
use serde::{Deserialize, Deserializer};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StockBody {
    #[serde(default, deserialize_with = "given")]
    on_hand: Option<Pieces>,
    #[serde(default, deserialize_with = "given")]
    low_stock_threshold: Option<Pieces>,
    #[serde(default, deserialize_with = "given")]
    reason: Option<Reason>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptBody {
    quantity: Pieces,
    reference: Option<Reference>,
}

/// What may be absent, but is not `null`: that would be no number of pieces, and is not taken for one.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl TryFrom<StockBody> for StockCommand {
    type Error = Problem;

    fn try_from(body: StockBody) -> Result<Self, Problem> {
        let StockBody {
            on_hand,
            low_stock_threshold,
            reason,
        } = body;
        if on_hand.is_none() && low_stock_threshold.is_none() {
            return Err(Problem::invalid("on_hand", "is required, or low_stock_threshold"));
        }
        if on_hand.is_none() && reason.is_some() {
            return Err(Problem::invalid(
                "reason",
                "is given with on_hand: it says why that is another",
            ));
        }
        Ok(Self::Set {
            on_hand,
            low_stock_threshold,
            reason,
        })
    }
}

impl TryFrom<ReceiptBody> for StockCommand {
    type Error = Problem;

    fn try_from(body: ReceiptBody) -> Result<Self, Problem> {
        let ReceiptBody { quantity, reference } = body;
        if quantity == Pieces::NONE {
            let most = Pieces::MAX;
            return Err(Problem::invalid(
                "quantity",
                format!("must be a whole number from 1 to {most}"),
            ));
        }
        Ok(Self::Receive { quantity, reference })
    }
}
