use super::*;
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use axum::http::Request;

fn request(uri: &str, headers: &[(&str, &str)], body: &[u8]) -> Value {
    let mut request = Request::builder().method("POST").uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    let target = Target {
        function: 0,
        route_key: "POST /orders/{order_id}",
        parameters: [("order_id", "o 1".to_owned())].into(),
    };
    event(&parts, "/orders/o 1", &target, body, "127.0.0.1:3000")
}

#[test]
fn an_event_has_the_shape_that_functions_decode() {
    let event = request(
        "/orders/o%201?a=1&a=2&q=x%2Cy+z&flag",
        &[
            ("X-Tag", "one"),
            ("x-tag", "two"),
            ("Cookie", "a=1; b=2"),
            ("User-Agent", "curl/8"),
            ("Content-Type", "application/json; charset=utf-8"),
        ],
        br#"{"x": "\u00e4"}"#,
    );
    assert_eq!(event["rawPath"], "/orders/o 1");
    assert_eq!(event["rawQueryString"], "a=1&a=2&q=x%2Cy+z&flag");
    assert_eq!(
        event["queryStringParameters"],
        json!({"a": "1,2", "q": "x,y z", "flag": ""})
    );
    assert_eq!(event["headers"]["x-tag"], "one,two");
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    assert!(event["headers"].get("cookie").is_none());
    assert_eq!(event["pathParameters"], json!({"order_id": "o 1"}));
    assert_eq!(event["requestContext"]["http"]["protocol"], "HTTP/1.1");
    assert_eq!(event["requestContext"]["http"]["userAgent"], "curl/8");
    assert_eq!(event["body"], r#"{"x": "\u00e4"}"#);
    assert_eq!(event["isBase64Encoded"], false);

    let decoded: ApiGatewayV2httpRequest = serde_json::from_value(event).expect("aws_lambda_events' type");
    assert_eq!(decoded.route_key.as_deref(), Some("POST /orders/{order_id}"));
    assert_eq!(decoded.request_context.http.method, "POST");
}

#[test]
fn only_text_is_handed_over_as_text() {
    let is_base64 = |headers: &[(&str, &str)], body: &[u8]| request("/", headers, body)["isBase64Encoded"] == true;
    assert!(!is_base64(&[("content-type", "text/csv")], b"a,b"));
    assert!(is_base64(
        &[("content-type", "application/x-www-form-urlencoded")],
        b"a=b"
    ));
    assert!(is_base64(&[], b"a"));
    assert!(is_base64(&[("content-type", "application/json")], &[0xff]));
    assert!(request("/", &[], b"").get("body").is_none());
}

#[tokio::test]
async fn an_answer_becomes_a_response() {
    let response = response(json!({
        "statusCode": 201,
        "headers": { "Location": "/orders/1", "ETag": "\"1\"" },
        "multiValueHeaders": {},
        "cookies": ["a=1", "b=2"],
        "body": "AQID",
        "isBase64Encoded": true,
    }))
    .expect("a response");
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["location"], "/orders/1");
    assert_eq!(response.headers()["etag"], "\"1\"");
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    let body = axum::body::to_bytes(response.into_body(), 3).await;
    assert_eq!(body.expect("a body").as_ref(), [1, 2, 3]);
}

#[test]
fn an_answer_that_api_gateway_could_not_send_is_an_error() {
    for answer in [
        json!({"message": "no status code"}),
        json!({"statusCode": 99}),
        json!({"statusCode": 200, "body": {"a": 1}}),
        json!({"statusCode": 200, "headers": {"a b": "c"}}),
        json!({"statusCode": 200, "body": "?", "isBase64Encoded": true}),
    ] {
        assert!(response(answer.clone()).is_err(), "{answer}");
    }
}
