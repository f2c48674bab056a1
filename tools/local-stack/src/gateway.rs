//! API Gateway's HTTP API with Lambda integrations, as far as the template uses it.
//!
//! - this module: the server, and what it answers itself
//! - `routing`: which function a request goes to
//! - `cors`: what pages of other origins may do
//! - `payload`: the event that the function gets, and its answer as HTTP

mod cors;
mod payload;
mod routing;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::StreamExt;
use tokio::task::JoinHandle;

use crate::invoke::{Functions, InvokeError};
use crate::listen::Listeners;
use crate::stop::Stop;
use crate::template::Template;
use routing::Routes;

/// The largest request body, in bytes.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// The longest wait for a function, whatever its own time-out is. Same page.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// <https://prometheus.io/docs/instrumenting/exposition_formats/>
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

struct Gateway {
    template: Template,
    routes: Routes,
    functions: Arc<Functions>,
    domain: String,
}

/// Serves the template's routes until it is to stop; the task ends once all running requests have.
pub(crate) fn serve(
    listeners: Listeners,
    template: Template,
    functions: Arc<Functions>,
    mut stop: Stop,
) -> JoinHandle<std::io::Result<()>> {
    let routes = Routes::new(&template);
    let domain = listeners.address().to_string();
    let gateway = Arc::new(Gateway {
        template,
        routes,
        functions,
        domain,
    });
    // Beside the template's routes: an instance of a Lambda function cannot be asked for its own figures.
    let router = Router::new()
        .route("/metrics", get(metrics).fallback(handle))
        .fallback(handle)
        .with_state(gateway);
    let server = axum::serve(listeners, router).with_graceful_shutdown(async move { stop.requested().await });
    tokio::spawn(server.into_future())
}

async fn metrics() -> Response {
    match crate::metrics::record() {
        Some(recorder) => {
            recorder.run_upkeep();
            ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], recorder.render()).into_response()
        }
        None => message(StatusCode::NOT_FOUND, "Not Found"),
    }
}

async fn handle(State(gateway): State<Arc<Gateway>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Some(cors) = &gateway.template.cors else {
        return answer(&gateway, &parts, body).await;
    };
    if parts.method == Method::OPTIONS {
        return cors::preflight(cors, &parts.headers);
    }
    let mut answer = answer(&gateway, &parts, body).await;
    cors::add(cors, &parts.headers, answer.headers_mut());
    answer
}

async fn answer(gateway: &Gateway, parts: &Parts, body: Body) -> Response {
    let Ok(path) = percent_encoding::percent_decode_str(parts.uri.path()).decode_utf8() else {
        return message(StatusCode::BAD_REQUEST, "Bad Request");
    };
    let method = parts.method.as_str();
    let Some(target) = gateway.routes.find(method, &path) else {
        // AWS says no more than this answer, and leaves one to look for a slash at the end.
        tracing::warn!("{method} {path:?} is no route: {}", gateway.routes.meant(method, &path));
        return message(StatusCode::NOT_FOUND, "Not Found");
    };
    let Ok(body) = read(body).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let function = &gateway.template.functions[target.function];
    let event = payload::event(parts, &path, &target, &body, &gateway.domain);
    let Ok(answer) = tokio::time::timeout(INTEGRATION_TIMEOUT, gateway.functions.invoke(function, event)).await else {
        return message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
    };
    let answer = answer.and_then(|answer| payload::response(answer).map_err(InvokeError::Failed));
    answer.unwrap_or_else(|error| {
        tracing::error!(function = function.binary, %error, "a request failed");
        message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    })
}

/// A body that is too large, or whose sender went away.
struct Unreadable;

/// Reads to the end even what is too large, so that the client has sent all of it and reads the answer.
async fn read(body: Body) -> Result<Bytes, Unreadable> {
    let mut frames = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|_| Unreadable)?;
        length += frame.len();
        if length <= MAX_BODY_BYTES {
            bytes.extend_from_slice(&frame);
        }
    }
    if length > MAX_BODY_BYTES {
        Err(Unreadable)
    } else {
        Ok(bytes.into())
    }
}

/// An answer of the gateway itself.
fn message(status: StatusCode, text: &str) -> Response {
    let body = serde_json::json!({ "message": text }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
