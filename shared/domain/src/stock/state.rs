//! The stock as it stands after some events.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::event::{EVENT_TYPES, StockEvent};
use crate::aggregate::{Aggregate, Upcaster, fnv1a};
use crate::order::OrderId;
use crate::order::state::WholeNumber;

/// Of how many orders that have ended here the stock remembers it, so that a message that comes late or twice has no
/// effect. A reservation by a message that is later still expires.
const REMEMBERED_ORDERS: usize = 256;

/// How many pieces: 0 to 1,000,000,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "WholeNumber", into = "u32")]
pub struct Pieces(u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0 to {}", Pieces::MAX)]
pub struct PiecesError;

impl Pieces {
    pub const MAX: u32 = 1_000_000_000;
    pub const NONE: Pieces = Pieces(0);
    pub const MOST: Pieces = Pieces(Self::MAX);

    pub fn get(self) -> u32 {
        self.0
    }

    /// The sum, at most [`Pieces::MAX`]: `decide` checks that before it happens.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0).min(Self::MAX))
    }

    /// The difference, at least none.
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl TryFrom<u32> for Pieces {
    type Error = PiecesError;

    fn try_from(pieces: u32) -> Result<Self, PiecesError> {
        if pieces <= Self::MAX {
            Ok(Self(pieces))
        } else {
            Err(PiecesError)
        }
    }
}

impl TryFrom<WholeNumber> for Pieces {
    type Error = PiecesError;

    fn try_from(number: WholeNumber) -> Result<Self, PiecesError> {
        match number {
            WholeNumber::Fits(pieces) => pieces.try_into(),
            // What is too large stays so.
            WholeNumber::Written(pieces) if pieces >= 0.0 && pieces.fract() == 0.0 => (pieces as u32).try_into(),
            WholeNumber::Written(_) | WholeNumber::Other(_) => Err(PiecesError),
        }
    }
}

impl From<Pieces> for u32 {
    fn from(pieces: Pieces) -> u32 {
        pieces.0
    }
}

impl fmt::Display for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stock {
    /// All there is, reserved or not.
    pub on_hand: Pieces,
    /// With this many available or fewer, the stock is low.
    pub low_stock_threshold: Pieces,
    pub reservations: BTreeMap<OrderId, Reservation>,
    /// The orders that were refused, released or committed last, oldest first.
    ended: VecDeque<(OrderId, Ended)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub quantity: Pieces,
    /// From when others may have the pieces; `None` for never.
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

    fn apply(&mut self, event: &StockEvent) {
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
    }
}

impl Aggregate for Stock {
    const TYPE: &'static str = "Stock";
    const EVENT_TYPES: &'static [&'static str] = &EVENT_TYPES;
    const UPCASTERS: &'static [(&'static str, &'static [Upcaster])] = &[];
    const FINGERPRINT: u64 = fnv1a(&[
        include_bytes!("event.rs"),
        include_bytes!("state.rs"),
        include_bytes!("../order/id.rs"),
        include_bytes!("../order/state.rs"),
        include_bytes!("../text.rs"),
    ]);
    type Event = StockEvent;

    /// Any event may be the first: a SKU of which nothing has ever come has an empty stock.
    fn evolve(state: Option<Stock>, event: &StockEvent) -> Option<Stock> {
        let mut stock = state.unwrap_or_default();
        stock.apply(event);
        Some(stock)
    }
}
