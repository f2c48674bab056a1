//! What may be wrong.

use serde_json::Value;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{file}: {source}")]
    Csv { file: String, source: csv::Error },
    #[error("{0}")]
    Template(#[from] local_stack::template::TemplateError),
    #[error("{0}")]
    Start(#[from] local_stack::StartError),
    #[error("{0}")]
    DynamoDb(#[from] local_stack::dynamodb::EmbeddedError),
    #[error("{0}")]
    Tables(#[from] local_stack::dynamodb::TablesError),
    #[error("the postings of the search cannot be read: {0}")]
    Postings(#[from] dynamodb::TableError),
    #[error("the table {0} cannot be deleted")]
    Delete(String),
    #[error("{0}")]
    Behind(#[from] local_stack::CaughtUpError),
    #[error("{0}")]
    Configuration(#[from] lambda_edge::ConfigError),
    #[error("{0}")]
    Replay(#[from] operations::ReplayError),
    #[error("{request}: {source}")]
    Http { request: String, source: reqwest::Error },
    #[error("{request} answers {status}: {body}")]
    Refused { request: String, status: u16, body: Value },
    #[error("{kind}: {request} is\n{found}\nand the CSV says\n{expected}")]
    Differs {
        kind: &'static str,
        request: String,
        found: String,
        expected: String,
    },
}
