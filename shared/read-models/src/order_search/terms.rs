//! The terms of an order, as its row keeps them.
//!
//! A row has at most 400 KB, and an order of 300 KB of names has 100,000 terms. Most of them are another one with a letter more,
//! or another last letter. So they are packed: `rei/ms` is `rei`, `reim` and `reims`; `京+都阪` is `京都` and `京阪`. That takes
//! about as much as the names themselves.

use std::collections::{BTreeMap, BTreeSet};

use domain::Version;
use serde::{Deserialize, Serialize};

/// What stands between packed terms, in the two ways of packing. No term has them, nor a space.
const LONGER: char = '/';
const OTHER_LAST: char = '+';

/// Terms, each with the version at which it was added; stored as version → packed terms with spaces between. Before, they were
/// not packed, which reads the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub(super) struct Terms(pub(super) BTreeSet<(String, Version)>);

impl From<BTreeMap<String, String>> for Terms {
    fn from(stored: BTreeMap<String, String>) -> Self {
        let by_version = stored
            .iter()
            .filter_map(|(version, terms)| Some((version.parse().ok()?, terms)));
        Self(
            by_version
                .flat_map(|(version, packed)| unpack(packed).map(move |term| (term, version)))
                .collect(),
        )
    }
}

impl From<Terms> for BTreeMap<String, String> {
    fn from(terms: Terms) -> Self {
        let mut by_version = BTreeMap::<String, Vec<String>>::new();
        for (term, version) in terms.0 {
            by_version.entry(version.to_string()).or_default().push(term);
        }
        let packed = by_version.into_iter();
        packed.map(|(version, terms)| (version, pack(&terms))).collect()
    }
}

/// Packs terms, which come sorted.
fn pack(terms: &[String]) -> String {
    let mut packed = String::new();
    let (mut last, mut start, mut mark) = ("", 0, None);
    for term in terms {
        let (stem, letter) = without_last(term);
        if stem == last && mark != Some(OTHER_LAST) && !stem.is_empty() {
            if mark.is_none() {
                packed.push(LONGER);
            }
            mark = Some(LONGER);
            packed.push_str(letter);
        } else if stem == without_last(last).0 && mark != Some(LONGER) && !stem.is_empty() {
            if mark.is_none() {
                packed.insert(start + stem.len(), OTHER_LAST);
            }
            mark = Some(OTHER_LAST);
            packed.push_str(letter);
        } else {
            if !packed.is_empty() {
                packed.push(' ');
            }
            (start, mark) = (packed.len(), None);
            packed.push_str(term);
        }
        last = term;
    }
    packed
}

fn unpack(packed: &str) -> impl Iterator<Item = String> {
    packed.split(' ').flat_map(|some| {
        let Some(mark) = some.find([LONGER, OTHER_LAST]) else {
            return vec![some.to_owned()];
        };
        let (stem, letters) = some.split_at(mark);
        let is_longer = letters.starts_with(LONGER);
        let mut term = stem.to_owned();
        let mut terms: Vec<String> = is_longer.then(|| term.clone()).into_iter().collect();
        for letter in letters.chars().skip(1) {
            if !is_longer {
                term.truncate(stem.len());
            }
            term.push(letter);
            terms.push(term.clone());
        }
        terms
    })
}

fn without_last(term: &str) -> (&str, &str) {
    let last = term.char_indices().next_back().map_or(0, |(last, _)| last);
    term.split_at(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(terms: &[&str]) -> String {
        let terms: BTreeSet<String> = terms.iter().map(|term| (*term).to_owned()).collect();
        let sorted: Vec<String> = terms.iter().cloned().collect();
        let packed = pack(&sorted);
        assert_eq!(unpack(&packed).collect::<BTreeSet<_>>(), terms, "{packed}");
        packed
    }

    #[test]
    fn terms_are_packed_and_read_as_they_were() {
        assert_eq!(packed(&["rei", "reim", "reims"]), "rei/ms");
        assert_eq!(packed(&["京都", "京阪", "都市"]), "京+都阪 都市");
        assert_eq!(packed(&["rei", "reim", "reims", "rein", "reine"]), "rei/ms rein/e");
        assert_eq!(packed(&["rei", "rek", "rekt", "rel", "s"]), "re+ik rekt rel s");
        assert_eq!(packed(&["a", "ab", "abc", "b", "c"]), "a/bc b c");
        assert_eq!(packed(&["a", "b", "ba", "bb", "เก", "เกา"]), "a b/a bb เก/า");
    }

    #[test]
    fn terms_of_before_are_read_as_they_were() {
        assert_eq!(
            unpack("rei reim 京 都").collect::<Vec<_>>(),
            ["rei", "reim", "京", "都"]
        );
    }
}
