//! Payload format 2.0: a request as an event, and a function's answer as a response.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::routing::Target;

/// What an API without a domain of its own is called here.
const API_ID: &str = "local";

/// The gateway listens on this address only, so every request comes from it.
const SOURCE_IP: &str = "127.0.0.1";

/// Headers that describe one connection or the encoding on it, and are the server's own business.
const OF_THE_CONNECTION: &[HeaderName] = &[header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];

pub(super) fn event(parts: &Parts, path: &str, target: &Target<'_>, body: &[u8], domain: &str) -> Value {
    let now = Utc::now();
    let mut event = json!({
        "version": "2.0",
        "routeKey": target.route_key,
        "rawPath": path,
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers(&parts.headers, domain),
        "requestContext": {
            "accountId": "000000000000",
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

/// Translates a function's answer.
///
/// # Errors
/// What is wrong with an answer that API Gateway would replace by its own 500.
pub(super) fn response(answer: Value) -> Result<Response, String> {
    let Some(status) = answer.get("statusCode") else {
        // An answer without a status code is the body itself.
        return build(
            StatusCode::OK,
            HeaderMap::new(),
            answer.to_string().into_bytes(),
            "application/json",
        );
    };
    let status = status.as_u64().or_else(|| status.as_str()?.parse().ok());
    let status = status.and_then(|status| StatusCode::from_u16(status.try_into().ok()?).ok());
    let status = status.ok_or_else(|| format!("its statusCode is {}", answer["statusCode"]))?;
    let mut headers = HeaderMap::new();
    for (name, value) in object(&answer, "headers")? {
        add(&mut headers, name, value)?;
    }
    for (name, values) in object(&answer, "multiValueHeaders")? {
        // The list has the last word over the single value.
        headers.remove(name.as_str());
        for value in values
            .as_array()
            .ok_or_else(|| format!("its header {name} is not a list"))?
        {
            add(&mut headers, name, value)?;
        }
    }
    for cookie in answer.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        add(&mut headers, header::SET_COOKIE.as_str(), cookie)?;
    }
    let body = match answer.get("body") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(body)) if answer["isBase64Encoded"] == true => STANDARD
            .decode(body)
            .map_err(|error| format!("its body is not base64: {error}"))?,
        Some(Value::String(body)) => body.clone().into_bytes(),
        Some(other) => return Err(format!("its body is not text but {other}")),
    };
    build(status, headers, body, "text/plain;charset=UTF-8")
}

fn object<'a>(answer: &'a Value, name: &str) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, String> {
    let entries = match answer.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::Object(entries)) => Some(entries),
        Some(_) => return Err(format!("its {name} are not an object")),
    };
    Ok(entries.into_iter().flat_map(Map::iter))
}

fn add(headers: &mut HeaderMap, name: &str, value: &Value) -> Result<(), String> {
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return Err(format!("its header {name} is not text")),
    };
    let invalid = || format!("its header {name} cannot be sent");
    let name = HeaderName::try_from(name).map_err(|_| invalid())?;
    if !OF_THE_CONNECTION.contains(&name) {
        headers.append(name, HeaderValue::try_from(value).map_err(|_| invalid())?);
    }
    Ok(())
}

fn build(
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    content_type: &'static str,
) -> Result<Response, String> {
    let has_body = !body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if has_body {
        response
            .headers_mut()
            .entry(header::CONTENT_TYPE)
            .or_insert(HeaderValue::from_static(content_type));
    }
    Ok(response)
}

#[cfg(test)]
mod tests;
