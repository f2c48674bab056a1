use super::*;

fn id(text: &str) -> Result<String, TextError> {
    text.parse::<ProductId>().map(|id| id.to_string())
}

fn line(text: &str) -> Result<String, TextError> {
    text.parse::<Text<20>>().map(String::from)
}

fn free(text: &str) -> Result<String, TextError> {
    text.parse::<Text<20, MANY_LINES>>().map(String::from)
}

#[test]
fn an_identifier_takes_any_script_and_inner_spaces() {
    for text in [
        "1",
        "-",
        "PM 7 \\ Süß",
        "注文-42",
        "a\u{a0}b",
        "ẹ\u{300}",
        "\u{e000}",
        &"ü".repeat(64),
    ] {
        assert_eq!(id(text).as_deref(), Ok(text));
    }
}

#[test]
fn an_identifier_has_nothing_in_it_that_looks_like_nothing_or_something_else() {
    use TextError::{ControlCharacter, InvisibleCharacter, Length, NotForPaths, NotNormalized, SurroundingSpace};
    for (text, expected) in [
        ("", Length { max: 64 }),
        (&*"x".repeat(65), Length { max: 64 }),
        ("a\u{0}b", ControlCharacter('\u{0}')),
        ("a\tb", ControlCharacter('\t')),
        ("a\u{85}b", ControlCharacter('\u{85}')),
        ("a\u{2028}b", ControlCharacter('\u{2028}')),
        (" a", SurroundingSpace),
        ("a\u{a0}", SurroundingSpace),
        ("\u{3000}a", SurroundingSpace),
        ("\u{feff}MG-72", InvisibleCharacter('\u{feff}')),
        ("MG\u{200b}-72", InvisibleCharacter('\u{200b}')),
        ("MG\u{ad}72", InvisibleCharacter('\u{ad}')),
        ("MG\u{202e}72", InvisibleCharacter('\u{202e}')),
        ("MG\u{fe0f}", InvisibleCharacter('\u{fe0f}')),
        ("MG\u{3164}", InvisibleCharacter('\u{3164}')),
        ("MG\u{e0041}", InvisibleCharacter('\u{e0041}')),
        ("MG\u{110bd}", InvisibleCharacter('\u{110bd}')),
        ("M8/40", NotForPaths),
        ("M8?", NotForPaths),
        (".", NotForPaths),
        ("..", NotForPaths),
        ("Cafe\u{301}", NotNormalized),
        ("\u{212b}", NotNormalized),
    ] {
        assert_eq!(id(text), Err(expected), "{text:?}");
    }
}

#[test]
fn a_text_is_taken_as_forms_and_spreadsheets_send_it() {
    for (text, expected) in [
        ("Münster ", "Münster"),
        ("\u{feff}\u{a0} Münster\t\r\n", "Münster"),
        ("Mu\u{308}nster", "Münster"),
        ("Am Hof 1\r\nHinterhaus", "Am Hof 1 Hinterhaus"),
        ("Am Hof 1 \n\n\t2", "Am Hof 1 2"),
        ("a\u{2028}b\u{b}c\u{85}d", "a b c d"),
        ("a  b", "a  b"),
        ("Donau\u{ad}dampf", "Donau\u{ad}dampf"),
        ("❤\u{fe0f}", "❤\u{fe0f}"),
        ("می\u{200c}خواهم", "می\u{200c}خواهم"),
    ] {
        assert_eq!(line(text).as_deref(), Ok(expected), "{text:?}");
    }
    let length = Err(TextError::Length { max: 20 });
    assert_eq!(
        [line(""), line(" \n\t\u{feff}"), line(&"x".repeat(21))],
        [length.clone(), length.clone(), length]
    );
    assert_eq!(line(&format!("  {}  ", "x".repeat(20))), Ok("x".repeat(20)));
    assert_eq!(line("a\u{7}b"), Err(TextError::ControlCharacter('\u{7}')));
    for unseen in [
        "\u{ad}",
        "\u{200d}\u{200c}",
        "\u{2800}",
        "\u{fe0f} \u{fe0f}",
        "\u{3164}",
    ] {
        assert_eq!(line(unseen), Err(TextError::NothingVisible), "{unseen:?}");
    }
}

#[test]
fn a_text_of_many_lines_keeps_them() {
    for (text, expected) in [
        ("two\r\nbroken", "two\nbroken"),
        (" two \rbroken\n\n", "two\nbroken"),
        ("a\n\nb", "a\n\nb"),
        ("a\u{2029}b", "a\nb"),
        ("a\tb", "a b"),
    ] {
        assert_eq!(free(text).as_deref(), Ok(expected), "{text:?}");
    }
    assert_eq!(free("\r\n"), Err(TextError::Length { max: 20 }));
    assert_eq!(free("a\u{0}"), Err(TextError::ControlCharacter('\u{0}')));
}

#[test]
fn what_is_stored_is_read_as_it_is() {
    for text in ["\u{feff}MG-72", "M8/40", " a ", "Cafe\u{301}", "a\u{200b}"] {
        let json = serde_json::json!(text);
        let id: Sku = serde_json::from_value(json.clone()).unwrap();
        let name: ProductName = serde_json::from_value(json.clone()).unwrap();
        assert_eq!((id.as_str(), name.as_str()), (text, text));
        assert_eq!(
            serde_json::to_value((id, name)).unwrap(),
            serde_json::json!([text, text])
        );
        let Stored(named) = text.parse::<Stored<Sku>>().unwrap();
        assert_eq!(named.as_str(), text);
    }
}
