//! The words of an order and of what is searched for, and the terms that they are found by.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::letters::{fold, is_unspaced, may_join, stays_with_letters};
use crate::order_row::OrderSummaryRow;

/// A word is found by its beginnings from this width on; a shorter word only as a whole. Letters that are written wide, such
/// as Korean syllables, count as two: two of them say as much as three of an alphabet.
const MIN_PREFIX_WIDTH: usize = 3;
/// … up to so many. What is longer is compared with the order itself.
const MAX_PREFIX_CHARS: usize = 16;

/// The longest text to search for, in characters.
const MAX_SEARCH_CHARS: usize = 200;
/// The most words in it, with spaces between.
const MAX_SEARCH_WORDS: usize = 10;
/// So many terms are looked up, the longest ones. The other words are compared with the orders found.
const MAX_LOOKED_UP: usize = 4;

/// A word, as [`fold`] leaves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum Word {
    /// Letters and digits; found by its beginnings.
    Plain(String),
    /// Letters of a script without spaces, which may be several words; found by any part, of two letters or more.
    Run(String),
}

impl Word {
    /// The terms of an order that has it.
    fn terms(&self) -> Vec<String> {
        match self {
            Word::Plain(word) => prefixes(word).collect(),
            Word::Run(run) => pairs(run),
        }
    }

    /// Some of the terms of every word that answers it.
    fn looked_up(&self) -> Vec<String> {
        match self {
            Word::Plain(word) => vec![word.chars().take(MAX_PREFIX_CHARS).collect()],
            Word::Run(run) => {
                let pairs = pairs(run);
                let step = pairs.len().div_ceil(MAX_LOOKED_UP);
                pairs.into_iter().step_by(step.max(1)).collect()
            }
        }
    }

    /// Whether more than a whole word is found by it.
    fn is_long(&self) -> bool {
        match self {
            Word::Plain(word) => word.width() >= MIN_PREFIX_WIDTH,
            Word::Run(run) => run.chars().nth(1).is_some(),
        }
    }

    /// Whether a word of an order answers this one of a question.
    fn is_in(&self, word: &Word) -> bool {
        match (self, word) {
            (Word::Plain(asked), Word::Plain(word)) => word.starts_with(asked),
            (Word::Run(asked), Word::Run(run)) => run.contains(asked),
            _ => false,
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Word::Plain(word) | Word::Run(word) => word,
        }
    }
}

fn prefixes(word: &str) -> impl Iterator<Item = String> {
    let chars: Vec<char> = word.chars().collect();
    let longest = MAX_PREFIX_CHARS.min(chars.len());
    let prefixes = (1..=longest).map(move |count| chars[..count].iter().collect::<String>());
    let whole = word.chars().count();
    prefixes.filter(move |prefix| prefix.width() >= MIN_PREFIX_WIDTH || prefix.chars().count() == whole)
}

/// Each letter with the next one; a single one alone.
fn pairs(run: &str) -> Vec<String> {
    let letters: Vec<char> = run.chars().collect();
    match letters[..] {
        [_] => vec![run.to_owned()],
        _ => letters.windows(2).map(|pair| pair.iter().collect()).collect(),
    }
}

/// The words of a folded text: all that stand between what is neither letter nor digit, and where scripts change from one
/// with spaces to one without.
fn words(folded: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let (mut word, mut is_run) = (String::new(), false);
    for letter in folded.chars().map(Some).chain([None]) {
        let of_run = match letter {
            Some(mark) if stays_with_letters(mark) && !word.is_empty() => Some(is_run),
            Some(letter) if stays_with_letters(letter) || letter.is_alphanumeric() => Some(is_unspaced(letter)),
            _ => None,
        };
        if of_run != Some(is_run) {
            let ended = std::mem::take(&mut word);
            if ended.contains(char::is_alphanumeric) {
                words.push(if is_run { Word::Run(ended) } else { Word::Plain(ended) });
            }
        }
        if let Some((letter, of_run)) = letter.zip(of_run) {
            word.push(letter);
            is_run = of_run;
        }
    }
    words
}

/// All of these in one: people leave out what stands between.
fn joined(words: &[Word]) -> Option<String> {
    (words.len() > 1).then(|| words.iter().map(Word::as_str).collect())
}

/// The words of a text, and those in one that a number or an apostrophe shows to be one: `10045378-22`, `O'Neill`.
fn words_of_text(text: &str) -> Vec<Word> {
    let folded = fold(text);
    let found = folded.split_whitespace().map(|part| {
        let mut found = words(part);
        if may_join(part) && found.iter().all(|word| matches!(word, Word::Plain(_))) {
            found.extend(joined(&found).map(Word::Plain));
        }
        found
    });
    found.flatten().collect()
}

/// The words of an identifier, and all of them in one.
fn words_of_identifier(text: &str) -> Vec<Word> {
    let mut found = words(&fold(text));
    found.extend(joined(&found).map(Word::Plain));
    found
}

/// Everything that an order is found by.
fn words_of(order: &OrderSummaryRow) -> BTreeSet<Word> {
    let mut found = BTreeSet::from([Word::Plain(order.order_id.0.simple().to_string())]);
    found.extend(words_of_identifier(&order.customer_id));
    found.extend(words_of_text(order.order.terms.shipping_address.city.as_str()));
    if let Some(reference) = &order.order.terms.reference {
        found.extend(words_of_identifier(reference.as_str()));
    }
    if let Some(shipment) = &order.order.shipment {
        found.extend(words_of_identifier(shipment.tracking_number.as_str()));
    }
    for item in &order.order.items {
        found.extend(item.product_name.iter().flat_map(|name| words_of_text(name.as_str())));
    }
    found
}

/// The terms of an order, all of them: an order has at most about as many as its texts have letters.
pub(super) fn terms_of(order: &OrderSummaryRow) -> BTreeSet<String> {
    words_of(order).iter().flat_map(Word::terms).collect()
}

/// What somebody looks for: all of these parts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchText {
    parts: Vec<Part>,
}

/// What stands between spaces. `10045378-22` may be two words, or one that was printed so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Part {
    words: Vec<Word>,
    /// All of them in one, when there are several.
    joined: Option<Word>,
}

/// Why a text cannot be searched for. Its message completes "the parameter …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SearchTextError {
    #[error("must have 3 letters or digits, and at most {MAX_SEARCH_CHARS} characters")]
    Length,
    #[error("must have at most {MAX_SEARCH_WORDS} words")]
    TooManyWords,
}

impl FromStr for SearchText {
    type Err = SearchTextError;

    fn from_str(text: &str) -> Result<Self, SearchTextError> {
        if text.chars().count() > MAX_SEARCH_CHARS {
            return Err(SearchTextError::Length);
        }
        let folded = fold(text);
        let parts = folded.split_whitespace().map(|part| {
            let words = words(part);
            let joined = joined(&words).map(Word::Plain);
            Part { words, joined }
        });
        let parts: BTreeSet<Part> = parts.filter(|part| !part.words.is_empty()).collect();
        let words: BTreeSet<&Word> = parts.iter().flat_map(|part| &part.words).collect();
        let width: usize = words.iter().map(|word| word.as_str().width()).sum();
        if width < MIN_PREFIX_WIDTH && !words.iter().any(|word| word.is_long()) {
            return Err(SearchTextError::Length);
        }
        if parts.len() > MAX_SEARCH_WORDS {
            return Err(SearchTextError::TooManyWords);
        }
        Ok(Self {
            parts: parts.into_iter().collect(),
        })
    }
}

impl SearchText {
    /// The terms of every order that answers it, for each of at most two ways in which one may.
    ///
    /// Only the longest part that may be one word is looked up both as that and as several. Of others like it only what they
    /// begin with is: that is the same either way.
    pub(super) fn ways(&self) -> Vec<Vec<String>> {
        let length = |part: &&Part| part.joined.as_ref().map_or(0, |word| word.as_str().len());
        let both = self
            .parts
            .iter()
            .filter(|part| part.joined.is_some())
            .max_by_key(length);
        let mut common: Vec<&Word> = Vec::new();
        for part in self.parts.iter().filter(|part| Some(*part) != both) {
            match (&part.joined, &part.words[..]) {
                (Some(_), [first @ Word::Plain(_), ..]) if first.is_long() => common.push(first),
                (Some(_), _) => {}
                (None, words) => common.extend(words),
            }
        }
        let with = |more: &[Word]| terms(common.iter().copied().chain(more));
        match both {
            None => vec![with(&[])],
            Some(part) => vec![with(&part.words), with(part.joined.as_slice())],
        }
    }

    /// Whether an order has each part: all its words, or what they are in one.
    pub(super) fn is_in(&self, order: &OrderSummaryRow) -> bool {
        let words = words_of(order);
        let has = |asked: &Word| words.iter().any(|word| asked.is_in(word));
        let mut parts = self.parts.iter();
        parts.all(|part| part.words.iter().all(has) || part.joined.as_ref().is_some_and(has))
    }
}

/// The longest terms of these. Short words are looked up when there are no others.
fn terms<'a>(words: impl Iterator<Item = &'a Word> + Clone) -> Vec<String> {
    let long = words.clone().filter(|word| word.is_long());
    let mut terms: BTreeSet<String> = long.flat_map(Word::looked_up).collect();
    if terms.is_empty() {
        terms = words.flat_map(Word::looked_up).collect();
    }
    let mut terms: Vec<String> = terms.into_iter().collect();
    terms.sort_by_key(|term| std::cmp::Reverse(term.chars().count()));
    terms.truncate(MAX_LOOKED_UP);
    terms
}

#[cfg(test)]
mod tests;
