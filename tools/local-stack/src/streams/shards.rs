//! The shards of one stream, in the order in which they may be read.

use std::collections::HashSet;

use aws_sdk_dynamodbstreams::types::Shard;

#[derive(Debug, Default)]
pub(super) struct Shards(Vec<ShardState>);

#[derive(Debug)]
pub(super) struct ShardState {
    pub id: String,
    parent: Option<String>,
    /// Where to read next; `None` until it is asked for.
    pub iterator: Option<String>,
    /// A shard is closed after a few hours, or when it is split; its children go on.
    pub is_finished: bool,
}

impl Shards {
    /// Takes over a new description; what is known of shards that are still there stays.
    pub(super) fn update(&mut self, described: Vec<Shard>) {
        let mut known = std::mem::take(&mut self.0);
        self.0 = described
            .into_iter()
            .filter_map(|shard| {
                let id = shard.shard_id?;
                match known.iter().position(|known| known.id == id) {
                    Some(position) => Some(known.swap_remove(position)),
                    None => Some(ShardState {
                        id,
                        parent: shard.parent_shard_id,
                        iterator: None,
                        is_finished: false,
                    }),
                }
            })
            .collect();
    }

    /// Those that may be read now: a child only after its parent, so that the changes of an item stay in order. A
    /// parent that is described no more was trimmed.
    pub(super) fn readable(&mut self) -> impl Iterator<Item = &mut ShardState> {
        let unfinished: HashSet<String> = self
            .0
            .iter()
            .filter(|shard| !shard.is_finished)
            .map(|shard| shard.id.clone())
            .collect();
        self.0.iter_mut().filter(move |shard| {
            !shard.is_finished && !shard.parent.as_ref().is_some_and(|parent| unfinished.contains(parent))
        })
    }

    /// Whether there may be shards that are not known yet.
    pub(super) fn is_exhausted(&self) -> bool {
        self.0.iter().all(|shard| shard.is_finished)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(id: &str, parent: Option<&str>) -> Shard {
        Shard::builder()
            .shard_id(id)
            .set_parent_shard_id(parent.map(ToOwned::to_owned))
            .build()
    }

    fn readable(shards: &mut Shards) -> Vec<String> {
        shards.readable().map(|shard| shard.id.clone()).collect()
    }

    #[test]
    fn a_child_is_read_after_its_parent() {
        let mut shards = Shards::default();
        assert!(shards.is_exhausted());
        let described = || {
            vec![
                shard("child", Some("parent")),
                shard("parent", Some("trimmed")),
                shard("other", None),
            ]
        };
        shards.update(described());
        assert_eq!(readable(&mut shards), ["parent", "other"]);
        for shard in shards.readable() {
            shard.is_finished = shard.id == "parent";
        }
        shards.update(described());
        assert_eq!(readable(&mut shards), ["child", "other"]);
        assert!(!shards.is_exhausted());
    }
}
