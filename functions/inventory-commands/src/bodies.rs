//! The JSON bodies of the requests, each as the command that it asks for.

use domain::stock::{Pieces, StockCommand};
use lambda_edge::http::{Field, Fields};

pub fn set(body: &mut Fields) -> Option<StockCommand> {
    // `null` would be no number of pieces, and is not taken for one.
    let on_hand = body.given("on_hand", Field::whole);
    let low_stock_threshold = body.given("low_stock_threshold", Field::whole);
    let reason = body.given("reason", Field::text);
    let (on_hand, low_stock_threshold, reason) = (on_hand?, low_stock_threshold?, reason?);
    if on_hand.is_none() && low_stock_threshold.is_none() {
        return body.refuse("on_hand", "is required, or low_stock_threshold");
    }
    if on_hand.is_none() && reason.is_some() {
        return body.refuse("reason", "is given with on_hand: it says why that is another");
    }
    Some(StockCommand::Set {
        on_hand,
        low_stock_threshold,
        reason,
    })
}

pub fn receive(body: &mut Fields) -> Option<StockCommand> {
    let quantity = body.required("quantity", Field::whole::<Received>);
    let reference = body.optional("reference", Field::text);
    Some(StockCommand::Receive {
        quantity: quantity?.0,
        reference: reference?,
    })
}

/// What a delivery brings: something.
struct Received(Pieces);

impl TryFrom<u32> for Received {
    type Error = String;

    fn try_from(pieces: u32) -> Result<Self, String> {
        let pieces = Pieces::try_from(pieces).ok().filter(|pieces| *pieces != Pieces::NONE);
        let wrong = || format!("must be a whole number from 1 to {}", Pieces::MAX);
        pieces.map(Self).ok_or_else(wrong)
    }
}
