//! Parts of tables: segments of a scan, and shards of a key.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use domain::aggregate::fnv1a;

/// One of `of` parts of a table, counted from 0. `of` is at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub number: u32,
    pub of: u32,
}

impl Segment {
    pub const WHOLE: Self = Self { number: 0, of: 1 };

    /// A Scan of at most `limit` items of this part of a table.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html#Scan.ParallelScan>
    pub fn scan(self, client: &Client, table: &str, limit: usize) -> ScanFluentBuilder {
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        client
            .scan()
            .table_name(table)
            .segment(number(self.number))
            .total_segments(number(self.of))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
    }
}

/// The shard of what has this id, a number below `shards`: always the same one.
pub fn shard_of(id: &str, shards: u32) -> u32 {
    (fnv1a(&[id.as_bytes()]) % u64::from(shards)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_spread_evenly_over_the_shards() {
        let mut counts = [0_u32; 8];
        for n in 0..8_000_u32 {
            counts[shard_of(&format!("order-{n}"), 8) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }
}
