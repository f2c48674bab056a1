//! How money is taken and given back: a provider of payments behind one trait, and nothing about our events.
//!
//! | module | what it holds |
//! |---|---|
//! | [`gateway`] | the trait, what goes in and what comes out |
//! | [`sandbox`] | a provider in this process, whose payment methods decide what goes wrong |
//! | [`http`] | a provider in the shape of Stripe's PaymentIntents: time limits, retries, a circuit breaker |
//!
//! No card data comes near: a payment method is the provider's name for one.

pub mod gateway;
pub mod http;
pub mod sandbox;

use std::sync::Arc;

use lambda_edge::{ConfigError, Environment};

pub use gateway::{Authorisation, Capture, GatewayError, PaymentGateway, PaymentRequest, Refund, Voided};
pub use http::HttpGateway;
pub use sandbox::Sandbox;

/// The gateway that `PAYMENT_GATEWAY` names: `sandbox`, or the base URL of a provider, whose secret key is then
/// `PAYMENT_GATEWAY_KEY`.
///
/// # Errors
/// [`ConfigError`] when a variable is missing or unusable. It never shows the key.
pub fn from_env(env: &Environment) -> Result<Arc<dyn PaymentGateway>, ConfigError> {
    const GATEWAY: &str = "PAYMENT_GATEWAY";
    const KEY: &str = "PAYMENT_GATEWAY_KEY";

    let gateway = env.required(GATEWAY)?;
    if gateway == "sandbox" {
        return Ok(Sandbox::shared());
    }
    let key = env.required(KEY)?.parse().map_err(|_| ConfigError::Invalid {
        name: KEY,
        value: "(secret)".to_owned(),
        expected: "1 or more printable ASCII characters",
    })?;
    let http = HttpGateway::new(gateway, key, http::Limits::default()).map_err(|error| {
        tracing::error!(%error, "the payment gateway cannot be used");
        ConfigError::Invalid {
            name: GATEWAY,
            value: gateway.to_owned(),
            expected: "`sandbox` or a provider's https URL without a query or a password",
        }
    })?;
    Ok(Arc::new(http))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(variables: &[(&str, &str)]) -> Result<Arc<dyn PaymentGateway>, ConfigError> {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        from_env(&variables.collect())
    }

    fn refused(variables: &[(&str, &str)]) -> String {
        gateway(variables).err().expect("an error").to_string()
    }

    #[test]
    fn the_environment_names_the_sandbox_or_a_provider_with_its_key() {
        assert!(gateway(&[("PAYMENT_GATEWAY", "sandbox")]).is_ok());
        let url = ("PAYMENT_GATEWAY", "https://api.stripe.com");
        assert!(gateway(&[url, ("PAYMENT_GATEWAY_KEY", "sk_test_1")]).is_ok());
        assert!(refused(&[]).contains("PAYMENT_GATEWAY "));
        assert!(refused(&[url]).contains("PAYMENT_GATEWAY_KEY "));
    }

    #[test]
    fn the_key_is_never_shown_and_never_sent_in_the_clear() {
        let url = ("PAYMENT_GATEWAY", "https://api.stripe.com");
        for key in ["sk_test_\n1", "sk_test_ 1", "sk_test_ü", ""] {
            let refused = refused(&[url, ("PAYMENT_GATEWAY_KEY", key)]);
            assert!(
                refused.contains("(secret)") && !refused.contains("sk_test"),
                "{refused}"
            );
        }
        let key = ("PAYMENT_GATEWAY_KEY", "sk_test_1");
        for url in [
            "http://api.stripe.com",
            "ftp://api.stripe.com",
            "https://a:b@c",
            "stripe",
            "http://127.0.0.1.example",
        ] {
            assert!(
                refused(&[("PAYMENT_GATEWAY", url), key]).contains("PAYMENT_GATEWAY"),
                "{url}"
            );
        }
        assert!(gateway(&[("PAYMENT_GATEWAY", "http://127.0.0.1:4010"), key]).is_ok());
    }
}
