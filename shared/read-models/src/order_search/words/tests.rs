use super::*;

fn plain(text: &str) -> Vec<String> {
    let words = words_of_text(text).into_iter();
    words.map(|word| word.as_str().to_owned()).collect()
}

fn asked(text: &str) -> SearchText {
    text.parse().unwrap()
}

/// Whether a text, a product's name say, is found by a question: by looking its terms up, and by its words.
fn finds(question: &str, text: &str) -> bool {
    let words = words_of_text(text);
    let terms: BTreeSet<String> = words.iter().flat_map(Word::terms).collect();
    let has = |asked: &Word| words.iter().any(|word| asked.is_in(word));
    let asked = asked(question);
    let mut ways = asked.ways().into_iter();
    let is_looked_up = ways.any(|way| way.iter().all(|term| terms.contains(term)));
    let is_part_in = |part: &Part| part.words.iter().all(has) || part.joined.as_ref().is_some_and(has);
    is_looked_up && asked.parts.iter().all(is_part_in)
}

#[test]
fn words_have_no_case_accents_or_punctuation() {
    assert_eq!(plain("México D.F., São Paulo"), ["mexico", "d", "f", "sao", "paulo"]);
    assert_eq!(
        plain("Rössle-Sauerkraut Straße ΛΌΓΟΣ Ёлка ﬁx"),
        ["rossle", "sauerkraut", "strasse", "λογοσ", "елка", "fix"]
    );
    assert_eq!(plain("が हिन्दी").concat(), "がहिन्दी");
    assert_eq!(
        plain("Łódź København Ægir Ħamrun"),
        ["lodz", "kobenhavn", "aegir", "hamrun"]
    );
    assert_eq!(plain("ﾊﾝｶｸ ＡＢＣ１２ ① 🎁"), ["ハンカク", "abc12", "1"]);
}

#[test]
fn a_number_is_found_as_printed_and_by_its_parts() {
    assert_eq!(
        plain("Ersatzfilter 10045378-22"),
        ["ersatzfilter", "10045378", "22", "1004537822"]
    );
    for (text, found) in [
        (
            "Ersatzfilter 10045378-22",
            &[
                "10045378-22",
                "10045378",
                "1004537822",
                "10045378-2",
                "ersatz 10045378-22",
            ][..],
        ),
        (
            "Charge L2024.05/B-7",
            &["L2024.05/B-7", "l202405b7", "l2024.05", "L2024"],
        ),
        (
            "Filter 978-3-16-148410-0",
            &["978-3-16-148410-0", "9783161484100", "148410"],
        ),
        ("Kabel X 200", &["x-200", "X 200", "kabel x-200"]),
        ("Kabel X-200", &["x-200", "x200", "X 200"]),
        ("MAC 00:1A:2B:3C:4D:5E", &["00:1A:2B:3C:4D:5E", "001a2b3c4d5e"]),
        ("Schlüssel a-1-b-2-c-3-d-4-e-5-f-6", &["a-1-b-2-c-3-d-4-e-5-f-6"]),
        ("deadbeef-cafe Sticker", &["deadbeef-cafe", "cafe"]),
        ("Schrauben 1.000 Stück", &["1.000", "1000", "1,000", "1'000"]),
    ] {
        for question in found {
            assert!(finds(question, text), "{question} in {text}");
        }
    }
    for (text, question) in [
        ("Ersatzfilter 10045378-22", "10045378-23"),
        ("Ersatzfilter 10045378-22", "0045378-22"),
        ("Kabel X-200", "x-300"),
    ] {
        assert!(!finds(question, text), "{question} in {text}");
    }
}

#[test]
fn what_nobody_sees_neither_splits_nor_hides_a_word() {
    for invisible in [
        '\u{ad}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{2060}',
        '\u{feff}',
        '\u{34f}',
        '\u{fe0f}',
        '\u{180b}',
        '\u{e0020}',
        '\u{115f}',
        '\u{2066}',
    ] {
        let with = |parts: &[&str]| parts.join(&invisible.to_string());
        let donau = with(&["Donau", "dampf", "schiff"]);
        assert_eq!(plain(&donau), ["donaudampfschiff"], "U+{:04X}", invisible as u32);
        for (question, text) in [
            ("donaudampfschiff", donau.as_str()),
            (&with(&["donau", "dampf"]), "Donaudampfschiff"),
            ("10045378-22", &with(&["Filter 1004", "5378-", "22"])),
            (&with(&["กรุง", "เทพ"]), "กรุงเทพมหานคร"),
            ("กรุงเทพ", &with(&["กรุ", "งเ", "ทพมหานคร"])),
            ("می‌خواهم", &with(&["می", "خواهم"])),
        ] {
            assert!(
                finds(question, text),
                "{question} in {text} with U+{:04X}",
                invisible as u32
            );
        }
    }
}

#[test]
fn scripts_without_spaces_are_found_by_any_part_in_the_same_order() {
    for (text, found, others) in [
        (
            "กรุงเทพมหานคร",
            &["กรุงเทพมหานคร", "กรุงเทพ", "มหานคร", "เทพมหา"][..],
            &["เทพกรุง", "มหานครกรุงเทพ", "กรุงมหา", "กรุงเทพๆ"][..],
        ),
        ("ວຽງຈັນຫຼວງ", &["ວຽງຈັນ", "ຫຼວງ"], &["ຈັນວຽງ"]),
        ("ភ្នំពេញ", &["ភ្នំពេញ", "ពេញ"], &["ពេញភ្នំ"]),
        ("ရန်ကုန်မြို့", &["ရန်ကုန်", "မြို့"], &["ကုန်ရန်"]),
        (
            "京都市東山区",
            &["京都", "東山", "京都市東山区"],
            &["都京", "東京", "京市"],
        ),
        ("上海自来水来自海上", &["自来水", "来自海上"], &["水自来", "上海上"]),
        (
            "ひらがなとカタカナ",
            &["ひらがな", "カタカナ", "がなと"],
            &["ながら", "ナカタ"],
        ),
        ("コーヒーメーカー", &["コーヒー", "メーカー"], &["ヒーコー"]),
        (
            "iPhone用ケース256GB",
            &["iphone", "ケース", "256gb", "用ケース"],
            &["ケース用"],
        ),
    ] {
        for question in found {
            assert!(finds(question, text), "{question} in {text}");
        }
        for question in others {
            assert!(!finds(question, text), "{question} in {text}");
        }
    }
}

#[test]
fn other_ways_to_write_the_same_word_find_it() {
    for (question, text) in [
        ("strasse", "STRAẞE"),
        ("straße", "Strasse"),
        ("STRASSE", "straße"),
        ("istanbul", "İstanbul"),
        ("İSTANBUL", "istanbul"),
        ("igdir", "Iğdır"),
        ("Cafe", "Cafe\u{301}"),
        ("ＡＢＣ", "abc"),
        ("ﾊﾝｶｸ", "ハンカク"),
        ("oneill", "O’Neill"),
        ("O'Neill", "Oʼneill"),
        ("jacks", "Jack's New England"),
        ("jack", "Jack's New England"),
        ("ersatz-filter", "Ersatzfilter"),
        ("sauerkraut", "Rössle-Sauerkraut"),
        ("info@example.com", "Gutschein für info@example.com"),
        ("شَمْس", "شمس"),
        ("شمس", "شَمـْس"),
        ("שלום", "שָׁלוֹם"),
        ("teppich m2", "Teppich 5 m²"),
        ("donau 1️⃣", "Donau 1"),
        ("lego", "LEGO™"),
        ("weiß", "🎁WEISS🎁"),
    ] {
        assert!(finds(question, text), "{question} in {text}");
    }
    let long = "x".repeat(180);
    assert!(finds(&long, &format!("{long}yz")) && !finds(&format!("{long}z"), &format!("{long}yz")));
}

#[test]
fn words_are_found_by_their_prefixes() {
    let of = |word: &str| prefixes(word).collect::<Vec<_>>();
    assert_eq!(of("reims"), ["rei", "reim", "reims"]);
    assert_eq!(of("df"), ["df"]);
    assert_eq!(of("서울시"), ["서울", "서울시"]);
    assert_eq!(of("1234567890123456789").len(), 14);
    assert_eq!(pairs("京都市"), ["京都", "都市"]);
    assert_eq!(pairs("京"), ["京"]);
}

#[test]
fn a_search_is_3_to_200_characters_of_words() {
    for short in ["re", "!?- ,", "京", "\u{ad}\u{200b}re", "x-2"] {
        assert_eq!(short.parse::<SearchText>(), Err(SearchTextError::Length), "{short}");
    }
    assert_eq!("x".repeat(201).parse::<SearchText>(), Err(SearchTextError::Length));
    assert_eq!(
        "a b c d e f g h i j k".parse::<SearchText>(),
        Err(SearchTextError::TooManyWords)
    );
    assert_eq!(asked("Reims  CHAI reims"), asked("chai reims"));
    assert_eq!(asked("京都").ways(), [["京都"]]);
    assert_eq!(asked("ปู").ways(), [["ปู"]]);
}

#[test]
fn the_beginning_of_an_order_id_is_looked_up_as_one_word() {
    assert_eq!(
        asked("01A1FA32-2bd2-7").ways(),
        [vec!["01a1fa32", "2bd2"], vec!["01a1fa322bd27"]]
    );
    assert_eq!(
        asked("01a1fa32-2bd2-718d-ba92-c31b77b91f41").ways()[1],
        ["01a1fa322bd2718d"]
    );
    assert_eq!(asked("well-known").ways(), [vec!["known", "well"], vec!["wellknown"]]);
    // Only one part is looked up in two ways.
    assert_eq!(
        asked("10045378-22 a-4711").ways(),
        [vec!["10045378"], vec!["1004537822"]]
    );
}

/// DynamoDB's items have 400 KB, and an order 300,000 bytes of product texts in 500 lines.
#[test]
fn the_terms_of_the_longest_orders_fit_into_their_rows() {
    use super::super::terms::Terms;
    use std::collections::BTreeMap;

    let mut seed = 1_u64;
    let mut random = |below: u32| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as u32 % below
    };
    for (first, letters, word_chars, name_chars) in [
        ('a', 26, 16, 200),
        ('a', 26, 5, 200),
        ('а', 32, 7, 200),
        ('가', 11_000, 2, 196),
        ('一', 5_000, 1_000, 196),
    ] {
        let mut terms = BTreeSet::new();
        for _ in 0..500 {
            let letter = |n: u32| match n % (word_chars + 1) == word_chars {
                true => ' ',
                false => char::from_u32(u32::from(first) + random(letters)).unwrap(),
            };
            let name: String = (0..name_chars).map(letter).collect();
            terms.extend(words_of_text(&name).iter().flat_map(Word::terms).map(|term| (term, 1)));
        }
        let count = terms.len();
        let packed: BTreeMap<String, String> = Terms(terms).into();
        let bytes: usize = packed.values().map(String::len).sum();
        assert!(
            count > 30_000 && bytes < 390_000,
            "{first}: {count} terms in {bytes} bytes"
        );
    }
}
