//! Requests like the samples in `events/`.

use lambda_runtime::Context;
use run::FUNCTIONS;
use serde_json::{Value, json};

use super::{Tables, project};

/// A sample with other query parameters, `name=value&…`, none of them encoded.
pub fn request(function: &str, sample: &str, query: &str) -> Value {
    let file = project().join("events").join(function).join(format!("{sample}.json"));
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let encoded = |pair: (&str, &str)| format!("{}={}", pair.0, urlencode(pair.1));
    let pairs: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    event["rawQueryString"] = json!(pairs.iter().copied().map(encoded).collect::<Vec<_>>().join("&"));
    event["queryStringParameters"] = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    event
}

fn urlencode(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    let encode = |byte: u8| {
        if plain(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(encode).collect()
}

/// The body of the answer to [`request`], which is a 200.
pub async fn get(tables: &Tables, function: &str, sample: &str, query: &str) -> Value {
    let (_, constructor) = FUNCTIONS.iter().find(|(name, _)| *name == function).unwrap();
    let built = constructor(&tables.environment(function), &tables.config).unwrap();
    let event = request(function, sample, query);
    let answer = built.invoke(event, Context::default()).await.unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}
