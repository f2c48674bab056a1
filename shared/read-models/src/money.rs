//! What orders come to, as reports and summaries show it.

use domain::money::Currency;
use rust_decimal::Decimal;
use serde::Serialize;

/// What orders in one currency come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Money {
    /// ISO 4217.
    pub currency: String,
    /// The sum of all orders.
    pub gross: Decimal,
    /// The sum without the cancelled ones.
    pub net: Decimal,
}

impl Money {
    /// Amounts with all decimal places of the currency.
    pub(crate) fn of(currency: &str, gross: Decimal, net: Decimal) -> Self {
        let in_full = |amount: Decimal| {
            let currency = Currency::try_from(currency.to_owned());
            currency.map_or(amount, |currency| currency.round(amount))
        };
        Self {
            currency: currency.to_owned(),
            gross: in_full(gross),
            net: in_full(net),
        }
    }
}
