//! The rules of a stock: no piece is promised twice, and there are never less than none.

use chrono::{DateTime, Utc};

use super::command::{Context, StockCommand};
use super::event::{ReleaseCause, StockEvent};
use super::state::{Ended, Stock};
use crate::order::OrderId;
use crate::quantity::Pieces;

/// How many expired reservations one decision releases at most: the events of an append fit into one transaction.
const MAX_EXPIRED_AT_ONCE: usize = 98;

/// Why a command was refused. Nothing has happened.
///
/// That a reservation is refused for want of pieces is no error but an event: whoever asked must hear of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StockError {
    #[error("{reserved} pieces are reserved for orders; the stock cannot be {on_hand}")]
    BelowReserved { on_hand: Pieces, reserved: Pieces },
    #[error("the stock would be more than {} pieces; {room} more is the most", Pieces::MAX)]
    TooMany { room: Pieces },
}

/// The events that `command` leads to from `stock`, which is `None` before its first event. There are none when the command
/// has had its effect already.
///
/// # Errors
/// [`StockError`] when the rules do not allow the command now.
pub(super) fn decide(
    stock: Option<&Stock>,
    command: StockCommand,
    context: &Context,
) -> Result<Vec<StockEvent>, StockError> {
    let now = context.now;
    let empty = Stock::default();
    let stock = stock.unwrap_or(&empty);
    let is_new = !stock.is_known;
    match command {
        StockCommand::Receive { quantity, reference } => {
            let room = Pieces::MOST.minus(stock.on_hand);
            if quantity > room {
                return Err(StockError::TooMany { room });
            }
            Ok(vec![StockEvent::StockReceived { quantity, reference }])
        }
        StockCommand::Set {
            on_hand,
            low_stock_threshold,
            reason,
        } => {
            let mut events = Vec::new();
            if let Some(on_hand) = on_hand.filter(|on_hand| is_new || *on_hand != stock.on_hand) {
                if on_hand < stock.reserved() {
                    events.extend(releases(stock, now, |free| free.plus(on_hand) >= stock.reserved()));
                    let reserved = stock.reserved().minus(released(&events));
                    if on_hand < reserved {
                        return Err(StockError::BelowReserved { on_hand, reserved });
                    }
                }
                events.push(StockEvent::StockAdjusted { on_hand, reason });
            }
            if let Some(threshold) = low_stock_threshold.filter(|new| is_new || *new != stock.low_stock_threshold) {
                events.push(StockEvent::LowStockThresholdSet { threshold });
            }
            Ok(events)
        }
        StockCommand::Reserve {
            order_id,
            quantity,
            expires_at,
        } => Ok(reserve(stock, order_id, quantity, expires_at, now)),
        StockCommand::Release { order_id } => Ok(match stock.end_of(order_id) {
            Some(_) => Vec::new(),
            None => vec![release(stock, order_id, ReleaseCause::Asked)],
        }),
        StockCommand::Commit { order_id, quantity } => Ok(match stock.reservations.get(&order_id) {
            Some(reservation) => vec![StockEvent::StockCommitted {
                order_id,
                quantity: reservation.quantity,
                missing: Pieces::NONE,
            }],
            None if stock.end_of(order_id) == Some(Ended::Committed) => Vec::new(),
            // It was shipped without a reservation. What others have reserved stays theirs.
            None => {
                let taken = quantity.min(stock.available());
                vec![StockEvent::StockCommitted {
                    order_id,
                    quantity: taken,
                    missing: quantity.minus(taken),
                }]
            }
        }),
    }
}

fn reserve(
    stock: &Stock,
    order_id: OrderId,
    quantity: Pieces,
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Vec<StockEvent> {
    if let Some(reservation) = stock.reservations.get(&order_id) {
        // Only from one that expires to one that lasts: a repetition that comes late does not undo that.
        return match (reservation.expires_at, expires_at) {
            (Some(_), None) => vec![StockEvent::StockReserved {
                order_id,
                quantity: reservation.quantity,
                expires_at,
            }],
            _ => Vec::new(),
        };
    }
    if stock.end_of(order_id).is_some() {
        return Vec::new();
    }
    if expires_at.is_none() {
        // There is nothing to make last. A reservation that nobody waits for any more must at least expire.
        return vec![StockEvent::StockReservationRefused {
            order_id,
            wanted: quantity,
            available: stock.available(),
            unknown_sku: !stock.is_known,
        }];
    }
    let mut events = Vec::new();
    if quantity > stock.available() {
        events = releases(stock, now, |free| free.plus(stock.available()) >= quantity);
        let available = stock.available().plus(released(&events));
        if quantity > available {
            // Nobody is helped by pieces that are too few, so what has expired stays for whoever reserved it.
            return vec![StockEvent::StockReservationRefused {
                order_id,
                wanted: quantity,
                available,
                unknown_sku: !stock.is_known,
            }];
        }
    }
    events.push(StockEvent::StockReserved {
        order_id,
        quantity,
        expires_at,
    });
    events
}

/// Releases expired reservations, the oldest first, until `is_enough` of the pieces that come free.
fn releases(stock: &Stock, now: DateTime<Utc>, is_enough: impl Fn(Pieces) -> bool) -> Vec<StockEvent> {
    let mut expired: Vec<_> = stock
        .reservations
        .iter()
        .filter(|(_, reservation)| reservation.has_expired(now))
        .collect();
    expired.sort_by_key(|(order_id, reservation)| (reservation.expires_at, **order_id));
    let mut free = Pieces::NONE;
    let mut events = Vec::new();
    for (order_id, reservation) in expired.into_iter().take(MAX_EXPIRED_AT_ONCE) {
        if is_enough(free) {
            break;
        }
        free = free.plus(reservation.quantity);
        events.push(release(stock, *order_id, ReleaseCause::Expired));
    }
    events
}

fn release(stock: &Stock, order_id: OrderId, cause: ReleaseCause) -> StockEvent {
    let reservation = stock.reservations.get(&order_id);
    StockEvent::StockReleased {
        order_id,
        quantity: reservation.map_or(Pieces::NONE, |reservation| reservation.quantity),
        cause,
    }
}

fn released(events: &[StockEvent]) -> Pieces {
    let quantities = events.iter().map(|event| match event {
        StockEvent::StockReleased { quantity, .. } => *quantity,
        _ => Pieces::NONE,
    });
    quantities.fold(Pieces::NONE, Pieces::plus)
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
