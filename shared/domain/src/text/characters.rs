//! What can be seen of a text, and what cannot.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// What no program shows: format characters, variation selectors, fillers.
/// <https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point>
pub fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::Format
}

/// What marks the paper.
pub fn is_visible(c: char) -> bool {
    const BRAILLE_BLANK: char = '\u{2800}';
    !c.is_whitespace() && !c.is_control() && !is_invisible(c) && c != BRAILLE_BLANK
}

/// What begins a new line. <https://www.unicode.org/reports/tr14/>
pub fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// White space, and what passes for it: a space of no width, and the byte order mark that spreadsheets put first.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}')
}
