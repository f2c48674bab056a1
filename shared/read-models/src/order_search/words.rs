//! The words of an order and of what is searched for, and the terms that they are found by.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::order_row::OrderSummaryRow;

/// A word is found by its beginnings from this width on; a shorter word only as a whole. Letters that are written wide, such
/// as ideographs and Korean syllables, count as two: two of them say as much as three of an alphabet.
const MIN_PREFIX_WIDTH: usize = 3;
/// … up to so many. What is longer is compared with the order itself.
const MAX_PREFIX_CHARS: usize = 16;

/// An order is found by so many terms at most. The words of its last products are left out when it has more.
pub(super) const MAX_TERMS: usize = 2_000;

/// The longest text to search for, in characters.
const MAX_SEARCH_CHARS: usize = 200;
/// The most words in it.
const MAX_SEARCH_WORDS: usize = 10;
/// So many of them are looked up, the longest ones. The others are compared with the orders found.
const MAX_LOOKED_UP: usize = 4;

/// The words of a text, without case, accents and punctuation.
///
/// Words are those of Unicode's rules (<https://www.unicode.org/reports/tr29/>), in which each ideograph is one. Accents are
/// what remains of Latin, Greek and Cyrillic letters when they are taken apart; marks of other scripts stay, as they make
/// another letter there.
fn words(text: &str) -> Vec<String> {
    let is_accent = |c: &char| ('\u{300}'..='\u{36f}').contains(c);
    let plain: String = text.nfkd().filter(|c| !is_accent(c)).nfkc().collect();
    // Upper case first: so `ß` becomes `ss`.
    let folded: String = plain
        .to_uppercase()
        .to_lowercase()
        .chars()
        .flat_map(plain_letters)
        .collect();
    let words = folded
        .unicode_words()
        .flat_map(|word| word.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Letters that Unicode does not take apart, as those write them who do not have them on their keyboards.
fn plain_letters(letter: char) -> impl Iterator<Item = char> {
    let plain = match letter {
        'ς' => "σ",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ı' => "i",
        _ => "",
    };
    plain.chars().chain(plain.is_empty().then_some(letter))
}

/// The words of an identifier, and all of them in one: people leave out what stands between.
fn words_of_identifier(text: &str) -> Vec<String> {
    let mut words = words(text);
    if words.len() > 1 {
        words.push(words.concat());
    }
    words
}

/// Everything that an order is found by, what there is once before its products.
pub(super) fn words_of(order: &OrderSummaryRow) -> Vec<String> {
    let mut found = vec![order.order_id.0.simple().to_string()];
    found.extend(words_of_identifier(&order.customer_id));
    found.extend(words(order.order.terms.shipping_address.city.as_str()));
    if let Some(reference) = &order.order.terms.reference {
        found.extend(words_of_identifier(reference.as_str()));
    }
    if let Some(shipment) = &order.order.shipment {
        found.extend(words_of_identifier(shipment.tracking_number.as_str()));
    }
    for item in &order.order.items {
        found.extend(item.product_name.iter().flat_map(|name| words(name.as_str())));
    }
    found
}

/// The terms of an order.
pub(super) fn terms_of(order: &OrderSummaryRow) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
    for word in words_of(order) {
        for term in prefixes(&word) {
            if terms.len() < MAX_TERMS {
                terms.insert(term);
            }
        }
    }
    terms
}

fn prefixes(word: &str) -> impl Iterator<Item = String> {
    let chars: Vec<char> = word.chars().collect();
    let longest = MAX_PREFIX_CHARS.min(chars.len());
    let prefixes = (1..=longest).map(move |count| chars[..count].iter().collect::<String>());
    let whole = word.chars().count();
    prefixes.filter(move |prefix| prefix.width() >= MIN_PREFIX_WIDTH || prefix.chars().count() == whole)
}

/// What somebody looks for: all of these words, or words that begin with them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchText {
    words: Vec<String>,
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
        let words: BTreeSet<String> = text.split_whitespace().flat_map(search_words).collect();
        let width: usize = words.iter().map(|word| word.width()).sum();
        if width < MIN_PREFIX_WIDTH {
            return Err(SearchTextError::Length);
        }
        if words.len() > MAX_SEARCH_WORDS {
            return Err(SearchTextError::TooManyWords);
        }
        Ok(Self {
            words: words.into_iter().collect(),
        })
    }
}

/// The beginning of an order id is one word.
fn search_words(text: &str) -> Vec<String> {
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    let is_of_id = |(position, byte): (usize, u8)| match HYPHENS.contains(&position) {
        true => byte == b'-',
        false => byte.is_ascii_hexdigit(),
    };
    let is_id = text.len() > HYPHENS[0] && text.len() <= 36 && text.bytes().enumerate().all(is_of_id);
    match is_id {
        true => vec![text.replace('-', "").to_lowercase()],
        false => words(text),
    }
}

impl SearchText {
    /// The terms under which an order that answers it has postings.
    pub(super) fn terms(&self) -> Vec<String> {
        let is_long = |word: &&String| word.width() >= MIN_PREFIX_WIDTH;
        let mut looked_up: Vec<&String> = self.words.iter().filter(is_long).collect();
        if looked_up.is_empty() {
            looked_up = self.words.iter().collect();
        }
        looked_up.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
        looked_up.truncate(MAX_LOOKED_UP);
        let terms = looked_up
            .into_iter()
            .map(|word| word.chars().take(MAX_PREFIX_CHARS).collect());
        terms.collect()
    }

    /// Whether an order has a word that begins with each of these.
    pub(super) fn is_in(&self, order: &OrderSummaryRow) -> bool {
        let words = words_of(order);
        let mut asked = self.words.iter();
        asked.all(|asked| words.iter().any(|word| word.starts_with(asked.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searched(text: &str) -> Vec<String> {
        text.parse::<SearchText>().unwrap().words
    }

    #[test]
    fn words_have_no_case_accents_or_punctuation() {
        assert_eq!(words("México D.F., São Paulo"), ["mexico", "d", "f", "sao", "paulo"]);
        assert_eq!(
            words("Jack's  Rössle-Sauerkraut"),
            ["jack", "s", "rossle", "sauerkraut"]
        );
        assert_eq!(words("Straße ΛΌΓΟΣ Ёлка ﬁx"), ["strasse", "λογοσ", "елка", "fix"]);
        assert_eq!(words("京都市"), ["京", "都", "市"]);
        assert_eq!(words("がく हिन्दी").concat(), "がくहिन्दी");
        assert_eq!(words("1Z 999-AA1"), ["1z", "999", "aa1"]);
        assert_eq!(words("Łódź København Ægir"), ["lodz", "kobenhavn", "aegir"]);
    }

    #[test]
    fn words_are_found_by_their_prefixes() {
        let of = |word: &str| prefixes(word).collect::<Vec<_>>();
        assert_eq!(of("reims"), ["rei", "reim", "reims"]);
        assert_eq!(of("df"), ["df"]);
        assert_eq!(of("京"), ["京"]);
        assert_eq!(of("서울시"), ["서울", "서울시"]);
        assert_eq!(of("1234567890123456789").len(), 14);
    }

    #[test]
    fn a_search_is_3_to_200_characters_of_words() {
        assert_eq!("re".parse::<SearchText>(), Err(SearchTextError::Length));
        assert_eq!("!?- ,".parse::<SearchText>(), Err(SearchTextError::Length));
        assert_eq!("x".repeat(201).parse::<SearchText>(), Err(SearchTextError::Length));
        assert_eq!(
            "a b c d e f g h i j k".parse::<SearchText>(),
            Err(SearchTextError::TooManyWords)
        );
        assert_eq!(searched("Reims  CHAI reims"), ["chai", "reims"]);
        assert_eq!(searched("京都"), ["京", "都"]);
    }

    #[test]
    fn the_beginning_of_an_order_id_is_one_word() {
        assert_eq!(searched("01A1FA32-2bd2-7"), ["01a1fa322bd27"]);
        assert_eq!(searched("01a1fa32-2bd2-718d-ba92-c31b77b91f41")[0].len(), 32);
        assert_eq!(searched("well-known"), ["known", "well"]);
    }
}
