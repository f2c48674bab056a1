//! Currencies and exact amounts.

use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// The largest price of one piece. With the limits on quantities and items it keeps every total within the 28 digits
/// that [`Decimal`] holds exactly.
pub const MAX_PRICE: Decimal = Decimal::from_parts(0xD4A5_0FFF, 0xE8, 0, false, 0); // 999,999,999,999

/// An ISO 4217 currency.
///
/// What comes in is parsed, and is one that is in use. What is stored is deserialized, and may be one that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency {
    code: Code,
    minor_digits: u32,
}

/// Three letters. By this name serde's derive does not take it for something to be borrowed from what is read.
type Code = &'static str;

/// The currencies in use, by decimal places.
///
/// ISO 4217 list one of 2026-01-01 (<https://www.six-group.com/en/products-services/financial-information/data-standards.html>),
/// less funds, metals, units of account, and codes for tests and for no currency. VED does not replace VES, says its amendment 170.
const IN_USE: [(u32, &str); 3] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK \
         DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD \
         KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP \
         PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH \
         USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
];

/// Currencies that were taken before and are no longer, by decimal places: what is stored may be in them. Nothing is ever taken out
/// of here; what goes from above comes here.
const NO_LONGER: [(u32, &str); 3] = [
    (0, "UYI"),
    (2, "ANG BGN BOV CHE CHW COU CUC HRK MXV SLL USN XAD ZWL"),
    (4, "CLF UYW"),
];

/// Not the three-letter code of a currency in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the ISO 4217 code of a currency in use, such as EUR")]
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
    pub const USD: Currency = Currency {
        code: "USD",
        minor_digits: 2,
    };

    /// How many decimal places an amount has: 2 for USD, 0 for JPY, 3 for BHD.
    pub fn minor_digits(self) -> u32 {
        self.minor_digits
    }

    fn find(code: &str, lists: &[(u32, &'static str)]) -> Result<Self, UnknownCurrency> {
        let mut currencies = lists.iter().flat_map(|(minor_digits, codes)| {
            let minor_digits = *minor_digits;
            codes
                .split_ascii_whitespace()
                .map(move |code| Self { code, minor_digits })
        });
        currencies.find(|currency| currency.code == code).ok_or(UnknownCurrency)
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
        Self::find(code, &IN_USE)
    }
}

/// Stored currencies are read for ever, also those that are in use no longer.
impl TryFrom<String> for Currency {
    type Error = UnknownCurrency;

    fn try_from(code: String) -> Result<Self, UnknownCurrency> {
        Self::find(&code, &IN_USE).or_else(|_| Self::find(&code, &NO_LONGER))
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code.to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
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

    fn stored(code: &str) -> Result<u32, serde_json::Error> {
        serde_json::from_value::<Currency>(code.into()).map(Currency::minor_digits)
    }

    #[test]
    fn codes_that_are_no_money_are_unknown() {
        for code in ["", "usd", "US", "ABC", "XAU", "XXX", "XTS", "XDR", "EUR JPY", " EUR"] {
            assert_eq!(code.parse::<Currency>(), Err(UnknownCurrency), "{code}");
            assert!(stored(code).is_err(), "{code}");
        }
    }

    #[test]
    fn what_is_no_longer_taken_is_still_read() {
        for (code, digits) in [
            ("HRK", 2),
            ("BGN", 2),
            ("ZWL", 2),
            ("USN", 2),
            ("CLF", 4),
            ("UYI", 0),
            ("XAD", 2),
        ] {
            assert_eq!(code.parse::<Currency>(), Err(UnknownCurrency), "{code}");
            assert_eq!(stored(code).unwrap(), digits, "{code}");
        }
        for (code, digits) in [("EUR", 2), ("JPY", 0), ("KWD", 3), ("XCG", 2), ("ZWG", 2), ("VES", 2)] {
            assert_eq!(code.parse::<Currency>().unwrap().minor_digits(), digits, "{code}");
            assert_eq!(stored(code).unwrap(), digits, "{code}");
        }
    }
}
