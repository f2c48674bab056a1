//! How a stack's tables are found.

use aws_sdk_dynamodb::Client;
use dynamodb::TableError;

/// A stack's tables cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    #[error("there is no table {stack}-{logical_id}-… in this account and region: is the stack's name {stack}?")]
    Missing { stack: String, logical_id: &'static str },
    /// A table that outlived its stack, beside that of a new stack with the same name.
    #[error("there are several tables {logical_id} of a stack {stack}: {}. Name the right one in {variable}.", .found.join(", "))]
    Several {
        stack: String,
        logical_id: &'static str,
        found: Vec<String>,
        variable: &'static str,
    },
    #[error("the tables cannot be listed: {0}")]
    Table(#[from] TableError),
}

/// The names of all tables of this account and region.
pub async fn list(client: &Client) -> Result<Vec<String>, TablesError> {
    let mut pages = client.list_tables().into_paginator().items().send();
    let mut names = Vec::new();
    while let Some(name) = pages.next().await {
        names.push(name.map_err(TableError::from)?);
    }
    Ok(names)
}

/// The one table of `stack` with this logical id. CloudFormation calls it `<stack>-<logical id>-<suffix>`, with a suffix
/// of letters and digits.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html#resources-section-physical-id>
pub fn of_stack<'a>(
    names: &'a [String],
    stack: &str,
    variable: &'static str,
    logical_id: &'static str,
) -> Result<&'a str, TablesError> {
    let prefix = format!("{stack}-{logical_id}-");
    let is_it = |name: &&str| {
        let suffix = name.strip_prefix(&prefix);
        suffix.is_some_and(|suffix| !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    let found: Vec<&str> = names.iter().map(String::as_str).filter(is_it).collect();
    match found[..] {
        [name] => Ok(name),
        [] => Err(TablesError::Missing {
            stack: stack.to_owned(),
            logical_id,
        }),
        _ => Err(TablesError::Several {
            stack: stack.to_owned(),
            logical_id,
            found: found.into_iter().map(str::to_owned).collect(),
            variable,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Result<String, String> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        of_stack(&names, "shop", "EVENT_STORE_TABLE", "EventStore")
            .map(str::to_owned)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_stacks_table_is_told_from_those_of_stacks_with_similar_names() {
        let names = [
            "shop-EventStore-1A2B3C",
            "shop-EventStoreOld-1A2B3C",
            "shop-OrderSummary-1A2B3C",
            "shop-EventStore-test-EventStore-1A2B3C",
            "shop-test-EventStore-1A2B3C",
            "my-shop-EventStore-1A2B3C",
            "EventStore",
        ];
        assert_eq!(found(&names).as_deref(), Ok("shop-EventStore-1A2B3C"));
    }

    #[test]
    fn no_table_and_several_are_errors_that_say_so() {
        let missing = found(&["EventStore"]).unwrap_err();
        assert!(missing.contains("no table shop-EventStore-…"), "{missing}");
        let several = found(&["shop-EventStore-A", "shop-EventStore-B"]).unwrap_err();
        assert!(several.contains("shop-EventStore-A, shop-EventStore-B"), "{several}");
        assert!(several.contains("EVENT_STORE_TABLE"), "{several}");
    }
}
