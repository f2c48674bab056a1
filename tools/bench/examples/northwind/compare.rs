//! Asks everything, and compares the answers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::{Api, for_each};
use crate::expected::{Answer, Question};
use crate::failure::Failure;

/// How many answers of each kind were right.
pub type Counts = BTreeMap<&'static str, usize>;

/// # Errors
/// The first answer that is not right.
pub async fn compare(api: &Api, questions: Vec<Question>) -> Result<Counts, Failure> {
    let mut counts = Counts::new();
    for question in &questions {
        *counts.entry(question.kind).or_default() += 1;
    }
    for_each(questions, |question| ask(api, question)).await?;
    Ok(counts)
}

async fn ask(api: &Api, Question { kind, get, answer }: Question) -> Result<(), Failure> {
    let (found, expected) = match answer {
        Answer::Lists(page_size, expected) => (Value::from(api.walk(&get, page_size).await?), Value::from(expected)),
        Answer::Is(expected) => (api.get(&get).await?, expected),
        Answer::Fields(expected) => {
            let mut found = api.get(&get).await?;
            if let (Value::Object(found), Value::Object(expected)) = (&mut found, &expected) {
                found.retain(|name, _| expected.contains_key(name));
            }
            (found, expected)
        }
    };
    if found == expected {
        return Ok(());
    }
    Err(Failure::Differs {
        kind,
        request: format!("{} {:?} {:?}", get.path, get.query, get.read_after),
        found: found.to_string(),
        expected: expected.to_string(),
    })
}
