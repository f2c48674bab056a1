//! What a call cost.

use std::ops::AddAssign;

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// Requests to DynamoDB, and the capacity units that it reported for them.
///
/// A request is one call here; attempts that the SDK repeats after a fault are not seen. A refused condition costs a
/// write unit that DynamoDB does not report.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    pub requests: u32,
    /// Read units, of 4 KB read strongly.
    pub read_units: f64,
    /// Write units of the table itself, of 1 KB.
    pub write_units: f64,
    /// Write units of the table's indexes.
    pub index_write_units: f64,
}

impl Cost {
    /// A request that reported nothing.
    fn request() -> Self {
        Self {
            requests: 1,
            ..Self::default()
        }
    }

    /// A request that read, and what DynamoDB reported of it.
    pub fn read(capacity: Option<&ConsumedCapacity>) -> Self {
        Self {
            read_units: capacity.and_then(ConsumedCapacity::capacity_units).unwrap_or_default(),
            ..Self::request()
        }
    }

    /// A request that wrote, and what DynamoDB reported of it.
    pub fn write(capacity: &[ConsumedCapacity]) -> Self {
        let mut cost = Self::request();
        for capacity in capacity {
            let total = capacity.capacity_units().unwrap_or_default();
            let indexes: f64 = capacity
                .global_secondary_indexes()
                .into_iter()
                .flat_map(|indexes| indexes.values())
                .filter_map(|index| index.capacity_units())
                .sum();
            cost.write_units += total - indexes;
            cost.index_write_units += indexes;
        }
        cost
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.read_units += other.read_units;
        self.write_units += other.write_units;
        self.index_write_units += other.index_write_units;
    }
}
