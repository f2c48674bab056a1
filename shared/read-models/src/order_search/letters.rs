//! Letters as the search compares them.

use domain::text::is_invisible;
use icu_properties::CodePointMapData;
use icu_properties::props::LineBreak;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

const APOSTROPHE: char = '\'';

/// A text without what makes no difference: case, accents, forms of the same letter, and what nobody sees.
pub(super) fn fold(text: &str) -> String {
    let shown = text.chars().map(plain_mark).nfkd().filter(|c| !is_left_out(*c));
    let shown: String = shown.nfkc().collect();
    // `ẞ` becomes `ß`, that becomes `SS`, and that `ss`.
    let folded = shown.to_lowercase().to_uppercase().to_lowercase();
    folded.chars().flat_map(plain_letters).collect()
}

/// One apostrophe for all that pass for it.
fn plain_mark(c: char) -> char {
    match c {
        '’' | '‘' | '´' | '`' | '′' | 'ʼ' | 'ʻ' | 'ʾ' | 'ʿ' => APOSTROPHE,
        _ => c,
    }
}

/// Accents, which remain of Latin, Greek and Cyrillic letters when they are taken apart; what stands around a letter; points
/// and vowels that Hebrew and Arabic may leave out, and the stroke that makes an Arabic word longer; and what nobody sees.
///
/// Marks of other scripts stay, as they make another letter there.
fn is_left_out(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
        | '\u{640}' | '\u{64b}'..='\u{652}' | '\u{670}'
    ) || is_invisible(c)
}

/// Letters that Unicode does not take apart, as those write them who do not have them on their keyboards.
fn plain_letters(letter: char) -> impl Iterator<Item = char> {
    let plain = match letter {
        'ς' => "σ",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ŧ' => "t",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ı' => "i",
        _ => "",
    };
    plain.chars().chain(plain.is_empty().then_some(letter))
}

/// Whether it belongs to the letter before it.
pub(super) fn stays_with_letters(c: char) -> bool {
    is_combining_mark(c)
}

/// Whether words are written without spaces in the script of this letter: whether a line may break beside it, where a
/// dictionary says so or anywhere. <https://www.unicode.org/reports/tr14/>
pub(super) fn is_unspaced(letter: char) -> bool {
    matches!(
        CodePointMapData::<LineBreak>::new().get(letter),
        // Thai, Lao, Khmer, Burmese and their like.
        LineBreak::ComplexContext
            // Han, Kana, Yi and their like.
            | LineBreak::Ideographic | LineBreak::ConditionalJapaneseStarter | LineBreak::Nonstarter
            // Balinese, Javanese and their like.
            | LineBreak::Aksara | LineBreak::AksaraPrebase | LineBreak::AksaraStart
    )
}

/// Whether the words of this part of a text may be one: those of a number, or of a name with an apostrophe.
pub(super) fn may_join(part: &str) -> bool {
    part.contains(|c: char| c.is_numeric() || c == APOSTROPHE)
}
