//! The gateway against a provider on this machine, which remembers keys, loses answers, and notes what it is asked.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap as Headers, Method as Verb, Response as Reply, Uri};

use super::*;

const KEY: &str = "sk_test_secret";
const SECOND: Duration = Duration::from_secs(1);

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    /// It is carried out, and never answered.
    Silence,
    /// It never arrives: this is answered instead, with this header.
    Instead(u16, Option<(&'static str, &'static str)>),
    /// It is carried out, and the answer is no JSON.
    Garbage,
}

use Trouble::{Garbage, Instead, Silence};

#[derive(Debug, Clone)]
struct Seen {
    request: String,
    authorization: String,
    key: Option<String>,
    content_type: Option<String>,
    form: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Provider {
    seen: Vec<Seen>,
    /// What befalls the next requests, in order; the last befalls all that follow.
    troubles: VecDeque<Trouble>,
    always: Option<Trouble>,
    remembered: HashMap<String, (u16, String)>,
    intents: Vec<FakeIntent>,
    refunds: Vec<u64>,
    /// What a new intent is, or why there is none.
    new_intents: Option<&'static str>,
    refusal: Option<(u16, &'static str)>,
}

#[derive(Debug, Clone)]
struct FakeIntent {
    amount: u64,
    status: &'static str,
}

impl FakeIntent {
    fn body(&self, id: usize) -> String {
        let received = if self.status == "succeeded" { self.amount } else { 0 };
        let Self { amount, status } = self;
        format!(
            r#"{{"id": "pi_{id}", "object": "payment_intent", "amount": {amount}, "status": "{status}", "amount_received": {received}}}"#
        )
    }
}

impl Provider {
    fn answer(&mut self, path: &str, form: &BTreeMap<String, String>) -> (u16, String) {
        let segments: Vec<_> = path.trim_start_matches("/v1/").split('/').collect();
        let amount = || form["amount"].parse().unwrap();
        if let Some((status, error)) = self.refusal {
            return (status, format!(r#"{{"error": {error}}}"#));
        }
        match segments[..] {
            ["payment_intents"] => {
                let intent = FakeIntent {
                    amount: amount(),
                    status: self.new_intents.unwrap_or("requires_capture"),
                };
                self.intents.push(intent.clone());
                (200, intent.body(self.intents.len() - 1))
            }
            ["payment_intents", id, ref step @ ..] => {
                let id = id.trim_start_matches("pi_").parse().unwrap_or(usize::MAX);
                let Some(intent) = self.intents.get_mut(id) else {
                    return (
                        404,
                        r#"{"error": {"code": "resource_missing", "param": "intent"}}"#.to_owned(),
                    );
                };
                match (step, intent.status) {
                    ([], _) => {}
                    (["capture"], "requires_capture") => intent.status = "succeeded",
                    (["cancel"], status) if !["succeeded", "canceled"].contains(&status) => intent.status = "canceled",
                    _ => {
                        let error = r#"{"error": {"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}}"#;
                        return (400, error.to_owned());
                    }
                }
                (200, intent.body(id))
            }
            ["refunds"] => {
                self.refunds.push(amount());
                let id = self.refunds.len();
                (
                    200,
                    format!(r#"{{"id": "re_{id}", "amount": {}, "status": "pending"}}"#, amount()),
                )
            }
            _ => (404, r#"{"error": {"code": "resource_missing"}}"#.to_owned()),
        }
    }
}

async fn serve(
    State(provider): State<Arc<Mutex<Provider>>>,
    verb: Verb,
    uri: Uri,
    headers: Headers,
    body: String,
) -> Reply<Body> {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let form: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let key = header("idempotency-key");
    let (trouble, answer) = {
        let mut provider = provider.lock().unwrap();
        provider.seen.push(Seen {
            request: format!("{verb} {}", uri.path()),
            authorization: header("authorization").unwrap(),
            key: key.clone(),
            content_type: header("content-type"),
            form: form.clone(),
        });
        let trouble = provider.troubles.pop_front().or(provider.always);
        if let Some(Instead(status, header)) = trouble {
            let header = header.unwrap_or(("x-nothing", ""));
            return Reply::builder()
                .status(status)
                .header(header.0, header.1)
                .body(Body::empty())
                .unwrap();
        }
        let remembered = key.as_ref().and_then(|key| provider.remembered.get(key).cloned());
        let is_replayed = remembered.is_some();
        let (status, body) = remembered.unwrap_or_else(|| provider.answer(uri.path(), &form));
        if let Some(key) = key {
            provider.remembered.insert(key, (status, body.clone()));
        }
        let mut reply = Reply::builder().status(status);
        if is_replayed {
            reply = reply.header("idempotent-replayed", "true");
        }
        (trouble, reply.body(Body::from(body)).unwrap())
    };
    match trouble {
        Some(Silence) => std::future::pending().await,
        Some(Garbage) => Reply::new(Body::from("<html>Maria")),
        _ => answer,
    }
}

struct World {
    provider: Arc<Mutex<Provider>>,
    gateway: HttpGateway,
}

/// Short enough to be waited for; the circuit stays out of the way of tests that are not about it.
fn limits() -> Limits {
    Limits {
        attempt: Duration::from_millis(250),
        call: 10 * SECOND,
        first_pause: Duration::from_millis(1),
        circuit_requests: 1000,
        ..Limits::default()
    }
}

async fn world(limits: Limits) -> World {
    let provider = Arc::new(Mutex::new(Provider::default()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(serve).with_state(Arc::clone(&provider));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let gateway = HttpGateway::new(&url, KEY.parse().unwrap(), limits).unwrap();
    World { provider, gateway }
}

impl World {
    async fn new() -> Self {
        world(limits()).await
    }

    fn with(self, change: impl FnOnce(&mut Provider)) -> Self {
        change(&mut self.provider.lock().unwrap());
        self
    }

    fn trouble<const N: usize>(self, troubles: [Trouble; N]) -> Self {
        self.with(|provider| provider.troubles = troubles.into())
    }

    fn seen(&self) -> Vec<Seen> {
        self.provider.lock().unwrap().seen.clone()
    }

    /// What was asked for, such as `POST /v1/refunds`, in order.
    fn requests(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.request).collect()
    }

    /// The status of every intent that was made.
    fn intents(&self) -> Vec<&'static str> {
        let provider = self.provider.lock().unwrap();
        provider.intents.iter().map(|intent| intent.status).collect()
    }
}

const CREATE: &str = "POST /v1/payment_intents";

fn payment() -> PaymentRequest {
    PaymentRequest {
        key: "k1".to_owned(),
        order_id: "order-1".to_owned(),
        amount: Decimal::new(4999, 2),
        currency: Currency::USD,
        payment_method_id: "pm_card_visa".parse().unwrap(),
    }
}

fn id(text: &str) -> TransactionId {
    serde_json::from_value(text.into()).unwrap()
}

#[tokio::test]
async fn authorising_makes_an_intent_that_waits_to_be_captured() {
    let world = World::new().await;
    let authorisation = world.gateway.authorise(&payment()).await.unwrap();
    let expected = Authorisation {
        id: id("pi_0"),
        amount: payment().amount,
    };
    assert_eq!(authorisation, expected);
    let [seen] = &world.seen()[..] else {
        panic!("one request")
    };
    assert_eq!(seen.request, CREATE);
    assert_eq!(seen.authorization, format!("Bearer {KEY}"));
    assert_eq!(seen.key.as_deref(), Some("k1"));
    assert_eq!(seen.content_type.as_deref(), Some("application/x-www-form-urlencoded"));
    let form = [
        ("amount", "4999"),
        ("automatic_payment_methods[allow_redirects]", "never"),
        ("automatic_payment_methods[enabled]", "true"),
        ("capture_method", "manual"),
        ("confirm", "true"),
        ("currency", "usd"),
        ("metadata[order_id]", "order-1"),
        ("off_session", "true"),
        ("payment_method", "pm_card_visa"),
    ];
    let form: BTreeMap<_, _> = form.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(seen.form, form);
}

#[tokio::test]
async fn what_was_authorised_is_captured_once_however_often_it_is_asked_for() {
    let world = World::new().await;
    let authorisation = world.gateway.authorise(&payment()).await.unwrap();
    let expected = Capture {
        transaction_id: id("pi_0"),
        amount: payment().amount,
    };
    for _ in 0..2 {
        assert_eq!(
            world.gateway.capture(&payment(), &authorisation.id).await.unwrap(),
            expected
        );
    }
    // An authorise that comes late has the answer it had.
    assert_eq!(world.gateway.authorise(&payment()).await.unwrap(), authorisation);
    assert_eq!(world.intents(), ["succeeded"]);
    assert_eq!(world.requests()[..2], [CREATE, "POST /v1/payment_intents/pi_0/capture"]);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    for trouble in [Silence, Garbage] {
        let world = World::new().await.trouble([trouble]);
        world.gateway.authorise(&payment()).await.unwrap();
        assert_eq!(world.intents(), ["requires_capture"]);
        let seen = world.seen();
        let keys: Vec<_> = seen
            .iter()
            .filter(|seen| seen.request == CREATE)
            .map(|seen| &seen.key)
            .collect();
        assert_eq!(keys, [&Some("k1".to_owned()), &Some("k1".to_owned())], "{trouble:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_capture_or_a_cancellation_is_found_out() {
    let world = World::new().await;
    let authorisation = world.gateway.authorise(&payment()).await.unwrap();
    world.provider.lock().unwrap().troubles = [Silence].into();
    let capture = world.gateway.capture(&payment(), &authorisation.id).await.unwrap();
    assert_eq!(capture.amount, payment().amount);
    assert_eq!(world.intents(), ["succeeded"]);

    let world = World::new().await;
    let authorisation = world.gateway.authorise(&payment()).await.unwrap();
    world.provider.lock().unwrap().troubles = [Silence].into();
    let voided = world.gateway.void(&payment(), Some(&authorisation.id)).await;
    assert_eq!(voided.unwrap(), Voided::Voided);
    assert_eq!(world.intents(), ["canceled"]);
}

#[tokio::test]
async fn a_busy_provider_is_asked_again() {
    let busy = [
        Instead(429, Some(("retry-after", "0"))),
        Instead(409, None),
        Instead(503, None),
    ];
    let world = World::new().await.trouble(busy);
    world.gateway.authorise(&payment()).await.unwrap();
    assert_eq!(world.requests(), [CREATE; 4]);
    assert_eq!(world.intents(), ["requires_capture"]);
}

#[tokio::test]
async fn a_provider_that_wants_us_back_too_late_is_left_alone() {
    let world = World::new().await.trouble([Instead(429, Some(("retry-after", "60")))]);
    let unknown = world.gateway.authorise(&payment()).await.unwrap_err();
    assert!(matches!(unknown, GatewayError::Unknown(_)), "{unknown}");
    assert_eq!(unknown.code(), "provider_unavailable");
    assert_eq!(world.requests(), [CREATE]);
}

#[tokio::test]
async fn without_an_answer_it_is_unknown_what_happened_after_a_few_attempts() {
    for trouble in [Instead(500, None), Garbage, Silence, Instead(409, None)] {
        let world = World::new().await.with(|provider| provider.always = Some(trouble));
        let unknown = world.gateway.authorise(&payment()).await.unwrap_err();
        assert!(matches!(unknown, GatewayError::Unknown(_)), "{trouble:?}: {unknown}");
        assert!(!unknown.to_string().contains("Maria"), "{unknown}");
        assert_eq!(world.requests(), [CREATE; 4], "{trouble:?}");
        assert!(world.intents().len() <= 1, "{trouble:?}");
    }
}

#[tokio::test]
async fn a_call_ends_in_time_whatever_the_provider_does() {
    let limits = Limits {
        attempt: 60 * SECOND,
        call: Duration::from_millis(200),
        ..limits()
    };
    let world = world(limits).await.with(|provider| provider.always = Some(Silence));
    let payment = payment();
    let call = tokio::time::timeout(5 * SECOND, world.gateway.authorise(&payment));
    let unknown = call.await.expect("an end").unwrap_err();
    assert!(matches!(unknown, GatewayError::Unknown(_)), "{unknown}");
    assert_eq!(world.requests(), [CREATE]);
}

#[tokio::test]
async fn a_declined_card_is_declined_at_once_and_ever_after() {
    let declined =
        r#"{"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds", "message": "Maria"}"#;
    let world = World::new()
        .await
        .with(|provider| provider.refusal = Some((402, declined)));
    for _ in 0..2 {
        let declined = world.gateway.authorise(&payment()).await.unwrap_err();
        assert_eq!(
            declined,
            GatewayError::declined("insufficient_funds", "there are not enough funds")
        );
    }
    assert_eq!(world.requests(), [CREATE; 2]);
    assert_eq!(world.gateway.void(&payment(), None).await.unwrap(), Voided::Voided);
}

#[tokio::test]
async fn an_intent_that_wants_the_customer_is_declined() {
    for (status, code) in [
        ("requires_action", "authentication_required"),
        ("requires_payment_method", "card_declined"),
    ] {
        let world = World::new().await.with(|provider| provider.new_intents = Some(status));
        let declined = world.gateway.authorise(&payment()).await.unwrap_err();
        assert!(matches!(declined, GatewayError::Declined { .. }), "{declined}");
        assert_eq!(declined.code(), code);
    }
}

#[tokio::test]
async fn an_intent_in_process_is_unknown_until_it_is_decided() {
    for status in ["processing", "of_next_year"] {
        let world = World::new().await.with(|provider| provider.new_intents = Some(status));
        let unknown = world.gateway.authorise(&payment()).await.unwrap_err();
        assert!(matches!(unknown, GatewayError::Unknown(_)), "{unknown}");
        world.provider.lock().unwrap().intents[0].status = "requires_capture";
        world.gateway.authorise(&payment()).await.unwrap();
        assert_eq!(world.intents(), ["requires_capture"]);
    }
}

#[tokio::test]
async fn a_hold_is_voided_and_cannot_be_taken_or_made_again() {
    let world = World::new().await;
    let authorisation = world.gateway.authorise(&payment()).await.unwrap();
    for _ in 0..2 {
        let voided = world.gateway.void(&payment(), Some(&authorisation.id)).await;
        assert_eq!(voided.unwrap(), Voided::Voided);
    }
    let captured = world.gateway.capture(&payment(), &authorisation.id).await;
    assert_eq!(captured.unwrap_err().code(), "payment_voided");
    let again = world.gateway.authorise(&payment()).await;
    assert_eq!(again.unwrap_err().code(), "payment_voided");
    assert_eq!(world.intents(), ["canceled"]);
}

#[tokio::test]
async fn a_hold_whose_answer_was_lost_is_voided_by_its_key() {
    let limits = Limits { retries: 0, ..limits() };
    let world = world(limits).await.trouble([Silence]);
    let lost = world.gateway.authorise(&payment()).await;
    assert!(matches!(lost, Err(GatewayError::Unknown(_))), "{lost:?}");
    assert_eq!(world.intents(), ["requires_capture"]);
    assert_eq!(world.gateway.void(&payment(), None).await.unwrap(), Voided::Voided);
    assert_eq!(world.intents(), ["canceled"]);
}

#[tokio::test]
async fn voiding_a_key_that_never_arrived_leaves_nothing_to_a_late_authorise() {
    let world = World::new().await;
    assert_eq!(world.gateway.void(&payment(), None).await.unwrap(), Voided::Voided);
    let late = world.gateway.authorise(&payment()).await;
    assert_eq!(late.unwrap_err().code(), "payment_voided");
    assert_eq!(world.intents(), ["canceled"]);
}

#[tokio::test]
async fn what_was_taken_cannot_be_voided() {
    let world = World::new().await;
    let authorisation = world.gateway.authorise(&payment()).await.unwrap();
    let capture = world.gateway.capture(&payment(), &authorisation.id).await.unwrap();
    for authorisation in [None, Some(&authorisation.id)] {
        let voided = world.gateway.void(&payment(), authorisation).await.unwrap();
        assert_eq!(voided, Voided::AlreadyCaptured(capture.clone()));
    }
    assert_eq!(world.intents(), ["succeeded"]);
}

#[tokio::test]
async fn a_refund_gives_back_once_however_often_it_is_asked_for() {
    let world = World::new().await.trouble([Silence]);
    let expected = Refund {
        id: id("re_1"),
        amount: Decimal::new(999, 2),
    };
    for _ in 0..2 {
        let refund = world
            .gateway
            .refund(&id("pi_7"), expected.amount, Currency::USD, "r1")
            .await;
        assert_eq!(refund.unwrap(), expected);
    }
    assert_eq!(world.provider.lock().unwrap().refunds, [999]);
    for seen in world.seen() {
        assert_eq!(seen.request, "POST /v1/refunds");
        assert_eq!(seen.key.as_deref(), Some("r1"));
        let form = [("amount", "999"), ("payment_intent", "pi_7")];
        assert!(
            seen.form
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .eq(form)
        );
    }
}

#[tokio::test]
async fn a_refund_that_never_works_is_declined() {
    for (status, refused, code) in [
        (400, r#"{"code": "charge_already_refunded"}"#, "already_refunded"),
        (400, r#"{"param": "amount"}"#, "refund_not_covered"),
        (404, r#"{"code": "resource_missing"}"#, "unknown_payment"),
    ] {
        let world = World::new()
            .await
            .with(|provider| provider.refusal = Some((status, refused)));
        let refund = world
            .gateway
            .refund(&id("pi_7"), Decimal::ONE, Currency::USD, "r1")
            .await;
        let refused = refund.unwrap_err();
        assert!(matches!(refused, GatewayError::Declined { .. }), "{refused}");
        assert_eq!(refused.code(), code);
    }
}

#[tokio::test]
async fn our_own_mistakes_are_told_at_once_without_the_key() {
    for (status, headers) in [(401, None), (403, None), (302, Some(("location", "/elsewhere")))] {
        let world = World::new()
            .await
            .with(|provider| provider.always = Some(Instead(status, headers)));
        let ours = world.gateway.authorise(&payment()).await.unwrap_err();
        assert!(matches!(ours, GatewayError::Misconfigured(_)), "{status}: {ours}");
        assert!(!format!("{ours} {ours:?}").contains(KEY));
        assert_eq!(world.requests(), [CREATE], "{status}");
    }
}

#[tokio::test]
async fn what_no_provider_would_take_is_not_sent() {
    let world = World::new().await;
    for key in ["", "two words", "ü", "a\nb", &"k".repeat(256)] {
        let request = PaymentRequest {
            key: key.to_owned(),
            ..payment()
        };
        let ours = world.gateway.authorise(&request).await;
        assert!(matches!(ours, Err(GatewayError::Misconfigured(_))), "{key:?}: {ours:?}");
    }
    let request = PaymentRequest {
        amount: Decimal::ZERO,
        ..payment()
    };
    assert_eq!(
        world.gateway.authorise(&request).await.unwrap_err().code(),
        "amount_not_supported"
    );
    assert!(world.requests().is_empty());
}

#[tokio::test]
async fn an_id_stays_within_its_segment_of_the_path() {
    let world = World::new().await;
    let missing = world.gateway.capture(&payment(), &id("0/../../x?y#z")).await;
    assert!(missing.is_err());
    assert_eq!(
        world.requests(),
        ["POST /v1/payment_intents/0%2F..%2F..%2Fx%3Fy%23z/capture"]
    );
}

#[test]
fn the_secret_key_is_not_shown() {
    let key: SecretKey = KEY.parse().unwrap();
    assert!(!format!("{key:?}").contains("secret_"), "{key:?}");
    assert!(!format!("{key:?}").contains(KEY), "{key:?}");
}

/// A circuit that opens after a few requests, and tries again soon.
fn with_circuit() -> Limits {
    Limits {
        retries: 0,
        circuit_requests: 4,
        circuit_open: Duration::from_millis(100),
        ..limits()
    }
}

#[tokio::test]
async fn the_circuit_opens_when_the_provider_is_down_and_closes_when_it_is_back() {
    let world = world(with_circuit())
        .await
        .with(|provider| provider.always = Some(Instead(503, None)));
    let rejected = async {
        loop {
            let before = world.requests().len();
            let unknown = world.gateway.authorise(&payment()).await.unwrap_err();
            if world.requests().len() == before {
                return unknown;
            }
        }
    };
    let rejected = tokio::time::timeout(5 * SECOND, rejected)
        .await
        .expect("an open circuit");
    assert_eq!(rejected.code(), "provider_unavailable");
    assert!(world.requests().len() <= 8, "{:?}", world.requests());

    world.provider.lock().unwrap().always = None;
    let back = async { while world.gateway.authorise(&payment()).await.is_err() {} };
    tokio::time::timeout(5 * SECOND, back).await.expect("a closed circuit");
    for _ in 0..8 {
        world.gateway.authorise(&payment()).await.unwrap();
    }
}

#[tokio::test]
async fn neither_a_declined_card_nor_a_busy_provider_opens_the_circuit() {
    let declined = (402, r#"{"code": "card_declined"}"#);
    let world = world(with_circuit())
        .await
        .with(|provider| provider.refusal = Some(declined));
    for _ in 0..20 {
        world.gateway.authorise(&payment()).await.unwrap_err();
    }
    world.provider.lock().unwrap().always = Some(Instead(429, None));
    for _ in 0..20 {
        world.gateway.authorise(&payment()).await.unwrap_err();
    }
    assert_eq!(world.requests().len(), 40);
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_opens_the_circuit_too() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let gateway = HttpGateway::new(&url, KEY.parse().unwrap(), with_circuit()).unwrap();
    let is_open = async {
        loop {
            let unknown = gateway.authorise(&payment()).await.unwrap_err().to_string();
            assert!(!unknown.contains(&url), "{unknown}");
            if unknown.contains("not asked for a while") {
                return;
            }
        }
    };
    tokio::time::timeout(5 * SECOND, is_open)
        .await
        .expect("an open circuit");
}
