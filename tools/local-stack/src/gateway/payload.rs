//! Payload format 2.0: a request as an event, and a function's answer as a response.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::routing::Target;
use crate::names;

/// What an API without a domain of its own is called here.
const API_ID: &str = "local";

/// Where requests are said to come from, also those that came by `LISTEN`.
const SOURCE_IP: &str = "127.0.0.1";

pub(super) fn event(parts: &Parts, path: &str, target: &Target<'_>, body: &[u8], domain: &str) -> Value {
    let now = Utc::now();
    let mut event = json!({
        "version": "2.0",
        "routeKey": target.route_key,
        "rawPath": path,
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers(&parts.headers, domain),
        "requestContext": {
            "accountId": names::ACCOUNT_ID,
            "apiId": API_ID,
            "domainName": domain,
            "domainPrefix": API_ID,
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", parts.version),
                "sourceIp": SOURCE_IP,
                "userAgent": parts.headers.get(header::USER_AGENT).map(text).unwrap_or_default(),
            },
            "requestId": Uuid::now_v7().to_string(),
            "routeKey": target.route_key,
            "stage": "$default",
            "time": now.format("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.timestamp_millis(),
        },
        "isBase64Encoded": false,
    });
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    let query = query_parameters(&parts.uri);
    if !query.is_empty() {
        event["queryStringParameters"] = json!(query);
    }
    if !target.parameters.is_empty() {
        event["pathParameters"] = json!(target.parameters);
    }
    if !body.is_empty() {
        match std::str::from_utf8(body).ok().filter(|_| is_text(&parts.headers)) {
            Some(text) => event["body"] = json!(text),
            None => {
                event["body"] = json!(STANDARD.encode(body));
                event["isBase64Encoded"] = json!(true);
            }
        }
    }
    event
}

/// Names in lower case, values of the same name joined; without cookies, which have a field of their own.
fn headers(headers: &HeaderMap, domain: &str) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = headers
        .keys()
        .filter(|name| *name != header::COOKIE)
        .map(|name| {
            (
                name.to_string(),
                headers.get_all(name).iter().map(text).collect::<Vec<_>>().join(","),
            )
        })
        .collect();
    let port = domain.rsplit_once(':').map_or("", |(_, port)| port);
    for (name, value) in [
        ("x-forwarded-for", SOURCE_IP),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", port),
    ] {
        joined.insert(name.to_owned(), value.to_owned());
    }
    joined
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let all = headers
        .get_all(header::COOKIE)
        .iter()
        .map(text)
        .collect::<Vec<_>>()
        .join(";");
    all.split(';')
        .map(str::trim)
        .filter(|cookie| !cookie.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

/// Decoded; values of the same name joined.
fn query_parameters(uri: &Uri) -> BTreeMap<String, String> {
    let decode = |part: &str| {
        percent_decode_str(&part.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let mut parameters = BTreeMap::<String, String>::new();
    for pair in uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameters
            .entry(decode(name))
            .and_modify(|values| {
                values.push(',');
                values.push_str(&decode(value));
            })
            .or_insert_with(|| decode(value));
    }
    parameters
}

/// API Gateway hands over as text what says that it is, and anything else, forms too, as base64.
/// <https://aws.amazon.com/blogs/compute/handling-binary-data-using-amazon-api-gateway-http-apis/>
fn is_text(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .map(text)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.starts_with("text/")
        || matches!(
            media_type,
            "application/json" | "application/javascript" | "application/xml"
        )
}

/// A function's answer. lambda_http adds an empty `multiValueHeaders`, which format 2.0 does not have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    cookies: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Translates a function's answer.
///
/// # Errors
/// What is wrong with an answer that API Gateway would replace by its own 500.
pub(super) fn response(answer: Value) -> Result<Response, String> {
    let answer: Answer =
        serde_json::from_value(answer).map_err(|error| format!("its answer is not of payload format 2.0: {error}"))?;
    let body = match answer.body {
        Some(body) if answer.is_base64_encoded => STANDARD
            .decode(body)
            .map_err(|error| format!("its body is not base64: {error}"))?,
        body => body.unwrap_or_default().into_bytes(),
    };
    let mut response = Response::builder().status(answer.status_code);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    for cookie in answer.cookies {
        response = response.header(header::SET_COOKIE, cookie);
    }
    response
        .body(Body::from(body))
        .map_err(|error| format!("its answer cannot be sent: {error}"))
}

#[cfg(test)]
mod tests;
