//! The rule: a transaction pays one order. That order may claim it again, as its own event may not have been stored.

use super::command::TransactionCommand;
use super::event::TransactionEvent;
use super::state::Transaction;

/// Another order was paid with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the transaction was used for another order")]
pub struct AlreadyUsed;

/// # Errors
/// [`AlreadyUsed`].
pub(super) fn decide(
    transaction: Option<&Transaction>,
    command: TransactionCommand,
) -> Result<Vec<TransactionEvent>, AlreadyUsed> {
    let TransactionCommand::Claim { order_id } = command;
    match transaction {
        None => Ok(vec![TransactionEvent::TransactionClaimed { order_id }]),
        Some(claimed) if claimed.order_id == order_id => Ok(Vec::new()),
        Some(_) => Err(AlreadyUsed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::OrderId;
    use crate::testing::Given;

    #[test]
    fn a_transaction_pays_one_order_which_may_claim_it_again() {
        let [ours, other] = [1, 2].map(|id| OrderId(uuid::Uuid::from_u128(id)));
        let claim = |order_id| TransactionCommand::Claim { order_id };
        let claimed = || TransactionEvent::TransactionClaimed { order_id: ours };
        let given = |events| Given::<Transaction>::new(events, ());
        given(vec![]).when(claim(ours)).then([claimed()]);
        given(vec![claimed()]).when(claim(ours)).then_nothing();
        given(vec![claimed()]).when(claim(other)).then_refused(AlreadyUsed);
    }
}
