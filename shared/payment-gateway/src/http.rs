//! A provider in the shape of Stripe's PaymentIntents API.
//!
//! | module | what it holds |
//! |---|---|
//! | `wire` | the provider's words: amounts, intents, refunds, refusals |
//! | `retry` | time limits, and when to ask again |
//!
//! An authorisation is an intent with `capture_method=manual`. Creating one and refunding carry an idempotency key, as
//! repeating them would have a second effect. Capturing and cancelling carry none: a repeat finds the intent captured or
//! cancelled, and the provider's present word is better than the one it remembers for a key, which may be an error of its own.
//!
//! A provider remembers a key for a limited time, Stripe for 24 hours at least. A void without an authorisation that comes
//! later does not find what was held; Stripe lets that go by itself after 7 days.
//! <https://docs.stripe.com/api/idempotent_requests>

mod retry;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use domain::money::Currency;
use domain::text::TransactionId;
use lambda_edge::tls;
use recloser::{AsyncRecloser, Error as CircuitError, Recloser};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, Url, redirect};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;

pub use retry::Limits;
use retry::{Patience, Setback};
use wire::{Intent, IntentStatus, RefundMade, RefundStatus, Refusal};

use crate::gateway::{Authorisation, Capture, GatewayError, PaymentGateway, PaymentRequest, Refund, Voided};

/// The most characters of an idempotency key. <https://docs.stripe.com/api/idempotent_requests>
const MAX_KEY_CHARS: usize = 255;

/// The provider's secret key. It is never shown.
#[derive(Clone)]
pub struct SecretKey(HeaderValue);

/// Not a key: empty, or with characters that no key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 or more printable ASCII characters")]
pub struct SecretKeyError;

impl FromStr for SecretKey {
    type Err = SecretKeyError;

    fn from_str(key: &str) -> Result<Self, SecretKeyError> {
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_graphic()) {
            return Err(SecretKeyError);
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| SecretKeyError)?;
        header.set_sensitive(true);
        Ok(Self(header))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

/// A provider behind HTTPS.
pub struct HttpGateway {
    client: Client,
    base_url: Url,
    limits: Limits,
    circuit: AsyncRecloser,
}

impl HttpGateway {
    /// A gateway to the provider at this URL: https, or http on this machine.
    ///
    /// # Errors
    /// [`GatewayError::Misconfigured`] when it is no such URL, or TLS cannot be had.
    pub fn new(base_url: &str, key: SecretKey, limits: Limits) -> Result<Self, GatewayError> {
        let misconfigured = |error: &dyn fmt::Display| GatewayError::Misconfigured(error.to_string());
        let base_url: Url = base_url.parse().map_err(|error| misconfigured(&error))?;
        let is_local = matches!(base_url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let is_secure = base_url.scheme() == "https" || (base_url.scheme() == "http" && is_local);
        let has_more = !base_url.username().is_empty()
            || base_url.password().is_some()
            || base_url.query().is_some()
            || base_url.fragment().is_some();
        if !is_secure || has_more {
            return Err(misconfigured(
                &"the provider's URL must be https, without a password or a query",
            ));
        }
        tls::install();
        let client = Client::builder()
            .connect_timeout(limits.connect)
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, key.0)]))
            .redirect(redirect::Policy::none()) // a provider has no reason to, and our key stays here
            .build()
            .map_err(|error| misconfigured(&error))?;
        let circuit = Recloser::custom()
            .error_rate(0.5)
            .closed_len(limits.circuit_requests.max(1))
            .half_open_len(1)
            .open_wait(limits.circuit_open)
            .build();
        Ok(Self {
            client,
            base_url,
            limits,
            circuit: circuit.into(),
        })
    }

    /// Asks until there is an answer, patience ends, or the circuit opens.
    async fn ask<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
        patience: &mut Patience,
    ) -> Result<Answer<T>, GatewayError> {
        loop {
            let answer = self.ask_once(request, patience.for_attempt());
            let setback = match self
                .circuit
                .call_with(|setback: &Setback| setback.is_outage, answer)
                .await
            {
                Ok(answer) => return Ok(answer),
                Err(CircuitError::Rejected) => {
                    return Err(GatewayError::Unknown(
                        "it did not answer lately, and is not asked for a while".to_owned(),
                    ));
                }
                Err(CircuitError::Inner(setback)) => setback,
            };
            let pause = patience.pause(setback.retry_after);
            tracing::warn!(
                what = request.what,
                why = setback.why,
                ?pause,
                "no answer from the payment provider"
            );
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(GatewayError::Unknown(setback.why)),
            }
        }
    }

    async fn ask_once<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
        within: Duration,
    ) -> Result<Answer<T>, Setback> {
        let mut builder = self
            .client
            .request(request.method.clone(), request.url.clone())
            .timeout(within);
        if request.method == Method::POST {
            builder = builder.form(&request.form);
        }
        if let Some(key) = &request.key {
            builder = builder.header("Idempotency-Key", key);
        }
        let response = builder.send().await.map_err(lost)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(&response);
        let is_replayed = response.headers().contains_key("Idempotent-Replayed");
        let setback = |why: String, is_outage| Setback {
            why,
            is_outage,
            retry_after,
        };
        match status {
            // A request with this key is being carried out; a dependency of the provider failed; too many requests.
            409 | 424 | 429 => Err(setback(format!("it answers {status}"), false)),
            500.. => Err(setback(format!("it answers {status}"), true)),
            200..300 => {
                let body = response.bytes().await.map_err(lost)?;
                // Without serde's words: they quote what they cannot read.
                let body =
                    serde_json::from_slice(&body).map_err(|_| setback("its answer cannot be read".to_owned(), true))?;
                Ok(Answer::Done { body, is_replayed })
            }
            _ => {
                let body = response.bytes().await.map_err(lost)?;
                Ok(Answer::Refused(Refusal::new(status, &body)))
            }
        }
    }

    /// The URL of this path. What an id holds stays within its segment.
    fn url(&self, path: &[&str]) -> Result<Url, GatewayError> {
        let mut url = self.base_url.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().push("v1").extend(path),
            Err(()) => return Err(GatewayError::Misconfigured("the provider's URL has no path".to_owned())),
        };
        Ok(url)
    }

    fn post<'a>(&self, what: &'static str, path: &[&str], form: Form<'a>) -> Result<Request<'a>, GatewayError> {
        Ok(Request {
            what,
            method: Method::POST,
            url: self.url(path)?,
            form,
            key: None,
        })
    }

    /// The intent of this payment as it is now: the one that the key made, or a new one.
    async fn intent_by_key(&self, payment: &PaymentRequest, patience: &mut Patience) -> Result<Intent, GatewayError> {
        let form = vec![
            (
                "amount",
                wire::minor_units(payment.amount, payment.currency)?.to_string(),
            ),
            ("currency", payment.currency.to_string().to_lowercase()),
            ("payment_method", payment.payment_method_id.to_string()),
            ("capture_method", "manual".to_owned()),
            ("confirm", "true".to_owned()),
            ("off_session", "true".to_owned()),
            // Nobody is there who could follow a redirect; without this, the provider insists on an address to return to.
            ("automatic_payment_methods[enabled]", "true".to_owned()),
            ("automatic_payment_methods[allow_redirects]", "never".to_owned()),
            ("metadata[order_id]", payment.order_id.clone()),
        ];
        let request = self
            .post("authorise", &["payment_intents"], form)?
            .with_key(&payment.key)?;
        match self.ask::<Intent>(&request, patience).await? {
            // A remembered answer says how it was then; meanwhile it may have been captured or cancelled.
            Answer::Done {
                body,
                is_replayed: true,
            } => self.intent(&body.id, patience).await,
            Answer::Done { body, .. } => Ok(body),
            Answer::Refused(refusal) => Err(refusal.of_payment()),
        }
    }

    /// The intent as it is now.
    async fn intent(&self, id: &TransactionId, patience: &mut Patience) -> Result<Intent, GatewayError> {
        let request = Request {
            what: "read",
            method: Method::GET,
            url: self.url(&["payment_intents", id.as_str()])?,
            form: Form::new(),
            key: None,
        };
        match self.ask(&request, patience).await? {
            Answer::Done { body, .. } => Ok(body),
            Answer::Refused(refusal) => Err(refusal.of_payment()),
        }
    }

    /// Captures or cancels an intent, and says what it is then: captured or cancelled, now or before.
    async fn settle(
        &self,
        step: &'static str,
        id: &TransactionId,
        patience: &mut Patience,
    ) -> Result<Intent, GatewayError> {
        let request = self.post(step, &["payment_intents", id.as_str(), step], Form::new())?;
        match self.ask(&request, patience).await? {
            Answer::Done { body, .. } => Ok(body),
            Answer::Refused(refusal) if refusal.is_unexpected_state() => self.intent(id, patience).await,
            Answer::Refused(refusal) => Err(refusal.of_known_payment()),
        }
    }
}

#[async_trait]
impl PaymentGateway for HttpGateway {
    async fn authorise(&self, payment: &PaymentRequest) -> Result<Authorisation, GatewayError> {
        let intent = self.intent_by_key(payment, &mut Patience::new(self.limits)).await?;
        match intent.status {
            IntentStatus::RequiresCapture | IntentStatus::Succeeded => Ok(Authorisation {
                amount: wire::major_units(intent.amount, payment.currency),
                id: intent.id,
            }),
            IntentStatus::Canceled => Err(GatewayError::voided()),
            IntentStatus::RequiresAction => Err(wire::authentication_required()),
            IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresConfirmation => Err(wire::card_declined()),
            IntentStatus::Processing | IntentStatus::Other => Err(undecided(&intent)),
        }
    }

    async fn capture(&self, payment: &PaymentRequest, authorisation: &TransactionId) -> Result<Capture, GatewayError> {
        let intent = self
            .settle("capture", authorisation, &mut Patience::new(self.limits))
            .await?;
        match intent.status {
            IntentStatus::Succeeded => Ok(captured(intent, payment.currency)),
            IntentStatus::Canceled => Err(GatewayError::voided()),
            _ => Err(undecided(&intent)),
        }
    }

    async fn void(
        &self,
        payment: &PaymentRequest,
        authorisation: Option<&TransactionId>,
    ) -> Result<Voided, GatewayError> {
        let mut patience = Patience::new(self.limits);
        let id = match authorisation {
            Some(id) => id.clone(),
            // Repeating the request finds the intent, or makes the one that a late request with this key would have made.
            None => match self.intent_by_key(payment, &mut patience).await {
                Ok(intent) => intent.id,
                // The provider's last word on this key: nothing is held.
                Err(GatewayError::Declined { .. } | GatewayError::Failed { .. }) => return Ok(Voided::Voided),
                Err(error) => return Err(error),
            },
        };
        let intent = self.settle("cancel", &id, &mut patience).await?;
        match intent.status {
            IntentStatus::Canceled => Ok(Voided::Voided),
            IntentStatus::Succeeded => Ok(Voided::AlreadyCaptured(captured(intent, payment.currency))),
            _ => Err(undecided(&intent)),
        }
    }

    async fn refund(
        &self,
        transaction: &TransactionId,
        amount: Decimal,
        currency: Currency,
        key: &str,
    ) -> Result<Refund, GatewayError> {
        let form = vec![
            ("payment_intent", transaction.to_string()),
            ("amount", wire::minor_units(amount, currency)?.to_string()),
        ];
        let request = self.post("refund", &["refunds"], form)?.with_key(key)?;
        let made: RefundMade = match self.ask(&request, &mut Patience::new(self.limits)).await? {
            Answer::Done { body, .. } => body,
            Answer::Refused(refusal) => return Err(refusal.of_refund()),
        };
        match made.status {
            RefundStatus::Accepted => Ok(Refund {
                amount: wire::major_units(made.amount, currency),
                id: made.id,
            }),
            // The same key gets the same refund: it has failed for good.
            RefundStatus::Failed | RefundStatus::Canceled => Err(GatewayError::declined(
                "refund_failed",
                "the money could not be given back",
            )),
        }
    }
}

type Form<'a> = Vec<(&'a str, String)>;

struct Request<'a> {
    /// The request's name, for the log.
    what: &'static str,
    method: Method,
    url: Url,
    form: Form<'a>,
    key: Option<HeaderValue>,
}

impl Request<'_> {
    /// # Errors
    /// [`GatewayError::Misconfigured`] when no provider would take the key.
    fn with_key(mut self, key: &str) -> Result<Self, GatewayError> {
        let is_key = (1..=MAX_KEY_CHARS).contains(&key.len()) && key.chars().all(|c| c.is_ascii_graphic());
        let header = HeaderValue::from_str(key).ok().filter(|_| is_key);
        self.key = Some(header.ok_or_else(|| {
            GatewayError::Misconfigured(format!(
                "an idempotency key has 1 to {MAX_KEY_CHARS} printable ASCII characters"
            ))
        })?);
        Ok(self)
    }
}

/// What the provider says, for certain.
enum Answer<T> {
    Done {
        body: T,
        /// Whether it is the answer to an earlier request with the same key.
        is_replayed: bool,
    },
    Refused(Refusal),
}

fn captured(intent: Intent, currency: Currency) -> Capture {
    Capture {
        amount: wire::major_units(intent.amount_received, currency),
        transaction_id: intent.id,
    }
}

fn undecided(intent: &Intent) -> GatewayError {
    GatewayError::Unknown(format!(
        "the payment is neither taken nor refused, but {:?}",
        intent.status
    ))
}

/// Without the URL, which has ids in it, but with what lies beneath: "connection refused" says more than "error".
fn lost(error: reqwest::Error) -> Setback {
    let error = error.without_url();
    let mut why = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        why = format!("{why}: {error}");
        source = error.source();
    }
    Setback {
        why,
        is_outage: true,
        retry_after: None,
    }
}

/// The header's seconds. Its other form, a date, is one that providers of payments do not use.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().ok().map(Duration::from_secs)
}
