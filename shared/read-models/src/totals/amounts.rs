//! What is counted of a row, by name.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::order::OrderStatus;
use rust_decimal::Decimal;

use crate::money::Money;
use dynamodb::Item;

/// Where the totals of a partition stand: the range key of their item, beside the rows.
#[derive(Debug, Clone, Copy)]
pub struct Totals {
    /// That range key, which no row and no mark has.
    pub key: &'static str,
    /// The count of what is counted once per partition, however many rows have it: of their [`Row::mark`](crate::Row::mark)s.
    pub marked: Option<&'static str>,
}

/// A row's attribute: what it has been counted for.
pub(crate) const COUNTED: &str = "Counted";
/// A row's attribute: the range key of its mark.
pub(crate) const MARK: &str = "Mark";

/// Amounts by their names. One that is zero is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Amounts(pub(super) BTreeMap<String, Decimal>);

impl Amounts {
    /// Zero when it is absent.
    pub fn get(&self, name: &str) -> Decimal {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Those whose names begin with `prefix`, under the rest of their names.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, Decimal)> {
        let named = self.0.iter();
        named.filter_map(move |(name, amount)| Some((name.strip_prefix(prefix)?, *amount)))
    }

    /// Adds to the amount of this name.
    pub fn add(&mut self, name: impl Into<String>, amount: Decimal) {
        let name = name.into();
        let sum = self.get(&name) + amount;
        match sum.is_zero() {
            true => self.0.remove(&name),
            false => self.0.insert(name, sum),
        };
    }

    /// Counts an order's money in its currency: `gross`, and `net` unless it was cancelled; and the order itself, so that
    /// a currency is known also when nothing is to be paid.
    pub fn add_money(&mut self, currency: &str, total: Decimal, status: OrderStatus) {
        self.add(format!("currency#{currency}"), Decimal::ONE);
        self.add(format!("gross#{currency}"), total);
        if status != OrderStatus::Cancelled {
            self.add(format!("net#{currency}"), total);
        }
    }

    /// The money in each currency, in the order of their codes.
    pub fn money(&self) -> Vec<Money> {
        let currencies = self.with_prefix("currency#");
        currencies
            .map(|(code, _)| {
                let amount = |name: &str| self.get(&format!("{name}#{code}"));
                Money::of(code, amount("gross"), amount("net"))
            })
            .collect()
    }

    /// Adds each amount to the one of its name.
    pub fn add_all(&mut self, other: &Self) {
        for (name, amount) in &other.0 {
            self.add(name.clone(), *amount);
        }
    }

    pub(super) fn minus(mut self, other: &Self) -> Self {
        for (name, amount) in &other.0 {
            self.add(name.clone(), -*amount);
        }
        self
    }

    /// Those attributes of an item that are numbers in lower case: ours begin with a capital.
    pub(crate) fn of_totals(item: &Item) -> Self {
        let ours = |name: &str| name.starts_with(|first: char| first.is_ascii_lowercase());
        item.iter().filter(|(name, _)| ours(name)).collect()
    }

    /// What a row has been counted for.
    pub(crate) fn of_row(item: &Item) -> Self {
        let counted = item.get(COUNTED).and_then(|counted| counted.as_m().ok());
        counted.into_iter().flatten().collect()
    }

    /// The attributes of a totals' item, beside its key and revision.
    pub fn to_item(&self) -> Item {
        let attributes = self.0.iter();
        attributes
            // Without trailing zeros, as DynamoDB gives it back.
            .map(|(name, amount)| (name.clone(), AttributeValue::N(amount.normalize().to_string())))
            .collect()
    }
}

impl<'a> FromIterator<(&'a String, &'a AttributeValue)> for Amounts {
    fn from_iter<I: IntoIterator<Item = (&'a String, &'a AttributeValue)>>(attributes: I) -> Self {
        let mut amounts = Self::default();
        for (name, value) in attributes {
            if let Some(amount) = value.as_n().ok().and_then(|number| parse(number)) {
                amounts.add(name, amount);
            }
        }
        amounts
    }
}

/// DynamoDB may write large numbers with an exponent.
pub(super) fn parse(number: &str) -> Option<Decimal> {
    number.parse().or_else(|_| Decimal::from_scientific(number)).ok()
}
