//! The HTTP client with which this process reaches the embedded DynamoDB.

use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::shared::IntoShared;

/// A client that leaves out by which token a transaction is recognised when it is repeated.
///
/// The embedded DynamoDB keeps these tokens for ten minutes and looks through all of them at each transaction: before long that
/// takes more time than the transaction. Nothing here may rest on them: in AWS, a delivery that is repeated has another token.
pub(super) fn without_tokens(client: SharedHttpClient) -> SharedHttpClient {
    WithoutTokens(client).into_shared()
}

#[derive(Debug)]
struct WithoutTokens<T>(T);

impl HttpClient for WithoutTokens<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(WithoutTokens(self.0.http_connector(settings, components)))
    }
}

impl HttpConnector for WithoutTokens<SharedHttpConnector> {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        if target.ends_with(".TransactWriteItems")
            && let Some(body) = request.body().bytes().and_then(without_token)
        {
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = body.into();
        }
        self.0.call(request)
    }
}

/// A request without its token; `None` when it has none.
fn without_token(body: &[u8]) -> Option<String> {
    // Within a text its quotes would be escaped.
    const TOKEN: &str = r#","ClientRequestToken":""#;
    let body = std::str::from_utf8(body).ok()?;
    let (before, rest) = body.split_once(TOKEN)?;
    let (_, after) = rest.split_once('"')?;
    Some(format!("{before}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_left_out_and_a_text_that_looks_like_one_stays() {
        let text = r#"{"S":",\"ClientRequestToken\":\"1\""}"#;
        let body = format!(r#"{{"TransactItems":[{text}],"ClientRequestToken":"2","ReturnConsumedCapacity":"TOTAL"}}"#);
        let expected = format!(r#"{{"TransactItems":[{text}],"ReturnConsumedCapacity":"TOTAL"}}"#);
        assert_eq!(without_token(body.as_bytes()), Some(expected));
        assert_eq!(without_token(text.as_bytes()), None);
    }
}
