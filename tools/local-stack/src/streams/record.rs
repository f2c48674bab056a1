//! Records of a stream as Lambda hands them to a function.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>

use std::collections::HashMap;

use aws_sdk_dynamodbstreams::types::{AttributeValue, Record};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// One record, ready to be filtered and delivered.
#[derive(Debug, Clone)]
pub(super) struct StreamRecord {
    pub sequence_number: String,
    pub created_at: DateTime<Utc>,
    /// The element of `Records` that the function gets.
    pub event: Value,
}

impl StreamRecord {
    /// `None` for a record without a sequence number, which DynamoDB never sends.
    pub(super) fn new(record: Record, stream_arn: &str) -> Option<Self> {
        let change = record.dynamodb?;
        let sequence_number = change.sequence_number?;
        let created_seconds = change.approximate_creation_date_time.map_or(0, |time| time.secs());

        let mut dynamodb = Map::new();
        dynamodb.insert("ApproximateCreationDateTime".to_owned(), json!(created_seconds));
        for (name, item) in [
            ("Keys", change.keys),
            ("NewImage", change.new_image),
            ("OldImage", change.old_image),
        ] {
            if let Some(item) = item.filter(|item| !item.is_empty()) {
                dynamodb.insert(name.to_owned(), attributes(item));
            }
        }
        dynamodb.insert("SequenceNumber".to_owned(), json!(sequence_number));
        dynamodb.insert("SizeBytes".to_owned(), json!(change.size_bytes));
        if let Some(view) = change.stream_view_type {
            dynamodb.insert("StreamViewType".to_owned(), json!(view.as_str()));
        }
        let mut event = json!({
            "eventID": record.event_id,
            "eventName": record.event_name.map(|name| name.as_str().to_owned()),
            "eventVersion": record.event_version,
            "eventSource": "aws:dynamodb",
            "awsRegion": record.aws_region,
            "dynamodb": dynamodb,
            "eventSourceARN": stream_arn,
        });
        // Set for deletions by time to live only.
        if let Some(identity) = record.user_identity {
            event["userIdentity"] = json!({ "type": identity.r#type, "principalId": identity.principal_id });
        }
        let created_at = DateTime::from_timestamp(created_seconds, 0).unwrap_or_default();
        Some(Self {
            sequence_number,
            created_at,
            event,
        })
    }
}

fn attributes(item: HashMap<String, AttributeValue>) -> Value {
    item.into_iter().map(|(name, value)| (name, attribute(value))).collect()
}

fn attribute(value: AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(bytes) => json!({ "B": STANDARD.encode(bytes) }),
        AttributeValue::Bool(value) => json!({ "BOOL": value }),
        AttributeValue::Null(value) => json!({ "NULL": value }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Bs(items) => {
            json!({ "BS": items.into_iter().map(|bytes| STANDARD.encode(bytes)).collect::<Vec<_>>() })
        }
        AttributeValue::L(items) => json!({ "L": items.into_iter().map(attribute).collect::<Vec<_>>() }),
        AttributeValue::M(item) => json!({ "M": attributes(item) }),
        // The SDK's placeholder for types that a later DynamoDB may have.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lambda_events::dynamodb::EventRecord;
    use aws_sdk_dynamodbstreams::primitives::{Blob, DateTime as SdkTime};
    use aws_sdk_dynamodbstreams::types::{OperationType, StreamRecord as Change, StreamViewType};

    #[test]
    fn a_record_has_the_shape_that_functions_decode() {
        let change = Change::builder()
            .keys("Id", AttributeValue::S("a".to_owned()))
            .new_image("Id", AttributeValue::S("a".to_owned()))
            .new_image("Tags", AttributeValue::L(vec![AttributeValue::N("1.50".to_owned())]))
            .new_image("Raw", AttributeValue::B(Blob::new([1, 2, 3])))
            .new_image(
                "Map",
                AttributeValue::M([("x".to_owned(), AttributeValue::Bool(true))].into()),
            )
            .sequence_number("100000000000000000001")
            .size_bytes(26)
            .stream_view_type(StreamViewType::NewImage)
            .approximate_creation_date_time(SdkTime::from_secs(1_700_000_000))
            .build();
        let record = Record::builder()
            .event_id("e1")
            .event_name(OperationType::Insert)
            .event_version("1.1")
            .aws_region("us-east-1")
            .dynamodb(change)
            .build();
        let record = StreamRecord::new(record, "arn:stream").expect("a record");

        assert_eq!(record.event["eventName"], "INSERT");
        assert_eq!(record.event["eventSourceARN"], "arn:stream");
        let image = &record.event["dynamodb"]["NewImage"];
        assert_eq!(image["Tags"], json!({"L": [{"N": "1.50"}]}));
        assert_eq!(image["Raw"], json!({"B": "AQID"}));
        assert_eq!(image["Map"], json!({"M": {"x": {"BOOL": true}}}));

        let decoded: EventRecord = serde_json::from_value(record.event).expect("aws_lambda_events' type");
        assert_eq!(decoded.change.approximate_creation_date_time.timestamp(), 1_700_000_000);
        assert_eq!(decoded.change.sequence_number.as_deref(), Some("100000000000000000001"));
    }
}
