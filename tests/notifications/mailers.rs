//! Each way of sending a mail.

use std::sync::Arc;

use axum::http::StatusCode;
use lambda_edge::{ConfigError, Environment};
use local_stack::dynamodb::local_config;
use mailparse::{DispositionType, MailHeaderMap, parse_mail};
use notifications::mailer::{self, Mail, MailError, Mailer};
use serde_json::json;
use uuid::Uuid;

use super::{Ses, SesFault, header, maildir, names, new_mails};
use crate::support::TestFolder;

async fn mailer(variables: &[(&str, &str)]) -> Result<Arc<dyn Mailer>, ConfigError> {
    let variables = variables.iter();
    let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    // SES must not be looked for there.
    let elsewhere = local_config("http://127.0.0.1:1").await;
    mailer::from_env(&variables.collect::<Environment>(), &elsewhere)
}

async fn send(mailer: &dyn Mailer, id: u128, name: &str, subject: &str, text: &str) -> Result<(), MailError> {
    let mail = Mail {
        id: Uuid::from_u128(id),
        name: &name.parse().unwrap(),
        address: "chevalier@example.com",
        subject,
        text,
        date: "2026-11-20T12:00:01.450431Z".parse().unwrap(),
    };
    mailer.send(&mail).await
}

#[tokio::test]
async fn the_environment_says_which_mailer_it_is() {
    for usable in [
        &[][..],
        &[("MAIL_FROM", "")],
        &[("MAIL_FROM", "orders@example.com")],
        &[("MAILER", "log")],
        &[("MAILER", "maildir:/tmp/mail")],
        &[("MAILER", "ses"), ("MAIL_FROM", "orders@example.com")],
    ] {
        assert!(mailer(usable).await.is_ok(), "{usable:?}");
    }
    for (unusable, message) in [
        (
            &[("MAILER", "ses")][..],
            "the environment variable MAIL_FROM is not set",
        ),
        (
            &[("MAILER", "ses"), ("MAIL_FROM", "")],
            "the environment variable MAIL_FROM is not set",
        ),
        (
            &[("MAIL_FROM", "orders")],
            "the environment variable MAIL_FROM is `orders`, which is not an e-mail address",
        ),
        (
            &[("MAILER", "maildir:")],
            "the environment variable MAILER is `maildir:`, which is not `ses`, `maildir:<folder>` or `log`",
        ),
        (
            &[("MAILER", "smtp")],
            "the environment variable MAILER is `smtp`, which is not `ses`, `maildir:<folder>` or `log`",
        ),
    ] {
        let error = mailer(unusable).await.err().unwrap();
        assert_eq!(error.to_string(), message);
    }
}

#[tokio::test]
async fn ses_is_asked_for_one_plain_mail_in_unicode() {
    let ses = Ses::start().await;
    // Without MAILER, whoever has an address sends by SES.
    let mailer = mailer(&ses.variables()[1..]).await.unwrap();
    send(&*mailer, 1, "株式会社", "Your order – 注文", "Dear 株式会社,\n\n…\n")
        .await
        .unwrap();
    assert_eq!(
        ses.requests(),
        [json!({
            "FromEmailAddress": "orders@example.com",
            "Destination": { "ToAddresses": ["chevalier@example.com"] },
            "Content": { "Simple": {
                "Subject": { "Data": "Your order – 注文", "Charset": "UTF-8" },
                "Body": { "Text": { "Data": "Dear 株式会社,\n\n…\n", "Charset": "UTF-8" } },
            } },
        })]
    );
}

#[tokio::test]
async fn what_ses_says_of_the_mail_is_final_and_everything_else_passes() {
    let ses = Ses::start().await;
    let mailer = mailer(&ses.variables()).await.unwrap();
    let refuse = |status: u16, code| SesFault::Refuse(StatusCode::from_u16(status).unwrap(), code);
    let passing = |reason: &str| MailError::Passing(format!("SES: {reason}"));
    for (fault, expected) in [
        (refuse(400, "MessageRejected"), MailError::Refused("message_rejected")),
        (refuse(400, "BadRequestException"), MailError::Refused("bad_request")),
        (
            refuse(429, "TooManyRequestsException"),
            passing("TooManyRequestsException"),
        ),
        (refuse(400, "LimitExceededException"), passing("LimitExceededException")),
        (refuse(400, "SendingPausedException"), passing("SendingPausedException")),
        (refuse(403, "AccessDeniedException"), passing("AccessDeniedException")),
        (refuse(500, "InternalFailure"), passing("InternalFailure")),
    ] {
        ses.inject(fault);
        let error = send(&*mailer, 1, "n", "s", "t").await.unwrap_err();
        assert_eq!(error, expected);
        assert!(!error.to_string().contains('@'));
    }
    ses.inject(SesFault::LoseAnswer);
    let error = send(&*mailer, 1, "n", "s", "t").await.unwrap_err();
    assert!(matches!(error, MailError::Passing(_)), "{error:?}");
    assert!(!error.to_string().contains('@'), "{error}");
    // Each of them may be a mail, so none is repeated here.
    assert_eq!(ses.requests().len(), 8);
}

#[tokio::test]
async fn a_maildir_has_a_mail_that_others_can_read_in_any_script() {
    let folder = TestFolder::new();
    let mailer = mailer(&[("MAILER", &maildir(&folder))]).await.unwrap();
    let long = "word ".repeat(300);
    for (n, text) in [
        "Vins et alcools",
        "Łódź \"& Søn\", <a@b>",
        "株式会社 山田",
        "شركة النور",
        "🍷🧀",
    ]
    .into_iter()
    .enumerate()
    {
        let id = n as u128;
        let subject = format!("Your order of {text} {text} {text}");
        let body = format!("Dear {text},\n\n.\nFrom us\n{long}\n=\n");
        send(&*mailer, id, text, &subject, &body).await.unwrap();
        let name = Uuid::from_u128(id).to_string();
        let mail = std::fs::read(folder.path("mail").join("new").join(&name)).unwrap();
        // RFC 5322: lines of at most 998 characters, and better 78, end with CRLF. RFC 2045: no more than 76 in a body.
        assert!(mail.ends_with(b"\r\n") || !mail.ends_with(b"\n"));
        for line in mail.split(|byte| *byte == b'\n') {
            assert!(line.len() <= 79, "{}", String::from_utf8_lossy(line));
            assert!(line.is_ascii(), "{}", String::from_utf8_lossy(line));
        }
        let mail = parse_mail(&mail).unwrap();
        assert_eq!(header(&mail, "Subject"), subject);
        assert_eq!(header(&mail, "Message-ID"), format!("<{name}@localhost>"));
        assert_eq!(header(&mail, "MIME-Version"), "1.0");
        let date = mailparse::dateparse(&header(&mail, "Date")).unwrap();
        assert_eq!(date, 1_795_176_001);
        let from = mailparse::addrparse_header(mail.headers.get_first_header("From").unwrap()).unwrap();
        assert_eq!(from.extract_single_info().unwrap().addr, "orders@localhost");
        let to = mailparse::addrparse_header(mail.headers.get_first_header("To").unwrap()).unwrap();
        let to = to.extract_single_info().unwrap();
        assert_eq!(to.addr, "chevalier@example.com");
        assert_eq!(to.display_name.as_deref(), Some(text));
        assert_eq!(mail.ctype.mimetype, "text/plain");
        assert_eq!(mail.get_content_disposition().disposition, DispositionType::Inline);
        assert_eq!(mail.get_body().unwrap().replace("\r\n", "\n"), body);
    }
    assert_eq!(new_mails(&folder).len(), 5);
}

#[tokio::test]
async fn a_mail_that_is_sent_again_is_there_once_also_when_it_has_been_read() {
    let folder = TestFolder::new();
    let variables = [("MAILER", &*maildir(&folder)), ("MAIL_FROM", "orders@example.com")];
    let mailer = mailer(&variables).await.unwrap();
    let name = Uuid::from_u128(7).to_string();
    send(&*mailer, 7, "n", "s", "t").await.unwrap();
    let first = new_mails(&folder);
    assert!(String::from_utf8_lossy(&first[0]).contains(&format!("<{name}@example.com>")));
    send(&*mailer, 7, "n", "s", "t").await.unwrap();
    assert_eq!(new_mails(&folder), first);

    let mail = folder.path("mail");
    std::fs::rename(
        mail.join("new").join(&name),
        mail.join("cur").join(format!("{name}:2,S")),
    )
    .unwrap();
    send(&*mailer, 7, "n", "s", "t").await.unwrap();
    assert_eq!(new_mails(&folder).len(), 0);
    assert_eq!(names(&folder, "cur").len(), 1);
}

#[tokio::test]
async fn a_maildir_that_cannot_be_written_passes_without_naming_the_mail() {
    let folder = TestFolder::new();
    std::fs::write(folder.path("mail"), "no folder").unwrap();
    let mailer = mailer(&[("MAILER", &maildir(&folder))]).await.unwrap();
    let error = send(&*mailer, 1, "n", "s", "t").await.unwrap_err();
    assert!(matches!(error, MailError::Passing(_)), "{error:?}");
    std::fs::remove_file(folder.path("mail")).unwrap();
    send(&*mailer, 1, "n", "s", "t").await.unwrap();
    assert_eq!(new_mails(&folder).len(), 1);
}
