//! The condition that an item is still what was seen.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use dynamodb::{Item, TableError};

use super::amounts::COUNTED;
use super::place::key_names;
use crate::item::Format;
use crate::rows::Row;

/// The condition that an item is still what was seen.
#[derive(Default)]
pub(crate) struct Unchanged {
    terms: Vec<String>,
    names: HashMap<String, String>,
    values: Item,
}

impl Unchanged {
    /// The condition for a row. `None`: there was nothing.
    pub(super) fn since<R: Row>(seen: Option<&Item>) -> Self {
        let [state_version, row_version] = Format::ATTRIBUTES;
        Self::of::<R>(seen, &["Version", state_version, row_version, COUNTED])
    }

    /// Everything that changes the item changes one of these attributes.
    pub(crate) fn of<R: Row>(seen: Option<&Item>, attributes: &[&str]) -> Self {
        let mut condition = Self::default();
        let Some(seen) = seen else {
            let [hash, _] = key_names::<R>();
            condition.names.insert("#hash".to_owned(), hash.to_owned());
            condition.terms.push("attribute_not_exists(#hash)".to_owned());
            return condition;
        };
        for (number, name) in attributes.iter().enumerate() {
            condition.names.insert(format!("#seen{number}"), (*name).to_owned());
            condition.terms.push(match seen.get(*name) {
                None => format!("attribute_not_exists(#seen{number})"),
                Some(value) => {
                    condition.values.insert(format!(":seen{number}"), value.clone());
                    format!("#seen{number} = :seen{number}")
                }
            });
        }
        condition
    }

    pub(super) fn expression(&self) -> Option<String> {
        (!self.terms.is_empty()).then(|| self.terms.join(" AND "))
    }

    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    pub(super) fn values(&self) -> Option<Item> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }

    pub(crate) fn put(self, table: &str, item: &Item) -> Result<TransactWriteItem, TableError> {
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(item.clone()))
            .set_condition_expression(self.expression())
            .set_expression_attribute_names(self.names())
            .set_expression_attribute_values(self.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        Ok(TransactWriteItem::builder().put(put?).build())
    }

    pub(crate) fn delete(self, table: &str, key: Item) -> Result<TransactWriteItem, TableError> {
        let delete = Delete::builder()
            .table_name(table)
            .set_key(Some(key))
            .set_condition_expression(self.expression())
            .set_expression_attribute_names(self.names())
            .set_expression_attribute_values(self.values())
            .build();
        Ok(TransactWriteItem::builder().delete(delete?).build())
    }
}
