//! The stock as it stands after some events.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::event::StockEvent;
use crate::order::OrderId;
use crate::quantity::Pieces;

/// The number of ended orders that the stock remembers, so that a message about one that comes late or twice has no effect.
/// A reservation by a message that is later still expires.
const REMEMBERED_ORDERS: usize = 256;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stock {
    /// All there is, reserved or not.
    pub on_hand: Pieces,
    /// Whether any of it has come, or was counted. Otherwise orders have asked for a SKU that nobody sells.
    pub is_known: bool,
    /// The number of available pieces at which the stock is low.
    pub low_stock_threshold: Pieces,
    pub reservations: BTreeMap<OrderId, Reservation>,
    /// The orders that were refused, released or committed last, oldest first.
    ended: VecDeque<(OrderId, Ended)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub quantity: Pieces,
    /// The moment from which others may have the pieces; `None` for never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What became of an order's pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    Refused,
    Released,
    Committed,
}

impl Reservation {
    pub(super) fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

impl Stock {
    pub fn reserved(&self) -> Pieces {
        let reserved = self.reservations.values().map(|reservation| reservation.quantity);
        reserved.fold(Pieces::NONE, Pieces::plus)
    }

    /// What the next order can have.
    pub fn available(&self) -> Pieces {
        self.on_hand.minus(self.reserved())
    }

    pub fn is_low(&self) -> bool {
        self.available() <= self.low_stock_threshold
    }

    /// What became of the order's pieces, as far as that is remembered.
    pub fn end_of(&self, order_id: OrderId) -> Option<Ended> {
        let end = self.ended.iter().find(|(ended, _)| *ended == order_id);
        end.map(|(_, how)| *how)
    }

    fn end(&mut self, order_id: OrderId, how: Ended) {
        self.reservations.remove(&order_id);
        self.ended.retain(|(ended, _)| *ended != order_id);
        self.ended.push_back((order_id, how));
        if self.ended.len() > REMEMBERED_ORDERS {
            // Refusals go first: of a SKU that is sold out there are many, and they have taken nothing.
            let refused = self.ended.iter().position(|(_, how)| *how == Ended::Refused);
            self.ended.remove(refused.unwrap_or(0));
        }
    }

    /// Any event may be the first: a SKU that never came in has an empty stock.
    pub(super) fn after(mut self, event: &StockEvent) -> Self {
        self.is_known |= matches!(
            event,
            StockEvent::StockReceived { .. }
                | StockEvent::StockAdjusted { .. }
                | StockEvent::LowStockThresholdSet { .. }
        );
        match *event {
            StockEvent::StockReceived { quantity, .. } => self.on_hand = self.on_hand.plus(quantity),
            StockEvent::StockAdjusted { on_hand, .. } => self.on_hand = on_hand,
            StockEvent::LowStockThresholdSet { threshold } => self.low_stock_threshold = threshold,
            StockEvent::StockReserved {
                order_id,
                quantity,
                expires_at,
            } => {
                self.reservations.insert(order_id, Reservation { quantity, expires_at });
            }
            StockEvent::StockReservationRefused { order_id, .. } => self.end(order_id, Ended::Refused),
            StockEvent::StockReleased { order_id, .. } => self.end(order_id, Ended::Released),
            StockEvent::StockCommitted { order_id, quantity, .. } => {
                self.on_hand = self.on_hand.minus(quantity);
                self.end(order_id, Ended::Committed);
            }
        }
        self
    }
}
