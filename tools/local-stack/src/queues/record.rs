//! Messages as Lambda hands them to a function.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>

use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::message::Message;
use crate::names::{REGION, queue_arn};

/// The element of `Records` that the function gets.
pub(super) fn record(queue: &str, message: &Message) -> Value {
    let digest = Md5::digest(&message.body);
    let attributes = message.attributes.iter().map(|(name, text)| {
        let attribute = json!({
            "stringValue": text, "dataType": "String", "stringListValues": [], "binaryListValues": []
        });
        (name.clone(), attribute)
    });
    let first_received_at = message.first_received_at_millis.unwrap_or(message.sent_at_millis);
    let md5: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "messageId": message.id,
        "receiptHandle": Uuid::now_v7(),
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": message.receives.saturating_add(1).to_string(),
            "SentTimestamp": message.sent_at_millis.to_string(),
            "ApproximateFirstReceiveTimestamp": first_received_at.to_string(),
        },
        "messageAttributes": attributes.collect::<Map<_, _>>(),
        "md5OfBody": md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn(queue),
        "awsRegion": REGION,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lambda_events::sqs::SqsMessage;
    use tokio::time::Instant;

    #[test]
    fn a_message_has_the_shape_that_functions_decode() {
        let message = Message {
            id: "m-1".to_owned(),
            body: "hello".to_owned(),
            attributes: [("Reason".to_owned(), "why".to_owned())].into(),
            sent_at_millis: 1_700_000_000_000,
            first_received_at_millis: Some(1_700_000_000_500),
            receives: 2,
            visible_at: Instant::now(),
        };
        let record = record("Q", &message);
        let decoded: SqsMessage = serde_json::from_value(record).expect("aws_lambda_events' type");
        assert_eq!(decoded.message_id.as_deref(), Some("m-1"));
        assert_eq!(decoded.body.as_deref(), Some("hello"));
        assert_eq!(decoded.md5_of_body.as_deref(), Some("5d41402abc4b2a76b9719d911017c592"));
        assert_eq!(decoded.attributes["ApproximateReceiveCount"], "3");
        assert_eq!(decoded.attributes["SentTimestamp"], "1700000000000");
        assert_eq!(decoded.attributes["ApproximateFirstReceiveTimestamp"], "1700000000500");
        assert_eq!(
            decoded.message_attributes["Reason"].string_value.as_deref(),
            Some("why")
        );
        assert_eq!(decoded.event_source.as_deref(), Some("aws:sqs"));
        let arn = "arn:aws:sqs:us-east-1:000000000000:Q";
        assert_eq!(decoded.event_source_arn.as_deref(), Some(arn));
    }
}
