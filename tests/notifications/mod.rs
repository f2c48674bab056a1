//! What customers are told of their orders, once, and by which way.

mod function;
mod mailers;
mod stack;
mod templates;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::State;
use axum::http::{Method, Response, StatusCode, Uri};
use mailparse::{MailHeaderMap, ParsedMail};
use messages::events::{OrderCancelled, OrderConfirmed, OrderShipped, PaymentFailed, PaymentMethodNeeded};
use messages::{Body, Message};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::support::TestFolder;

/// The order that all messages are about.
const ORDER_ID: &str = "0190b6a4-2c4e-7c3e-9f0a-5d8a6d1f2b3c";

fn message(body: Body) -> Message {
    let time = "2026-11-20T12:00:01.450431Z".parse().unwrap();
    let mut message = Message::new(Uuid::now_v7(), ORDER_ID, time, body);
    message.correlationid = Some("correlation-1".to_owned());
    message
}

fn confirmed() -> Body {
    Body::OrderConfirmed(OrderConfirmed {
        order_id: ORDER_ID.parse().unwrap(),
        customer_id: "VINET".parse().unwrap(),
        confirmation_number: domain::order::ConfirmationNumber::from_uuid(Uuid::nil()),
        payment_method_id: "pm_visa".parse().unwrap(),
        total_amount: "280.63".parse().unwrap(),
        currency: "EUR".parse().unwrap(),
    })
}

fn shipped(carrier: &str) -> Body {
    Body::OrderShipped(OrderShipped {
        order_id: ORDER_ID.parse().unwrap(),
        customer_id: "VINET".parse().unwrap(),
        tracking_number: "1Z 999 AA1".parse().unwrap(),
        carrier: carrier.parse().unwrap(),
    })
}

fn cancelled(reason: &str, refund: &str, currency: &str) -> Body {
    Body::OrderCancelled(OrderCancelled {
        order_id: ORDER_ID.parse().unwrap(),
        customer_id: "VINET".parse().unwrap(),
        reason: reason.parse().unwrap(),
        refund_amount: refund.parse().unwrap(),
        currency: currency.parse().unwrap(),
        transaction_id: None,
        was_submitted: true,
    })
}

fn payment_failed(retryable: bool) -> Body {
    Body::PaymentFailed(PaymentFailed {
        order_id: ORDER_ID.parse().unwrap(),
        customer_id: "VINET".parse().unwrap(),
        code: "card_declined".to_owned(),
        reason: "do_not_honor: 05".to_owned(),
        retryable,
    })
}

fn method_needed() -> Body {
    Body::PaymentMethodNeeded(PaymentMethodNeeded {
        order_id: ORDER_ID.parse().unwrap(),
        customer_id: "VINET".parse().unwrap(),
        code: "card_declined".to_owned(),
        until: "2026-11-20T12:15:01.450431Z".parse().unwrap(),
    })
}

/// A batch of the queue, with its messages numbered from 0.
fn batch(messages: &[Message]) -> Value {
    let records = messages.iter().enumerate().map(|(n, message)| {
        let event = json!({ "detail-type": message.body.name(), "detail": message });
        json!({ "messageId": n.to_string(), "body": event.to_string(), "eventSource": "aws:sqs" })
    });
    json!({ "Records": records.collect::<Vec<_>>() })
}

fn maildir(folder: &TestFolder) -> String {
    format!("maildir:{}", folder.path("mail").display())
}

/// The names of what is in a part of the maildir.
fn names(folder: &TestFolder, part: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path("mail").join(part));
    let entries = entries.into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// The new mails of the maildir, as they are written.
fn new_mails(folder: &TestFolder) -> Vec<Vec<u8>> {
    assert_eq!(names(folder, "tmp"), [""; 0], "no mail is left unfinished");
    let new = folder.path("mail").join("new");
    let names = names(folder, "new").into_iter();
    names.map(|name| std::fs::read(new.join(name)).unwrap()).collect()
}

/// A header of a mail that has it once, decoded.
#[track_caller]
fn header(mail: &ParsedMail, name: &str) -> String {
    let values = mail.headers.get_all_values(name);
    let [value] = &values[..] else {
        panic!("{name}: {values:?}");
    };
    value.clone()
}

/// A server that speaks SES's SendEmail.
struct Ses {
    endpoint: String,
    shared: Arc<Mutex<SesShared>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct SesShared {
    requests: Vec<Value>,
    faults: Vec<SesFault>,
}

#[derive(Debug, Clone, Copy)]
enum SesFault {
    Refuse(StatusCode, &'static str),
    /// The mail is sent, and the connection breaks before the answer.
    LoseAnswer,
    /// The mail is sent, and nothing is ever answered.
    Hang,
}

impl Ses {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Mutex<SesShared>>::default();
        let app = Router::new().fallback(send_email).with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            endpoint,
            shared,
            server,
        }
    }

    /// The next request meets this fault.
    fn inject(&self, fault: SesFault) {
        self.shared.lock().unwrap().faults.push(fault);
    }

    fn requests(&self) -> Vec<Value> {
        self.shared.lock().unwrap().requests.clone()
    }

    /// The variables with which the function sends by it.
    fn variables(&self) -> [(&str, &str); 3] {
        [
            ("MAILER", "ses"),
            ("MAIL_FROM", "orders@example.com"),
            ("AWS_ENDPOINT_URL_SESV2", &self.endpoint),
        ]
    }
}

impl Drop for Ses {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn send_email(
    State(shared): State<Arc<Mutex<SesShared>>>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response<HttpBody> {
    assert_eq!((method, uri.path()), (Method::POST, "/v2/email/outbound-emails"));
    let fault = {
        let mut shared = shared.lock().unwrap();
        shared.requests.push(serde_json::from_slice(&body).unwrap());
        shared.faults.pop()
    };
    match fault {
        None => Response::new(HttpBody::from(json!({ "MessageId": "m-1" }).to_string())),
        Some(SesFault::Refuse(status, code)) => Response::builder()
            .status(status)
            .header("x-amzn-errortype", code)
            .body(HttpBody::from(
                json!({ "message": "Email address is not verified: chevalier@example.com" }).to_string(),
            ))
            .unwrap(),
        Some(SesFault::LoseAnswer) => {
            let broken = std::io::Error::other("the answer is lost");
            let body = futures::stream::once(async { Err::<Bytes, _>(broken) });
            Response::new(HttpBody::from_stream(body))
        }
        Some(SesFault::Hang) => std::future::pending().await,
    }
}
