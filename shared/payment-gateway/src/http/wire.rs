//! The provider's words: amounts, intents, refunds, and what it says no with.

use domain::money::Currency;
use domain::text::TransactionId;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Deserialize;

use crate::gateway::GatewayError;

/// How many decimal places the provider counts in. It differs from ISO 4217 where a currency changed after the provider had
/// begun with it. <https://docs.stripe.com/currencies>
fn digits(currency: Currency) -> u32 {
    match currency.to_string().as_str() {
        "ISK" | "UGX" => 2,
        "MGA" => 0,
        _ => currency.minor_digits(),
    }
}

/// The amount as the provider takes it: 4999 for 49.99 USD, 500 for 500 JPY.
///
/// # Errors
/// `Declined` when there is no such amount; rounding would take another amount than is due. In currencies with three decimal
/// places the last must be zero.
pub fn minor_units(amount: Decimal, currency: Currency) -> Result<u64, GatewayError> {
    let digits = digits(currency);
    let step = if digits == 3 { 10 } else { 1 };
    amount
        .checked_mul(Decimal::from(10_u32.pow(digits)))
        .filter(Decimal::is_integer)
        .and_then(|minor| minor.to_u64())
        .filter(|minor| *minor > 0 && minor % step == 0)
        .ok_or_else(amount_not_supported)
}

/// The provider's amount as we write it.
pub fn major_units(minor: u64, currency: Currency) -> Decimal {
    let amount = Decimal::from(minor) / Decimal::from(10_u32.pow(digits(currency)));
    currency.round(amount)
}

/// A payment as the provider sees it. The fields that matter here, of many.
#[derive(Debug, Deserialize)]
pub struct Intent {
    pub id: TransactionId,
    pub status: IntentStatus,
    pub amount: u64,
    #[serde(default)]
    pub amount_received: u64,
}

/// <https://docs.stripe.com/payments/paymentintents/lifecycle>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    RequiresCapture,
    Processing,
    Succeeded,
    Canceled,
    #[serde(other)]
    Other,
}

/// A refund as the provider sees it.
#[derive(Debug, Deserialize)]
pub struct RefundMade {
    pub id: TransactionId,
    pub status: RefundStatus,
    pub amount: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    Failed,
    Canceled,
    /// `succeeded`, or on its way there.
    #[serde(other)]
    Accepted,
}

/// An answer that says no.
#[derive(Debug)]
pub struct Refusal {
    status: u16,
    error: ProviderError,
}

#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    error: ProviderError,
}

/// Without its `message`, which is written for people and may tell of one.
#[derive(Debug, Default, Deserialize)]
struct ProviderError {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
    #[serde(default)]
    param: Option<String>,
}

impl Refusal {
    pub fn new(status: u16, body: &[u8]) -> Self {
        // A refusal is one, whether or not it can be read.
        let ErrorBody { error } = serde_json::from_slice(body).unwrap_or_default();
        Self { status, error }
    }

    /// Whether the payment is in another state than the request is meant for: captured or cancelled before, most likely.
    pub fn is_unexpected_state(&self) -> bool {
        self.code() == "payment_intent_unexpected_state"
    }

    /// Why a payment is refused.
    pub fn of_payment(&self) -> GatewayError {
        match (self.status, self.code(), self.param()) {
            (402, ..) => self.of_card(),
            (400 | 404, _, "payment_method") => {
                GatewayError::declined("invalid_payment_method", "the payment method cannot be used")
            }
            (400, _, "currency") => GatewayError::declined("currency_not_supported", "the currency cannot be paid in"),
            (400, "charge_expired_for_capture", _) => GatewayError::voided(),
            (400, "amount_too_small" | "amount_too_large", _) | (400, _, "amount") => amount_not_supported(),
            _ => self.of_ours(),
        }
    }

    /// Why a payment that the provider has given an id is neither captured nor let go of.
    pub fn of_known_payment(&self) -> GatewayError {
        match self.status {
            404 => unknown_payment(),
            _ => match self.of_payment() {
                GatewayError::Misconfigured(_) => self.for_good(),
                known => known,
            },
        }
    }

    /// Why a refund is refused.
    pub fn of_refund(&self) -> GatewayError {
        match (self.status, self.code(), self.param()) {
            (400, "charge_already_refunded", _) => GatewayError::already_refunded(),
            (404, ..) | (400, "resource_missing", _) => unknown_payment(),
            (400, _, "currency") => amount_not_supported(),
            (400, _, "amount") => {
                GatewayError::declined("refund_not_covered", "more would be given back than was taken")
            }
            (400 | 402, "balance_insufficient", _) => GatewayError::failed(
                "balance_insufficient",
                "the shop has too little at the provider to give back",
            ),
            _ => self.for_good(),
        }
    }

    /// What the bank says. Codes that speak of theft or fraud are nobody's business but the bank's, and others are of no use
    /// to a customer. <https://docs.stripe.com/declines/codes>
    fn of_card(&self) -> GatewayError {
        let code = self.error.decline_code.as_deref().unwrap_or(self.code());
        match code {
            "insufficient_funds" => GatewayError::declined(code, "there are not enough funds"),
            "expired_card" => GatewayError::declined(code, "the card has expired"),
            "card_not_supported" => GatewayError::declined(code, "the card cannot be used for this"),
            "currency_not_supported" => GatewayError::declined(code, "the card cannot be used in this currency"),
            "card_velocity_exceeded" | "withdrawal_count_limit_exceeded" => {
                GatewayError::declined("limit_exceeded", "the card's limit is reached")
            }
            "authentication_required" => authentication_required(),
            "processing_error" | "reenter_transaction" => {
                GatewayError::failed("processing_error", "the payment could not be processed")
            }
            "issuer_not_available" | "try_again_later" => {
                GatewayError::failed("issuer_not_available", "the bank cannot be reached")
            }
            _ => card_declined(),
        }
    }

    /// Something is wrong with us rather than with the payment. A charge waits for a deployment as long as its step may take: a
    /// wrong URL must not look like a customer's bad card.
    fn of_ours(&self) -> GatewayError {
        match self.status {
            401 | 403 => GatewayError::Misconfigured(format!("the provider refuses our key ({})", self.status)),
            status => {
                let code = plain(self.code());
                GatewayError::Misconfigured(format!("the provider answers {status}, code {code}"))
            }
        }
    }

    /// What would otherwise be asked for ever: the same request to give something back gets the same answer.
    fn for_good(&self) -> GatewayError {
        let (status, code) = (self.status, plain(self.code()));
        match status {
            400 | 402 | 404 | 410 | 422 => {
                tracing::error!(status, code, "the payment provider refuses a request");
                GatewayError::declined("request_refused", "the provider refuses the request")
            }
            _ => self.of_ours(),
        }
    }

    fn code(&self) -> &str {
        self.error.code.as_deref().unwrap_or("none")
    }

    fn param(&self) -> &str {
        self.error.param.as_deref().unwrap_or("none")
    }
}

pub fn card_declined() -> GatewayError {
    GatewayError::declined("card_declined", "the card was declined")
}

/// The customer is not there to authenticate: the order is being fulfilled without them.
pub fn authentication_required() -> GatewayError {
    GatewayError::declined("authentication_required", "the bank wants the customer to authenticate")
}

fn unknown_payment() -> GatewayError {
    GatewayError::declined("unknown_payment", "the provider does not know the payment")
}

fn amount_not_supported() -> GatewayError {
    GatewayError::declined("amount_not_supported", "the provider cannot take this amount")
}

/// A code that may be logged: what looks like one. Anything may stand in its place when the provider is not what it seems.
fn plain(code: &str) -> &str {
    let is_code = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if code.len() <= 64 && code.chars().all(is_code) {
        code
    } else {
        "unreadable"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(amount: &str, currency: &str) -> Result<u64, String> {
        let currency: Currency = currency.parse().unwrap();
        let minor = minor_units(amount.parse().unwrap(), currency);
        minor.map_err(|error| error.code().to_owned())
    }

    #[test]
    fn amounts_are_in_the_currencys_minor_unit() {
        assert_eq!(minor("49.99", "USD"), Ok(4999));
        assert_eq!(minor("49.9", "USD"), Ok(4990));
        assert_eq!(minor("500", "JPY"), Ok(500));
        assert_eq!(minor("5.120", "KWD"), Ok(5120));
        assert_eq!(minor("999999999999.00", "USD"), Ok(99_999_999_999_900));
    }

    #[test]
    fn where_the_provider_counts_unlike_iso_4217_its_count_is_taken() {
        assert_eq!(minor("5", "ISK"), Ok(500));
        assert_eq!(minor("5", "UGX"), Ok(500));
        assert_eq!(minor("5", "MGA"), Ok(5));
        assert_eq!(minor("5.20", "MGA"), Err("amount_not_supported".to_owned()));
    }

    #[test]
    fn an_amount_that_the_provider_cannot_take_exactly_is_declined() {
        for (amount, currency) in [
            ("5.124", "KWD"),
            ("0.001", "USD"),
            ("1.5", "JPY"),
            ("0", "USD"),
            ("-1", "USD"),
            ("79228162514264337593543950335", "USD"),
        ] {
            let declined = minor(amount, currency);
            assert_eq!(declined, Err("amount_not_supported".to_owned()), "{amount} {currency}");
        }
    }

    #[test]
    fn amounts_come_back_as_they_went() {
        for (amount, currency) in [
            ("49.99", "USD"),
            ("500", "JPY"),
            ("5.120", "KWD"),
            ("5", "ISK"),
            ("5.00", "MGA"),
        ] {
            let parsed: Currency = currency.parse().unwrap();
            let there = minor(amount, currency).unwrap();
            assert_eq!(major_units(there, parsed).to_string(), amount, "{currency}");
        }
    }

    fn refusal(status: u16, error: &str) -> Refusal {
        Refusal::new(status, format!(r#"{{"error": {error}}}"#).as_bytes())
    }

    #[test]
    fn what_the_bank_says_is_told_in_our_words() {
        let told = |decline_code: &str| {
            let error = format!(
                r#"{{"code": "card_declined", "decline_code": "{decline_code}", "message": "Maria's card 4242"}}"#
            );
            refusal(402, &error).of_payment()
        };
        for (said, code) in [
            ("insufficient_funds", "insufficient_funds"),
            ("authentication_required", "authentication_required"),
            ("stolen_card", "card_declined"),
            ("Maria <maria@example.com>", "card_declined"),
        ] {
            let told = told(said);
            assert!(matches!(told, GatewayError::Declined { .. }), "{told}");
            assert_eq!(told.code(), code);
            assert!(!told.to_string().contains("Maria"), "{told}");
        }
        assert!(matches!(told("try_again_later"), GatewayError::Failed { .. }));
        let expired = refusal(402, r#"{"code": "expired_card"}"#).of_payment();
        assert_eq!(expired.code(), "expired_card");
    }

    #[test]
    fn a_customers_unusable_payment_method_is_not_our_mistake() {
        let unknown = r#"{"code": "resource_missing", "param": "payment_method"}"#;
        assert_eq!(refusal(400, unknown).of_payment().code(), "invalid_payment_method");
        let small = r#"{"code": "amount_too_small", "param": "amount"}"#;
        assert_eq!(refusal(400, small).of_payment().code(), "amount_not_supported");
    }

    #[test]
    fn what_never_goes_back_is_told_from_what_may_go_back_later() {
        for (status, error, code, is_lasting) in [
            (400, r#"{"code": "charge_already_refunded"}"#, "already_refunded", true),
            (
                400,
                r#"{"code": "amount_too_large", "param": "amount"}"#,
                "refund_not_covered",
                true,
            ),
            (400, r#"{"param": "currency"}"#, "amount_not_supported", true),
            (
                404,
                r#"{"code": "resource_missing", "param": "payment_intent"}"#,
                "unknown_payment",
                true,
            ),
            (400, r#"{"code": "charge_disputed"}"#, "request_refused", true),
            (
                400,
                r#"{"code": "balance_insufficient"}"#,
                "balance_insufficient",
                false,
            ),
            (403, "{}", "gateway_misconfigured", false),
        ] {
            let refused = refusal(status, error).of_refund();
            assert_eq!(refused.code(), code);
            assert_eq!(matches!(refused, GatewayError::Declined { .. }), is_lasting, "{code}");
        }
        for (status, code) in [
            (404, "unknown_payment"),
            (400, "request_refused"),
            (401, "gateway_misconfigured"),
        ] {
            let refused = refusal(status, r#"{"code": "resource_missing"}"#).of_known_payment();
            assert_eq!(refused.code(), code);
        }
    }

    #[test]
    fn other_refusals_of_a_charge_wait_for_a_deployment_and_repeat_nothing_that_is_not_a_code() {
        for (status, error) in [
            (401, r#"{"message": "Invalid API Key: sk_test_1"}"#),
            (400, r#"{"code": "Maria <maria@example.com>"}"#),
            (404, r#"{"code": "resource_missing", "param": "intent"}"#),
            (400, r#""sk_test_1 Maria""#),
        ] {
            let ours = refusal(status, error).of_payment();
            assert_eq!(ours.code(), "gateway_misconfigured");
            let text = ours.to_string();
            assert!(!text.contains("Maria") && !text.contains("sk_test"), "{text}");
        }
    }
}
