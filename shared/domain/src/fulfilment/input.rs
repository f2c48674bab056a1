//! What the process can be told, and what it needs to make something of it.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use strum::AsRefStr;

use super::event::{OrderNews, PaymentNews, Start, Step, StockNews};
use crate::text::{Reason, Sku};

#[derive(Debug, Clone, PartialEq, AsRefStr)]
pub enum Input {
    OrderSubmitted(Start),
    Order(OrderNews),
    Stock {
        sku: Sku,
        /// The stock's version at that time.
        version: u64,
        news: StockNews,
    },
    Payment {
        /// The payment's version at that time.
        version: u64,
        news: PaymentNews,
    },
    /// The answer to a step is due.
    TimerDue {
        step: Step,
        due_at: DateTime<Utc>,
    },
    /// An operator has seen to what needed attention.
    Settle {
        reason: Reason,
    },
}

/// Why the process refuses what an operator says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FulfilmentError {
    #[error("there is no fulfilment of such an order")]
    NotFound,
    #[error("nothing of the fulfilment needs attention")]
    NothingToSettle,
}

/// What a decision needs from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    pub now: DateTime<Utc>,
    pub timeouts: Timeouts,
    /// How many payment methods may be tried, one after the other.
    pub payment_attempts: PaymentAttempts,
    /// Whether orders are fulfilled that are submitted from now on. Those that have begun go on in any case.
    pub is_on: bool,
}

/// How many payment methods a customer may try, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentAttempts(u32);

/// A number of payment methods that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to {}", PaymentAttempts::MAX)]
pub struct PaymentAttemptsError;

impl PaymentAttempts {
    pub const MAX: u32 = 10;

    pub fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for PaymentAttempts {
    type Err = PaymentAttemptsError;

    fn from_str(text: &str) -> Result<Self, PaymentAttemptsError> {
        let attempts = text.parse().ok();
        let attempts = attempts.filter(|attempts| (1..=Self::MAX).contains(attempts));
        attempts.map(Self).ok_or(PaymentAttemptsError)
    }
}

/// How long the process waits for the answer to each step.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeouts(Vec<(Step, TimeDelta)>);

/// A list of timeouts that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a list such as `reserve_stock:60,take_payment:120`, in seconds from 1")]
pub struct TimeoutsError;

/// The time-out of a step that the list does not name, which this system itself does at once.
const DEFAULT_SECONDS: i64 = 300;

/// Before what was reserved expires, all that may come before the reservation is made to last.
const BEFORE_HOLD: [Step; 4] = [
    Step::ReserveStock,
    Step::ChoosePayment,
    Step::TakePayment,
    Step::HoldStock,
];

/// How often a payment with one method is tried, while another attempt may succeed.
pub const MAX_PAYMENT_ATTEMPTS: u32 = 3;

impl Timeouts {
    pub fn of(&self, step: Step) -> TimeDelta {
        let listed = self.0.iter().find(|(listed, _)| *listed == step);
        listed.map_or(TimeDelta::seconds(DEFAULT_SECONDS), |(_, timeout)| *timeout)
    }

    /// How long a reservation is good for: as long as all steps up to its confirmation may take.
    pub fn reservation(&self, methods: PaymentAttempts) -> TimeDelta {
        BEFORE_HOLD
            .into_iter()
            .map(|step| match step {
                Step::ChoosePayment => self.of(step) * methods.get() as i32,
                Step::TakePayment => self.of(step) * (methods.get() * MAX_PAYMENT_ATTEMPTS) as i32,
                _ => self.of(step),
            })
            .sum()
    }
}

impl FromStr for Timeouts {
    type Err = TimeoutsError;

    fn from_str(text: &str) -> Result<Self, TimeoutsError> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let timeout = |entry: &str| {
            let (step, seconds) = entry.split_once(':')?;
            let step: StrDeserializer<'_, ValueError> = step.into_deserializer();
            let seconds: i64 = seconds.parse().ok()?;
            let timeout = TimeDelta::try_seconds(seconds).filter(|_| (1..=31_536_000).contains(&seconds))?;
            Some((Step::deserialize(step).ok()?, timeout))
        };
        entries
            .map(|entry| timeout(entry).ok_or(TimeoutsError))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}
