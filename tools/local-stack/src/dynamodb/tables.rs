//! Creates the template's tables, on any DynamoDB.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TableDescription, TableStatus, TimeToLiveSpecification,
    TimeToLiveStatus,
};
use dynoxide::storage::TableMetadata;
use serde::Deserialize;
use tokio::time::Instant;

use super::embedded::Embedded;
use crate::cause::sdk_cause;
use crate::template::{Attribute, AttributeKind, KeyElement, KeyRole, ProjectionKind, StreamView, Table, Template};

/// A real table takes seconds to become active; an emulator's is at once.
const ACTIVE_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// The template's tables cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    #[error("cannot {action} the table {table}: {cause}")]
    Request {
        action: &'static str,
        table: String,
        cause: String,
    },
    #[error(
        "the table {table} exists with {what} {found}, but the template gives it {expected}; delete the table or its data"
    )]
    Differs {
        table: String,
        what: &'static str,
        expected: String,
        found: String,
    },
    #[error("the table {table} did not become active within {} s", ACTIVE_LIMIT.as_secs())]
    NotActive { table: String },
}

/// Creates those tables of the template that are missing, and waits until all are active.
///
/// # Errors
/// [`TablesError`] when DynamoDB refuses, or has a table that differs from the template in keys, indexes or stream.
pub async fn create_tables(client: &Client, template: &Template) -> Result<(), TablesError> {
    create(client, None, &template.tables).await
}

/// The same in a DynamoDB of this process, which can be looked into without requests.
///
/// # Errors
/// As [`create_tables`].
pub async fn create_tables_in(embedded: &Embedded, template: &Template) -> Result<(), TablesError> {
    create(&embedded.client().await, Some(embedded), &template.tables).await
}

/// The same of any tables. `embedded` is the DynamoDB itself if it is in this process.
pub(crate) async fn create(client: &Client, embedded: Option<&Embedded>, tables: &[Table]) -> Result<(), TablesError> {
    for table in tables {
        create_if_missing(client, table).await?;
    }
    for table in tables {
        let found = match embedded {
            Some(embedded) => stored_shape(embedded, table)?,
            None => Shape::of_description(&active(client, table).await?),
        };
        Shape::of_template(table).check(table, found)?;
        set_time_to_live(client, table).await?;
    }
    Ok(())
}

fn stored_shape(embedded: &Embedded, table: &Table) -> Result<Shape, TablesError> {
    let unreadable = |cause: String| TablesError::Request {
        action: "describe",
        table: table.name.clone(),
        cause,
    };
    let found = embedded.metadata(&table.name).map_err(unreadable)?;
    let found = found.ok_or_else(|| unreadable("it is missing right after its creation".to_owned()))?;
    Shape::of_metadata(&found).map_err(|error| unreadable(error.to_string()))
}

/// Asks for creation straight away: to look first would leave a gap, and costs as much.
async fn create_if_missing(client: &Client, table: &Table) -> Result<(), TablesError> {
    let invalid = |error: BuildError| undefined(table, &error);
    let mut request = client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(&table.key).map_err(invalid)?));
    for attribute in &table.attributes {
        let definition = AttributeDefinition::builder()
            .attribute_name(&attribute.name)
            .attribute_type(match attribute.kind {
                AttributeKind::S => ScalarAttributeType::S,
                AttributeKind::N => ScalarAttributeType::N,
                AttributeKind::B => ScalarAttributeType::B,
            })
            .build()
            .map_err(invalid)?;
        request = request.attribute_definitions(definition);
    }
    for index in &table.indexes {
        let mut projection = Projection::builder().projection_type(match index.projection.projection_type {
            ProjectionKind::All => ProjectionType::All,
            ProjectionKind::KeysOnly => ProjectionType::KeysOnly,
            ProjectionKind::Include => ProjectionType::Include,
        });
        for attribute in &index.projection.non_key_attributes {
            projection = projection.non_key_attributes(attribute);
        }
        let index = GlobalSecondaryIndex::builder()
            .index_name(&index.name)
            .set_key_schema(Some(key_schema(&index.key).map_err(invalid)?))
            .projection(projection.build())
            .build()
            .map_err(invalid)?;
        request = request.global_secondary_indexes(index);
    }
    if let Some(view) = table.stream {
        let stream = StreamSpecification::builder()
            .stream_enabled(true)
            .stream_view_type(stream_view(view));
        request = request.stream_specification(stream.build().map_err(invalid)?);
    }
    match request.send().await {
        Ok(_) => Ok(()),
        Err(SdkError::ServiceError(error)) if matches!(error.err(), CreateTableError::ResourceInUseException(_)) => {
            Ok(())
        }
        Err(error) => Err(failed("create", table, &error)),
    }
}

async fn active(client: &Client, table: &Table) -> Result<TableDescription, TablesError> {
    let deadline = Instant::now() + ACTIVE_LIMIT;
    loop {
        let answer = client.describe_table().table_name(&table.name).send().await;
        let description = answer.map_err(|error| failed("describe", table, &error))?.table;
        if let Some(description) = description.filter(|table| table.table_status() == Some(&TableStatus::Active)) {
            return Ok(description);
        }
        if Instant::now() >= deadline {
            return Err(TablesError::NotActive {
                table: table.name.clone(),
            });
        }
        tokio::time::sleep(POLL).await;
    }
}

/// What must not differ between the template's table and the one that there is, as texts for a person.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    key: String,
    indexes: String,
    stream: String,
}

impl Shape {
    fn of_template(table: &Table) -> Self {
        let key = |key: &[KeyElement]| describe_key(key, &table.attributes);
        let indexes = table.indexes.iter().map(|index| (index.name.as_str(), key(&index.key)));
        Self {
            key: key(&table.key),
            indexes: describe_indexes(indexes.collect()),
            stream: describe_stream(table.stream.map(stream_view).as_ref().map(StreamViewType::as_str)),
        }
    }

    fn of_description(found: &TableDescription) -> Self {
        let attributes: Vec<_> = found.attribute_definitions().iter().filter_map(attribute).collect();
        let key = |key: &[KeySchemaElement]| {
            let elements: Vec<_> = key.iter().map(key_element).collect();
            describe_key(&elements, &attributes)
        };
        let indexes = found.global_secondary_indexes().iter();
        let indexes = indexes.map(|index| (index.index_name().unwrap_or_default(), key(index.key_schema())));
        let stream = found.stream_specification().filter(|stream| stream.stream_enabled());
        let stream = stream.and_then(StreamSpecification::stream_view_type);
        Self {
            key: key(found.key_schema()),
            indexes: describe_indexes(indexes.collect()),
            stream: describe_stream(stream.map(StreamViewType::as_str)),
        }
    }

    /// The shape of a table of the embedded DynamoDB. Its DescribeTable counts all items and looks into those of indexes, which takes
    /// seconds in a large folder.
    fn of_metadata(found: &TableMetadata) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Index {
            index_name: String,
            key_schema: Vec<KeyElement>,
        }
        let attributes: Vec<Attribute> = serde_json::from_str(&found.attribute_definitions)?;
        let indexes: Vec<Index> = serde_json::from_str(found.gsi_definitions.as_deref().unwrap_or("[]"))?;
        let indexes = indexes
            .iter()
            .map(|index| (index.index_name.as_str(), describe_key(&index.key_schema, &attributes)));
        let stream = found.stream_view_type.as_deref().filter(|_| found.stream_enabled);
        let key: Vec<KeyElement> = serde_json::from_str(&found.key_schema)?;
        Ok(Self {
            key: describe_key(&key, &attributes),
            indexes: describe_indexes(indexes.collect()),
            stream: describe_stream(stream),
        })
    }

    /// Whether the table that was `found` is as this one has it.
    fn check(self, table: &Table, found: Self) -> Result<(), TablesError> {
        let parts = [
            ("the key", self.key, found.key),
            ("the indexes", self.indexes, found.indexes),
            ("the stream", self.stream, found.stream),
        ];
        match parts.into_iter().find(|(_, expected, found)| expected != found) {
            None => Ok(()),
            Some((what, expected, found)) => Err(TablesError::Differs {
                table: table.name.clone(),
                what,
                expected,
                found,
            }),
        }
    }
}

/// `AggregateId S HASH, Version N RANGE`
fn describe_key(key: &[KeyElement], attributes: &[Attribute]) -> String {
    let kind = |name: &str| attributes.iter().find(|attribute| attribute.name == name);
    let part = |part: &KeyElement| {
        let kind = kind(&part.name).map_or("?", |attribute| kind_name(attribute.kind));
        let role = if part.role == KeyRole::Hash { "HASH" } else { "RANGE" };
        format!("{} {kind} {role}", part.name)
    };
    key.iter().map(part).collect::<Vec<_>>().join(", ")
}

fn describe_indexes(indexes: BTreeMap<&str, String>) -> String {
    if indexes.is_empty() {
        return "none".to_owned();
    }
    let indexes = indexes.iter().map(|(name, key)| format!("{name} ({key})"));
    indexes.collect::<Vec<_>>().join(", ")
}

fn describe_stream(view: Option<&str>) -> String {
    view.unwrap_or("none").to_owned()
}

/// `None` for a type that keys cannot have.
fn attribute(definition: &AttributeDefinition) -> Option<Attribute> {
    let kind = match definition.attribute_type() {
        ScalarAttributeType::S => AttributeKind::S,
        ScalarAttributeType::N => AttributeKind::N,
        ScalarAttributeType::B => AttributeKind::B,
        _ => return None,
    };
    let name = definition.attribute_name().to_owned();
    Some(Attribute { name, kind })
}

fn key_element(element: &KeySchemaElement) -> KeyElement {
    let role = if *element.key_type() == KeyType::Hash {
        KeyRole::Hash
    } else {
        KeyRole::Range
    };
    let name = element.attribute_name().to_owned();
    KeyElement { name, role }
}

async fn set_time_to_live(client: &Client, table: &Table) -> Result<(), TablesError> {
    let Some(attribute) = &table.ttl_attribute else {
        return Ok(());
    };
    let answer = client.describe_time_to_live().table_name(&table.name).send().await;
    let current = answer
        .map_err(|error| failed("read the time to live of", table, &error))?
        .time_to_live_description;
    if let Some(current) = current.filter(|ttl| {
        matches!(
            ttl.time_to_live_status(),
            Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
        )
    }) {
        let found = current.attribute_name().unwrap_or_default();
        return match found == attribute {
            true => Ok(()),
            false => Err(TablesError::Differs {
                table: table.name.clone(),
                what: "the time to live attribute",
                expected: attribute.clone(),
                found: found.to_owned(),
            }),
        };
    }
    let specification = TimeToLiveSpecification::builder()
        .attribute_name(attribute)
        .enabled(true)
        .build();
    client
        .update_time_to_live()
        .table_name(&table.name)
        .time_to_live_specification(specification.map_err(|error| undefined(table, &error))?)
        .send()
        .await
        .map_err(|error| failed("set the time to live of", table, &error))?;
    Ok(())
}

fn failed<E>(action: &'static str, table: &Table, error: &SdkError<E>) -> TablesError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    TablesError::Request {
        action,
        table: table.name.clone(),
        cause: sdk_cause(error),
    }
}

/// The template leaves out what a definition needs.
fn undefined(table: &Table, error: &BuildError) -> TablesError {
    TablesError::Request {
        action: "define",
        table: table.name.clone(),
        cause: error.to_string(),
    }
}

fn key_schema(key: &[KeyElement]) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |part: &KeyElement| {
        let role = if part.role == KeyRole::Hash {
            KeyType::Hash
        } else {
            KeyType::Range
        };
        KeySchemaElement::builder()
            .attribute_name(&part.name)
            .key_type(role)
            .build()
    };
    key.iter().map(element).collect()
}

fn stream_view(view: StreamView) -> StreamViewType {
    match view {
        StreamView::KeysOnly => StreamViewType::KeysOnly,
        StreamView::NewImage => StreamViewType::NewImage,
        StreamView::OldImage => StreamViewType::OldImage,
        StreamView::NewAndOldImages => StreamViewType::NewAndOldImages,
    }
}

fn kind_name(kind: AttributeKind) -> &'static str {
    match kind {
        AttributeKind::S => "S",
        AttributeKind::N => "N",
        AttributeKind::B => "B",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::Embedded;

    #[tokio::test]
    async fn creating_twice_changes_nothing_and_a_table_that_differs_is_named() {
        let embedded = Embedded::memory().await.expect("a DynamoDB in memory");
        let client = embedded.client().await;
        let text = include_str!("../../../../template.yaml");
        let mut template = Template::parse("template.yaml", text).expect("the template");
        create_tables(&client, &template).await.expect("new tables");
        create_tables(&client, &template).await.expect("the same tables");
        create(&client, Some(&embedded), &template.tables)
            .await
            .expect("the same tables");

        let store = template
            .tables
            .iter_mut()
            .find(|table| table.name == "EventStore")
            .expect("the event store");
        store.stream = Some(StreamView::KeysOnly);
        // Whether it is asked or looked into.
        for embedded in [None, Some(&embedded)] {
            let error = create(&client, embedded, &template.tables)
                .await
                .expect_err("another stream");
            assert_eq!(
                error.to_string(),
                "the table EventStore exists with the stream NEW_IMAGE, but the template gives it KEYS_ONLY; \
                 delete the table or its data"
            );
        }
        embedded.stop().await;
    }
}
