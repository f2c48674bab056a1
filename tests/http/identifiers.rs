//! What the description says of new identifiers is exactly what the code does.

use domain::text::{ProductId, TextError};
use proptest::prelude::*;
use serde_json::json;

use crate::support::description::DESCRIPTION;

/// The pattern of new identifiers, made from what the code takes. It has only what ECMAScript's regular expressions and those of
/// Python and Rust have alike.
fn pattern_of_identifiers() -> String {
    let takes = |text: String| text.parse::<ProductId>().is_ok();
    // Between digits, with which no mark is composed to another character.
    let is_never_taken = |c: &char| !takes(format!("1{c}1"));
    let (never, always): (Vec<char>, Vec<char>) = ('\0'..=char::MAX).partition(is_never_taken);
    let is_not_around = |c: &char| !takes(format!("{c}1")) || !takes(format!("1{c}"));
    let around: Vec<_> = always.into_iter().filter(is_not_around).collect();
    let (never, around) = (class(&never), class(&around));
    format!(r"^(?!\.{{1,2}}$)(?![{around}])(?!.*[{around}]$)[^{never}]+$")
}

/// Characters as the ranges of a class.
fn class(characters: &[char]) -> String {
    let mut ranges: Vec<(char, char)> = Vec::new();
    for c in characters {
        match ranges.last_mut() {
            Some((_, last)) if (*last..=*c).nth(1) == Some(*c) => *last = *c,
            _ => ranges.push((*c, *c)),
        }
    }
    let written = |c: char| match u32::from(c) {
        code @ ..=0xffff => format!("\\u{code:04x}"),
        _ => c.to_string(),
    };
    let ranges = ranges.into_iter().map(|(first, last)| match first == last {
        true => written(first),
        false => format!("{}-{}", written(first), written(last)),
    });
    ranges.collect()
}

/// Whether the pattern of the description has the text.
fn is_described(text: &str) -> bool {
    let schema = &DESCRIPTION.api["components"]["schemas"]["Identifier"];
    DESCRIPTION.errors(schema, &json!(text)).is_empty()
}

#[test]
fn the_pattern_of_identifiers_says_what_the_code_does_in_all_of_unicodes_planes() {
    let pattern = pattern_of_identifiers();
    let described = DESCRIPTION.api["components"]["schemas"]["Identifier"]["pattern"]
        .as_str()
        .unwrap();
    let in_yaml = |c: char| match c {
        '\\' => r"\\".to_owned(),
        c if c.is_ascii() => c.to_string(),
        c => format!("\\U{:08X}", u32::from(c)),
    };
    assert!(
        described == pattern,
        "it is to be \"{}\"",
        pattern.chars().map(in_yaml).collect::<String>()
    );
    // That it is understood as it is meant: at the borders of each of its ranges.
    for border in pattern.chars().filter(|c| !c.is_ascii()) {
        let around = [-1, 0, 1].map(|step| char::from_u32(u32::from(border).saturating_add_signed(step)));
        for c in around.into_iter().flatten() {
            let text = format!("1{c}1");
            assert_eq!(
                is_described(&text),
                text.parse::<ProductId>().is_ok(),
                "U+{:04X}",
                u32::from(c)
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_identifier_is_taken_when_it_is_described(text in identifier_like()) {
        match text.parse::<ProductId>() {
            Ok(_) => prop_assert!(is_described(&text)),
            // A combination of characters may be another way to write one; the pattern knows only single ones.
            Err(TextError::NotNormalized) => {}
            Err(error) => prop_assert!(!is_described(&text), "{}", error),
        }
    }
}

/// Some characters of any plane, with those that are often wrong among them.
fn identifier_like() -> impl Strategy<Value = String> {
    let suspicious = "a1 ./?-\n\r\t\u{a0}\u{85}\u{ad}\u{200b}\u{2028}\u{feff}\u{e0001}\u{301}\u{fe0f}";
    let suspicious: Vec<char> = suspicious.chars().collect();
    let character = prop_oneof![any::<char>(), proptest::sample::select(suspicious)];
    proptest::collection::vec(character, 0..8).prop_map(|characters| characters.into_iter().collect())
}
