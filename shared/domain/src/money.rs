//! Currencies and exact amounts.

use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// The largest price of one piece. With the limits on quantities and items it keeps every total within the 28 digits
/// that [`Decimal`] holds exactly.
pub const MAX_PRICE: Decimal = Decimal::from_parts(0xD4A5_0FFF, 0xE8, 0, false, 0); // 999,999,999,999

/// An ISO 4217 currency that has a minor unit (which leaves out metals and test codes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(iso_currency::Currency);

/// Not the three-letter code of a currency in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 4217 currency code such as USD")]
pub struct UnknownCurrency;

/// Why an amount is not acceptable. Its message completes "the field …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("must not be negative")]
    Negative,
    #[error("must not be more than {MAX_PRICE}")]
    TooLarge,
    #[error("must have at most {digits} decimal places in {currency}")]
    TooManyDecimals { currency: Currency, digits: u32 },
}

impl Currency {
    pub const USD: Currency = Currency(iso_currency::Currency::USD);

    /// How many decimal places an amount has: 2 for USD, 0 for JPY, 3 for BHD.
    pub fn minor_digits(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }

    /// The price of one piece, as [`Currency::amount`] and at most [`MAX_PRICE`].
    ///
    /// # Errors
    /// [`AmountError`] when it is negative, too large, or finer than the currency's minor unit.
    pub fn price(self, price: Decimal) -> Result<Decimal, AmountError> {
        if price > MAX_PRICE {
            return Err(AmountError::TooLarge);
        }
        self.amount(price)
    }

    /// The amount in this currency's full precision: `9.5` USD becomes `9.50`.
    ///
    /// # Errors
    /// [`AmountError`] when it is negative, or finer than the currency's minor unit.
    pub fn amount(self, amount: Decimal) -> Result<Decimal, AmountError> {
        if amount.is_sign_negative() && !amount.is_zero() {
            return Err(AmountError::Negative);
        }
        let digits = self.minor_digits();
        if amount.normalize().scale() > digits {
            return Err(AmountError::TooManyDecimals { currency: self, digits });
        }
        Ok(self.round(amount.abs()))
    }

    /// The amount rounded half-even to the minor unit, and written with all its decimal places.
    pub fn round(self, amount: Decimal) -> Decimal {
        let digits = self.minor_digits();
        let mut rounded = amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointNearestEven);
        rounded.rescale(digits);
        rounded
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        iso_currency::Currency::from_code(code)
            .filter(|currency| currency.exponent().is_some())
            .map(Self)
            .ok_or(UnknownCurrency)
    }
}

impl TryFrom<String> for Currency {
    type Error = UnknownCurrency;

    fn try_from(code: String) -> Result<Self, UnknownCurrency> {
        code.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.0.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(currency: &str, amount: &str) -> Result<String, AmountError> {
        let currency: Currency = currency.parse().unwrap();
        currency
            .amount(amount.parse().unwrap())
            .map(|amount| amount.to_string())
    }

    #[test]
    fn an_amount_is_written_with_the_currencys_decimal_places() {
        assert_eq!(amount("USD", "9.5").unwrap(), "9.50");
        assert_eq!(amount("USD", "9.500").unwrap(), "9.50");
        assert_eq!(amount("JPY", "120.0").unwrap(), "120");
        assert_eq!(amount("BHD", "0").unwrap(), "0.000");
        assert_eq!(amount("USD", "-0.00").unwrap(), "0.00");
    }

    #[test]
    fn an_amount_is_not_negative_and_not_finer_than_the_minor_unit() {
        assert_eq!(amount("USD", "-0.01"), Err(AmountError::Negative));
        assert!(matches!(
            amount("JPY", "1.5"),
            Err(AmountError::TooManyDecimals { digits: 0, .. })
        ));
    }

    #[test]
    fn a_price_is_bounded() {
        let price = |price: &str| Currency::USD.price(price.parse().unwrap());
        assert_eq!(price("999999999999").unwrap().to_string(), "999999999999.00");
        assert_eq!(price("1000000000000"), Err(AmountError::TooLarge));
        assert_eq!(price("-1"), Err(AmountError::Negative));
    }

    #[test]
    fn rounding_is_half_even() {
        let round = |amount: &str| Currency::USD.round(amount.parse().unwrap()).to_string();
        assert_eq!(
            [round("0.125"), round("0.135"), round("0.1251")],
            ["0.12", "0.14", "0.13"]
        );
    }

    #[test]
    fn codes_that_are_no_money_are_unknown() {
        for code in ["", "usd", "US", "ABC", "XAU", "XXX"] {
            assert_eq!(code.parse::<Currency>(), Err(UnknownCurrency), "{code}");
        }
    }
}
