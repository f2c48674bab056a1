use super::*;

#[derive(Debug, PartialEq)]
struct Order {
    name: String,
    lines: Vec<u32>,
    price: Option<Decimal>,
}

/// A number from 1 to 9.
#[derive(Debug)]
struct Digit(u32);

impl TryFrom<u32> for Digit {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, &'static str> {
        (1..=9)
            .contains(&number)
            .then_some(Self(number))
            .ok_or("must be from 1 to 9")
    }
}

fn order(fields: &mut Fields) -> Option<Order> {
    let name = fields.required("name", Field::text);
    let lines = fields.required("lines", |field| field.list(|line| line.object(count)));
    let price = fields.optional("price", Field::decimal);
    Some(Order {
        name: name?,
        lines: lines?,
        price: price?,
    })
}

fn count(fields: &mut Fields) -> Option<u32> {
    fields.required("count", Field::whole).map(|Digit(count)| count)
}

fn read(body: &str) -> Result<Order, Vec<(String, String)>> {
    let json: &RawValue = serde_json::from_str(body).unwrap();
    let errors = Errors::default();
    let read = Field::body(&errors, json).object(order);
    let outcome = errors.outcome(read, Problem::invalid_fields());
    outcome.map_err(|problem| {
        problem
            .fields
            .into_iter()
            .map(|error| (error.field, error.message))
            .collect()
    })
}

/// The fields that are wrong, in the order in which that is told.
fn wrong(body: &str) -> Vec<String> {
    read(body).unwrap_err().into_iter().map(|(field, _)| field).collect()
}

fn message(body: &str) -> String {
    let errors = read(body).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors[0].1.clone()
}

#[test]
fn what_is_right_is_read() {
    let read = read(r#"{"price": "1.10", "lines": [{"count": 2}, {"count": 3.0}], "name": "x"}"#);
    assert_eq!(
        read,
        Ok(Order {
            name: "x".to_owned(),
            lines: vec![2, 3],
            price: Some("1.10".parse().unwrap()),
        })
    );
}

#[test]
fn every_wrong_field_is_named_in_the_order_of_the_body() {
    let body = r#"{"price": "dear", "extra": 1, "lines": [{"count": 0}, {}, 7, {"count": 1, "n": {"m": 1}}, {"count": -1}], "name": 3}"#;
    assert_eq!(
        wrong(body),
        [
            "price",
            "extra",
            "lines[0].count",
            "lines[1].count",
            "lines[2]",
            "lines[3].n",
            "lines[4].count",
            "name"
        ]
    );
    assert_eq!(
        wrong(r#"{"lines": [{}, {"n": 1}], "price": null}"#),
        ["lines[0].count", "lines[1].n", "lines[1].count", "name"]
    );
    assert_eq!(wrong("[]"), ["body"]);
    assert_eq!(wrong("null"), ["body"]);
    assert_eq!(wrong(r#"["x", []]"#), ["body"]);
    assert_eq!(wrong(r#"{"name": "x", "lines": [[1]]}"#), ["lines[0]"]);
}

#[test]
fn a_message_says_what_is_wanted_and_not_what_was_given() {
    assert_eq!(message(r#"{"name": {"secret": 1}, "lines": []}"#), "must be a string");
    assert_eq!(message(r#"{"name": null, "lines": []}"#), "must be a string");
    assert_eq!(message(r#"{"name": "\ud800", "lines": []}"#), "must be a string");
    assert_eq!(message(r#"{"name": "x", "lines": {}}"#), "must be a list");
    assert_eq!(message(r#"{"name": "x", "lines": [7]}"#), "must be an object");
    assert_eq!(message(r#"{"name": "x"}"#), "is required");
    for count in ["0", "10", "1.5", "-1", "1e99", "\"2\"", "true", "null", "[]"] {
        assert_eq!(
            message(&format!(r#"{{"name": "x", "lines": [{{"count": {count}}}]}}"#)),
            "must be from 1 to 9",
            "{count}"
        );
    }
}

#[test]
fn a_field_is_given_once_and_a_misspelt_one_is_answered_with_the_nearest() {
    assert_eq!(message(r#"{"name": "x", "lines": [], "name": "y"}"#), "is given twice");
    assert_eq!(
        message(r#"{"name": "x", "lines": [], "prcie": 1}"#),
        "is not known here; did you mean `price`?"
    );
    assert_eq!(
        message(r#"{"name": "x", "lines": [], "colour": 1}"#),
        "is not known here"
    );
    let misspelt = read(r#"{"name": "x", "lines": [{"conut": 1}]}"#).unwrap_err();
    assert_eq!(
        misspelt,
        [
            (
                "lines[0].conut".to_owned(),
                "is not known here; did you mean `count`?".to_owned()
            ),
            ("lines[0].count".to_owned(), "is required".to_owned()),
        ]
    );
}

#[test]
fn the_errors_are_bounded_and_the_names_in_them_are() {
    let lines: Vec<_> = (0..20_000).map(|_| r#"{"count": 0}"#).collect();
    let errors = read(&format!(r#"{{"name": "x", "lines": [{}]}}"#, lines.join(","))).unwrap_err();
    assert_eq!(errors.len(), 51);
    assert_eq!(errors[49].0, "lines[49].count");
    assert_eq!(errors[50], ("…".to_owned(), "19950 more are wrong".to_owned()));

    let long = "x".repeat(100_000);
    let errors = read(&format!(r#"{{"name": "x", "lines": [], "{long}": 1}}"#)).unwrap_err();
    assert_eq!(errors[0].0.len(), MAX_NAME_CHARS);
}
