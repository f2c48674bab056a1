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
    use std::sync::{Arc, Mutex};

    use aws_config::{BehaviorVersion, Region};
    use aws_sdk_dynamodb::config::Credentials;
    use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
    use aws_sdk_dynamodb::{Client, Config};
    use aws_smithy_runtime_api::client::http::http_client_fn;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use serde_json::Value;

    use super::*;

    /// Keeps what it is sent, with the length that its header says.
    #[derive(Debug, Clone, Default)]
    struct Recorder(Arc<Mutex<Vec<(String, Value)>>>);

    impl HttpConnector for Recorder {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let length = request.headers().get("content-length").unwrap_or_default().to_owned();
            let body = request.body().bytes().unwrap_or_default();
            assert_eq!(length, body.len().to_string());
            let sent = serde_json::from_slice(body).expect("JSON");
            let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
            self.0.lock().expect("no panic").push((target, sent));
            let status = 200.try_into().expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, "{}".into())))
        }
    }

    #[tokio::test]
    async fn a_transaction_is_sent_without_its_token_and_otherwise_as_it_is() {
        let recorder = Recorder::default();
        let connector = SharedHttpConnector::new(recorder.clone());
        let http = without_tokens(http_client_fn(move |_, _| connector.clone()));
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .http_client(http);
        let client = Client::from_conf(config.build());
        // Looks like a token, and is not one.
        let text = r#","ClientRequestToken":"1""#;
        let put = Put::builder()
            .table_name("Items")
            .item("Id", AttributeValue::S(text.to_owned()));
        let put = TransactWriteItem::builder().put(put.build().expect("a put"));
        let transaction = client.transact_write_items().transact_items(put.build());
        transaction.send().await.expect("an answer");

        let sent = recorder.0.lock().expect("no panic").clone();
        let [(target, body)] = sent.as_slice() else {
            panic!("one request, not {sent:?}")
        };
        assert!(target.ends_with(".TransactWriteItems"), "{target}");
        assert_eq!(body["TransactItems"][0]["Put"]["Item"]["Id"]["S"], text);
        assert!(body.get("ClientRequestToken").is_none(), "{body}");
    }
}
