//! The customers.

use domain::Version;
use domain::text::{CustomerId, CustomerName, EmailAddress};
use domain::time::rfc3339_micros;
use serde::{Deserialize, Serialize};

use crate::table::{Reference, Table, Versioned};

/// The Customers table.
pub type Customers = Table<Customer>;

/// Who orders. An order names its customer by id alone, so it may be of one that is not here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Customer {
    pub customer_id: CustomerId,
    pub name: CustomerName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailAddress>,
}

impl Reference for Customer {
    type Id = CustomerId;

    const TABLE: tables::Table = tables::CUSTOMERS;

    fn id(&self) -> &CustomerId {
        &self.customer_id
    }
}

/// A customer as the HTTP contract shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CustomerView {
    pub customer_id: String,
    pub version: Version,
    pub name: String,
    pub email: Option<String>,
    /// Whether it gets no new orders any more.
    pub retired: bool,
    pub updated_at: String,
}

impl From<Versioned<Customer>> for CustomerView {
    fn from(customer: Versioned<Customer>) -> Self {
        let Versioned {
            version,
            updated_at,
            retired,
            value,
        } = customer;
        Self {
            customer_id: value.customer_id.to_string(),
            version,
            name: value.name.to_string(),
            email: value.email.map(|email| email.to_string()),
            retired,
            updated_at: rfc3339_micros(updated_at),
        }
    }
}
