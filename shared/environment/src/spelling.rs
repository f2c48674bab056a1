//! Which known word a wrong one was meant to be.

/// The nearest of the words that `word` may be a misspelling of: letters more, less, other or swapped, the more of them the
/// longer the word. Case, `_` and `-` make no difference.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known
        .into_iter()
        .filter_map(|known| Some((distance(word, known)?, known)));
    near.min().map(|(_, known)| known)
}

/// Up to this many letters, another letter makes another word: DATE, POST.
const SHORT: usize = 5;

/// A longer word may have one letter in so many wrong.
const LETTERS_PER_MISTAKE: usize = 5;

/// `None` when it is too far to be a misspelling.
fn distance(word: &str, known: &str) -> Option<usize> {
    let (word, known) = (letters(word), letters(known));
    // With letters that are swapped as one mistake.
    let distance = strsim::osa_distance(&word, &known);
    let has_same_letters = || sorted(&word) == sorted(&known);
    let is_near = match known.chars().count() {
        0..=SHORT => distance == 0 || (distance == 1 && (word.len() != known.len() || has_same_letters())),
        count => distance <= count / LETTERS_PER_MISTAKE,
    };
    is_near.then_some(distance)
}

fn letters(word: &str) -> String {
    let letters = word.chars().filter(|letter| !matches!(letter, '_' | '-'));
    letters.flat_map(char::to_uppercase).collect()
}

fn sorted(word: &str) -> Vec<char> {
    let mut letters: Vec<_> = word.chars().collect();
    letters.sort_unstable();
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_found_and_what_is_far_from_all_is_not() {
        let known = ["LogLevel", "PaymentGateway", "PaymentGatewayKey", "StepTimeouts"];
        for (word, expected) in [
            ("StepTimeout", Some("StepTimeouts")),
            ("steptimeouts", Some("StepTimeouts")),
            ("PaymentGatway", Some("PaymentGateway")),
            ("Payment-Gateway-Kye", Some("PaymentGatewayKey")),
            ("LogLevle", Some("LogLevel")),
            ("Architecture", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
