//! The function: every message is written down, sent and marked once, whatever happens on the way.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::http::StatusCode;
use domain::precondition::Precondition;
use domain::text::CustomerId;
use futures::future::join_all;
use lambda_edge::Function;
use lambda_edge::telemetry::json_lines;
use lambda_runtime::Context;
use local_stack::dynamodb::local_config;
use mailparse::parse_mail;
use messages::Message;
use notifications::App;
use notifications::mailer::{Mail, MailError, Mailer};
use reference_data::{Customer, Customers};
use sent_letters::Notifications;
use sent_letters::{Notification, State};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tracing::{Dispatch, Level};
use uuid::Uuid;

use super::{
    ORDER_ID, Ses, SesFault, batch, cancelled, confirmed, header, maildir, message, new_mails, payment_failed, shipped,
};
use crate::support::{LONGEST_WAIT, Tables, TestFolder};

/// Runs out soon, so that the next delivery need not wait for half a minute.
const CLAIM: Duration = Duration::from_millis(300);

/// With a customer that has an address.
async fn tables() -> Tables {
    let tables = Tables::new().await;
    put_customer(&tables, Some("chevalier@example.com")).await;
    tables
}

async fn put_customer(tables: &Tables, email: Option<&str>) {
    let customers = Customers::from_env(&tables.environment("notifications"), tables.dynamodb.clone()).unwrap();
    let customer = Customer {
        customer_id: "VINET".parse().unwrap(),
        name: "Vins et alcools Chevalier".parse().unwrap(),
        email: email.map(|email| serde_json::from_value(json!(email)).unwrap()),
    };
    customers.put(customer, &Precondition::default()).await.unwrap();
}

/// Where the shop confirms orders itself.
fn app(tables: &Tables, variables: &[(&str, &str)]) -> App {
    let variables = [variables, &[("FULFILMENT", "DISABLED")]].concat();
    let environment = tables.environment_with("notifications", &variables);
    App {
        claim: CLAIM,
        ..App::from_env(&environment, &tables.config).unwrap()
    }
}

/// The messages of a batch that are to come again.
async fn deliver(function: &Function, messages: &[Message]) -> Vec<String> {
    let answer = function.invoke(batch(messages), Context::default()).await.unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap().iter();
    let ids = failures.map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned());
    ids.collect()
}

/// As the queue does: what was not handled comes again.
async fn deliver_until_handled(function: &Function, messages: &[Message]) {
    let deadline = Instant::now() + LONGEST_WAIT;
    while !deliver(function, messages).await.is_empty() {
        assert!(Instant::now() < deadline, "it is never handled");
        tokio::time::sleep(CLAIM / 3).await;
    }
}

async fn written(tables: &Tables) -> Vec<Notification> {
    let table = Notifications::from_env(&tables.environment("notifications"), tables.dynamodb.clone()).unwrap();
    let customer: CustomerId = "VINET".parse().unwrap();
    table.page(&customer, 100, None).await.unwrap().notifications
}

fn is_sent(notification: &Notification) -> bool {
    matches!(notification.state, State::Sent { .. })
}

#[tokio::test]
async fn each_message_is_one_item_and_one_mail() {
    let (tables, folder) = (tables().await, TestFolder::new());
    let function = app(&tables, &[("MAILER", &maildir(&folder))]).function();
    let messages = [
        confirmed(),
        shipped("Federal Shipping"),
        cancelled("Out of stock", "280.63", "EUR"),
        payment_failed(false),
        payment_failed(true),
    ]
    .map(message);
    assert_eq!(deliver(&function, &messages).await, [""; 0]);
    // A repetition finds everything done.
    assert_eq!(deliver(&function, &messages).await, [""; 0]);

    let mut notifications = written(&tables).await;
    notifications.sort_by_key(|told| told.message_id);
    let templates: Vec<_> = notifications.iter().map(|told| told.template.as_str()).collect();
    let expected = ["order_confirmed", "order_shipped", "order_cancelled"];
    assert_eq!(templates, expected);
    for (notification, message) in notifications.iter().zip(&messages) {
        assert_eq!(notification.message_id, message.id);
        assert_eq!(notification.order_id.to_string(), ORDER_ID);
        assert_eq!(notification.correlation_id.as_deref(), Some("correlation-1"));
        let key = format!("2026-11-20T12:00:01.450431Z#{}", notification.notification_id);
        assert_eq!(notification.notification_key, key);
        assert!(is_sent(notification), "{notification:?}");
    }
    let mails = new_mails(&folder);
    let mut mails: Vec<_> = mails.iter().map(|mail| parse_mail(mail).unwrap()).collect();
    assert_eq!(mails.len(), 3);
    mails.sort_by_key(|mail| header(mail, "Message-ID"));
    notifications.sort_by_key(|notification| notification.notification_id);
    for (mail, notification) in mails.iter().zip(&notifications) {
        let id = format!("<{}@localhost>", notification.notification_id);
        assert_eq!(header(mail, "Message-ID"), id);
        assert_eq!(header(mail, "Subject"), notification.subject);
        assert!(mail.get_body().unwrap().starts_with("Dear Vins et alcools Chevalier,"));
    }
}

#[tokio::test]
async fn a_notification_costs_two_reads_and_two_writes_and_its_repetition_no_mail() {
    let (tables, ses) = (tables().await, Ses::start().await);
    let function = app(&tables, &ses.variables()).function();
    let message = [message(confirmed())];
    tables.proxy.take_operations();
    for operations in [
        &["GetItem", "Query", "PutItem", "PutItem"][..],
        &["GetItem", "Query", "PutItem"],
    ] {
        assert_eq!(deliver(&function, &message).await, [""; 0]);
        assert_eq!(tables.proxy.take_operations(), operations);
        assert_eq!(ses.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_message_that_comes_eight_times_at_once_is_sent_once() {
    let (tables, ses) = (tables().await, Ses::start().await);
    let app = app(&tables, &ses.variables());
    // Long enough for all of them to meet it.
    let claim = Duration::from_secs(30);
    let function = App { claim, ..app }.function();
    let message = [message(confirmed())];
    let deliveries = join_all((0..8).map(|_| deliver(&function, &message))).await;
    assert!(deliveries.iter().any(Vec::is_empty), "one of them has sent it");
    assert_eq!(deliver(&function, &message).await, [""; 0], "the others find it done");
    assert_eq!(ses.requests().len(), 1);
    let notifications = written(&tables).await;
    assert_eq!(notifications.len(), 1);
    assert!(is_sent(&notifications[0]));

    // Also within one batch.
    let message = super::message(shipped("c"));
    let twice = [message.clone(), message];
    deliver_until_handled(&function, &twice).await;
    assert_eq!(ses.requests().len(), 2);
}

#[tokio::test]
async fn who_has_no_address_is_written_down_and_told_nothing() {
    let (tables, ses) = (Tables::new().await, Ses::start().await);
    let function = app(&tables, &ses.variables()).function();
    let mut expected = Vec::new();
    for (email, state) in [
        (None, State::NoAddress),
        (Some(None), State::NoAddress),
        (Some(Some("a>,<b@example.com")), unusable()),
        (Some(Some("käthe@example.com")), unusable()),
        (Some(Some("käthe@localhost")), unusable()),
    ] {
        // The first one is of a customer that nobody knows.
        if let Some(email) = email {
            put_customer(&tables, email).await;
        }
        let message = message(confirmed());
        for _ in 0..2 {
            assert_eq!(deliver(&function, std::slice::from_ref(&message)).await, [""; 0]);
        }
        expected.push((message.id, state));
    }
    let mut states: Vec<_> = written(&tables)
        .await
        .into_iter()
        .map(|told| (told.message_id, told.state))
        .collect();
    states.sort_by_key(|(message_id, _)| *message_id);
    assert_eq!(states, expected);
    assert_eq!(ses.requests(), [json!(null); 0]);
}

/// Of an address of before, which no mail can reach.
fn unusable() -> State {
    State::Failed {
        failure_code: "unusable_address".to_owned(),
    }
}

#[tokio::test]
async fn a_mail_goes_to_the_address_as_smtp_has_it() {
    let (tables, ses) = (Tables::new().await, Ses::start().await);
    let function = app(&tables, &ses.variables()).function();
    put_customer(&tables, Some("info@müller.example")).await;
    deliver_until_handled(&function, &[message(confirmed())]).await;
    assert_eq!(
        ses.requests()[0]["Destination"],
        json!({ "ToAddresses": ["info@xn--mller-kva.example"] })
    );
}

#[tokio::test]
async fn a_fault_that_passes_brings_the_message_again_and_a_refusal_is_final() {
    let (tables, ses) = (tables().await, Ses::start().await);
    let function = app(&tables, &ses.variables()).function();
    let messages = [message(confirmed())];
    ses.inject(SesFault::Refuse(
        StatusCode::TOO_MANY_REQUESTS,
        "TooManyRequestsException",
    ));
    assert_eq!(deliver(&function, &messages).await, ["0"]);
    let pending = written(&tables).await.remove(0);
    assert!(matches!(pending.state, State::Pending { .. }), "{pending:?}");
    deliver_until_handled(&function, &messages).await;
    let sent = written(&tables).await.remove(0);
    assert!(is_sent(&sent), "{sent:?}");
    assert_eq!(sent.created_at, pending.created_at);
    assert_eq!(ses.requests().len(), 2);

    let messages = [message(shipped("c"))];
    ses.inject(SesFault::Refuse(StatusCode::BAD_REQUEST, "MessageRejected"));
    for _ in 0..2 {
        assert_eq!(deliver(&function, &messages).await, [""; 0]);
    }
    let failure_code = "message_rejected".to_owned();
    let notifications = written(&tables).await;
    let states: Vec<_> = notifications.into_iter().map(|told| told.state).collect();
    assert!(states.contains(&State::Failed { failure_code }), "{states:?}");
    assert_eq!(ses.requests().len(), 3);
}

#[tokio::test]
async fn tables_that_are_away_bring_the_message_again() {
    let (tables, ses) = (tables().await, Ses::start().await);
    let function = app(&tables, &ses.variables()).function();
    let messages = [message(confirmed())];
    for operation in ["GetItem", "PutItem"] {
        for _ in 0..3 {
            tables
                .proxy
                .inject(operation, crate::support::Fault::Refuse("ThrottlingException"));
        }
        assert_eq!(deliver(&function, &messages).await, ["0"]);
        assert_eq!(ses.requests().len(), 0);
    }
    // Answers that are lost are no reason to do anything twice.
    for _ in 0..2 {
        tables.proxy.inject("PutItem", crate::support::Fault::LoseAnswer);
    }
    assert_eq!(deliver(&function, &messages).await, [""; 0]);
    assert_eq!(ses.requests().len(), 1);
}

/// Delivers in a process of its own, which is killed as soon as `is_struck`; and again, until one lives to answer.
async fn deliver_to_mortals(
    tables: &Tables,
    variables: &[(&str, &str)],
    message: &Message,
    ses: Option<&Ses>,
) -> usize {
    let variables = [variables, &[("FULFILMENT", "DISABLED")]].concat();
    let environment = tables.environment_with("notifications", &variables);
    let sent_before = ses.map_or(0, |ses| ses.requests().len());
    let deadline = Instant::now() + LONGEST_WAIT;
    let mut killed = 0;
    loop {
        let process = tokio::task::spawn_blocking(|| Runtime::new().unwrap()).await.unwrap();
        let (environment, endpoint) = (environment.clone(), tables.proxy.endpoint.clone());
        let payload = batch(std::slice::from_ref(message));
        let invocation = process.spawn(async move {
            let config = local_config(&endpoint).await;
            let app = App::from_env(&environment, &config).unwrap();
            let function = App { claim: CLAIM, ..app }.function();
            function.invoke(payload, Context::default()).await.unwrap()
        });
        let hangs_in_ses = || killed == 0 && ses.is_some_and(|ses| ses.requests().len() > sent_before);
        while !invocation.is_finished() && !tables.proxy.is_hanging() && !hangs_in_ses() {
            assert!(Instant::now() < deadline, "no answer");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let is_killed = !invocation.is_finished();
        process.shutdown_background();
        tables.proxy.pass();
        if is_killed {
            killed += 1;
        } else if invocation.await.unwrap() == json!({ "batchItemFailures": [] }) {
            return killed;
        }
        tokio::time::sleep(CLAIM / 3).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_after_either_write_leaves_one_mail_when_the_message_comes_again() {
    let (tables, folder, ses) = (tables().await, TestFolder::new(), Ses::start().await);
    for (n, variables) in [&[("MAILER", &*maildir(&folder))][..], &ses.variables()]
        .into_iter()
        .enumerate()
    {
        for survived in 0..2 {
            let message = message(confirmed());
            tables.proxy.hang_after_writes(survived);
            let killed = deliver_to_mortals(&tables, variables, &message, None).await;
            assert_eq!(killed, 1, "at write {survived}");
            let mails = [new_mails(&folder).len(), ses.requests().len()];
            assert_eq!(mails[n], survived as usize + 1, "killed after write {survived}");
        }
    }
    let notifications = written(&tables).await;
    assert_eq!(notifications.len(), 4);
    assert!(notifications.iter().all(is_sent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_sending_and_marking_it_sends_by_ses_once_more() {
    let (tables, ses) = (tables().await, Ses::start().await);
    ses.inject(SesFault::Hang);
    let killed = deliver_to_mortals(&tables, &ses.variables(), &message(confirmed()), Some(&ses)).await;
    assert_eq!((killed, ses.requests().len()), (1, 2));
    assert!(is_sent(&written(&tables).await[0]));
}

/// Sends, and never says so.
struct Speechless(Arc<dyn Mailer>, Arc<tokio::sync::Notify>);

#[async_trait]
impl Mailer for Speechless {
    async fn send(&self, mail: &Mail<'_>) -> Result<(), MailError> {
        self.0.send(mail).await?;
        self.1.notify_one();
        std::future::pending().await
    }
}

#[tokio::test]
async fn killed_between_sending_and_marking_it_leaves_one_mail_in_a_maildir() {
    let (tables, folder) = (tables().await, TestFolder::new());
    let folder_of_mails = maildir(&folder);
    let variables = [("MAILER", &*folder_of_mails)];
    let messages = [message(confirmed())];
    let has_sent = Arc::new(tokio::sync::Notify::new());
    let mut dying = app(&tables, &variables);
    dying.mailer = Arc::new(Speechless(dying.mailer, has_sent.clone()));
    let dying = dying.function();
    tokio::select! {
        _ = deliver(&dying, &messages) => panic!("it is killed before"),
        () = has_sent.notified() => {}
    }
    let first = new_mails(&folder);
    assert_eq!(first.len(), 1);
    deliver_until_handled(&app(&tables, &variables).function(), &messages).await;
    assert_eq!(new_mails(&folder), first);
    assert!(is_sent(&written(&tables).await[0]));
}

#[tokio::test]
async fn a_message_that_even_the_dead_letters_do_not_take_comes_again_and_holds_up_no_other() {
    let (tables, ses) = (tables().await, Ses::start().await);
    let function = app(&tables, &ses.variables()).function();
    let mut payload = batch(&[message(confirmed()), message(shipped("c"))]);
    payload["Records"][0]["body"] = json!("{\"detail\": {\"type\": \"OrderConfirmed\"}}");
    let answer = function.invoke(payload, Context::default()).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "0" }] }));
    assert_eq!(ses.requests().len(), 1);
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_address_name_or_text_is_logged_whatever_becomes_of_a_mail() {
    let (tables, ses) = (tables().await, Ses::start().await);
    let by_ses = app(&tables, &ses.variables()).function();
    let by_log = app(&tables, &[("MAILER", "log")]).function();
    // See `http::logs`.
    let _second = Dispatch::new(json_lines(std::io::sink, Level::INFO));
    let lines = Lines::default();
    let writer = lines.clone();
    let logging = tracing::subscriber::set_default(json_lines(move || writer.clone(), Level::INFO));
    for fault in [
        SesFault::Refuse(StatusCode::BAD_REQUEST, "MessageRejected"),
        SesFault::Refuse(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
        SesFault::LoseAnswer,
    ] {
        ses.inject(fault);
        deliver(&by_ses, &[message(confirmed())]).await;
    }
    let logged = message(confirmed());
    assert_eq!(deliver(&by_log, std::slice::from_ref(&logged)).await, [""; 0]);
    drop(logging);

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let records: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said = |text: &str| records.iter().find(|record| record["message"] == text).unwrap();
    assert_eq!(said("a mail was refused for good")["code"], "message_rejected");
    let id = Uuid::new_v5(&logged.id, b"email").to_string();
    assert_eq!(said("a mail would be sent")["notification_id"], id.as_str());
    for private in ["chevalier", "example.com", "Chevalier", "confirmed", "280.63", "VINET"] {
        assert!(!log.contains(private), "the log tells of {private}: {log}");
    }
}
