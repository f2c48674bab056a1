//! The account, region and names that things have on one machine, where AWS would give them theirs.

pub(crate) const REGION: &str = "us-east-1";
pub(crate) const ACCOUNT_ID: &str = "000000000000";

/// The ARN of something in this region.
pub(crate) fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{resource}")
}

/// Roles have no region.
pub(crate) fn role_arn(role: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT_ID}:role/{role}")
}

/// A function is named by its binary, as cargo-lambda does.
pub(crate) fn function_arn(binary: &str) -> String {
    arn("lambda", &format!("function:{binary}"))
}

pub(crate) fn secret_arn(secret: &str) -> String {
    arn("secretsmanager", &format!("secret:{secret}"))
}

pub(crate) fn table_arn(table: &str) -> String {
    arn("dynamodb", &format!("table/{table}"))
}

pub(crate) fn queue_arn(queue: &str) -> String {
    arn("sqs", queue)
}

/// A queue is named by its URL in SQS's API.
pub(crate) fn queue_url(queue: &str) -> String {
    format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/{queue}")
}

/// The queue whose [`queue_url`] this is.
pub(crate) fn queue_of_url(url: &str) -> Option<&str> {
    url.strip_prefix(&queue_url(""))
}

/// The queue whose [`queue_arn`] this is.
pub(crate) fn queue_of(arn: &str) -> Option<&str> {
    arn.strip_prefix(&queue_arn(""))
}

pub(crate) fn bus_arn(bus: &str) -> String {
    arn("events", &format!("event-bus/{bus}"))
}

/// What `!GetAtt Table.StreamArn` stands for while the template is read; the stream that is read has an ARN of its own.
pub(crate) fn stream_arn(table: &str) -> String {
    format!("{}/stream/local", table_arn(table))
}

/// The table whose [`stream_arn`] this is.
pub(crate) fn table_of_stream(arn: &str) -> Option<&str> {
    arn.strip_prefix(&table_arn(""))?.strip_suffix("/stream/local")
}
