//! The whole way of a request: route, caller, handler, answer, log line.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use lambda_http::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE,
};
use lambda_http::http::{HeaderValue, Method, Response, StatusCode};
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Adapter, Body, Request, RequestExt, tower::ServiceExt};
use lambda_runtime::{Error, LambdaEvent};
use metrics::{counter, histogram};
use serde_json::Value;
use uuid::Uuid;

use super::caching::Caching;
use super::call::{Call, malformed_header};
use super::caller::{Caller, LOCAL_CALLER};
use super::coding;
use super::conditional::or_not_modified;
use super::problem::Problem;
use super::reply::Reply;
use super::routes::{Route, Routes};
use crate::deadline::time_left;
use crate::{Environment, Function};
use measures::{HTTP_REQUEST_DURATION, HTTP_REQUESTS};

const X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// The longest correlation id accepted from a client, in characters.
const MAX_CORRELATION_ID_CHARS: usize = 128;

struct Service<App> {
    app: Arc<App>,
    routes: Routes<App>,
    local_caller: Option<String>,
}

/// What was asked for. API Gateway hands over the path decoded and the query as it was sent, so they never make one URL: a
/// `#` or `?` of the path would cut it elsewhere.
struct Target {
    path: String,
    query: String,
}

impl Target {
    /// Takes the request out of an event. `lambda_http` would make a URL of it.
    fn take(payload: &mut Value) -> Self {
        let mut take = |name: &str, rest: &str| match payload.get_mut(name) {
            Some(Value::String(text)) => std::mem::replace(text, rest.to_owned()),
            _ => String::new(),
        };
        Self {
            path: take("rawPath", "/"),
            query: take("rawQueryString", ""),
        }
    }
}

/// A function that serves HTTP requests from API Gateway.
pub fn function<App: Send + Sync + 'static>(env: &Environment, app: App, routes: Routes<App>) -> Function {
    let keys: Vec<_> = routes.keys().collect();
    let service = Arc::new(Service {
        app: Arc::new(app),
        routes,
        local_caller: env.optional(LOCAL_CALLER).map(str::to_owned),
    });
    let function = Function::new(move |event: LambdaEvent<Value>| {
        let service = service.clone();
        async move {
            let mut payload = event.payload;
            let target = Arc::new(Target::take(&mut payload));
            let request = LambdaEvent::new(serde_json::from_value::<LambdaRequest>(payload)?, event.context);
            let adapter = Adapter::from(lambda_http::service_fn(move |request: Request| {
                let (service, target) = (service.clone(), target.clone());
                async move { Ok::<_, Error>(service.serve(request, &target).await) }
            }));
            Ok(serde_json::to_value(adapter.oneshot(request).await?)?)
        }
    });
    function.with_routes(keys.into_iter())
}

impl<App: Send + Sync + 'static> Service<App> {
    async fn serve(&self, request: Request, target: &Target) -> Response<Body> {
        let started = Instant::now();
        let request_id = request.lambda_context().request_id;
        let (correlation_id, correlation_problem) = correlation_id(&request);
        let routed = self.route(&request, target);
        let route = routed.as_ref().map_or("none", |(route, _)| route.key);
        let mut order_id = routed.as_ref().and_then(|(_, path)| path.get("order_id").cloned());

        let outcome = match (correlation_problem, routed) {
            (Some(problem), _) => Err(problem),
            (None, None) => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "route_not_found",
                "There is no such route.",
            )),
            (None, Some((route, path))) => self.call(route, path, &request, target, &correlation_id).await,
        };
        let (outcome_code, mut response) = match outcome {
            Ok(reply) => {
                order_id = reply.order_id.clone().or(order_id);
                let reply = match *request.method() {
                    Method::GET | Method::HEAD => or_not_modified(reply, request.headers()),
                    _ => reply,
                };
                ("ok", reply_response(reply))
            }
            Err(problem) => {
                log_cause(&problem, &request_id, &correlation_id);
                (problem.code, problem_response(&problem))
            }
        };
        if let Ok(value) = HeaderValue::from_str(&correlation_id) {
            response.headers_mut().insert(X_CORRELATION_ID, value);
        }
        if request.method() == Method::HEAD {
            leave_body_out(&mut response);
        }
        let status = response.status().as_u16();
        let labels = [
            ("route", route.to_owned()),
            ("status", status.to_string()),
            ("code", outcome_code.to_owned()),
        ];
        counter!(HTTP_REQUESTS, &labels).increment(1);
        histogram!(HTTP_REQUEST_DURATION, "route" => route).record(started.elapsed());
        tracing::info!(
            request_id,
            correlation_id,
            route,
            order_id,
            status,
            outcome = outcome_code,
            duration_ms = started.elapsed().as_millis() as u64,
            "request"
        );
        response
    }

    /// The route that API Gateway matched; where none did (`$default`), the one that the path matches.
    fn route(&self, request: &Request, target: &Target) -> Option<(&Route<App>, Parameters)> {
        let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else {
            return None;
        };
        let key = context.route_key.as_deref().unwrap_or("$default");
        if key == "$default" {
            return self.routes.find(request.method().as_str(), &target.path);
        }
        let parameters = request.path_parameters();
        let parameters = parameters
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Some((self.routes.matched(key)?, parameters.collect()))
    }

    async fn call(
        &self,
        route: &Route<App>,
        path: Parameters,
        request: &Request,
        target: &Target,
        correlation_id: &str,
    ) -> Result<Reply, Problem> {
        let caller = Caller::of(request, self.local_caller.as_deref());
        if caller.is_none() && !route.public {
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "The request names no caller.",
            ));
        }
        let call = Call {
            caller,
            correlation_id: correlation_id.to_owned(),
            method: request.method().to_string(),
            raw_path: target.path.clone(),
            path,
            query: target.query.clone(),
            headers: request.headers().clone(),
            body: request.body().to_vec(),
        };
        let handled = AssertUnwindSafe((route.handler)(self.app.clone(), call)).catch_unwind();
        match tokio::time::timeout(time_left(&request.lambda_context()), handled).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_panic)) => Err(Problem::internal("the handler panicked")),
            Err(_elapsed) => Err(Problem::unavailable(
                "timed_out",
                "The request took too long. It may have had its effect or not.",
            )),
        }
    }
}

type Parameters = std::collections::HashMap<String, String>;

/// The caller's correlation id or a new one, and what is wrong with the caller's.
fn correlation_id(request: &Request) -> (String, Option<Problem>) {
    let new = || Uuid::now_v7().to_string();
    let Some(value) = request.headers().get(X_CORRELATION_ID) else {
        return (new(), None);
    };
    match value.to_str() {
        Ok(id) if (1..=MAX_CORRELATION_ID_CHARS).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()) => {
            (id.to_owned(), None)
        }
        _ => {
            let message = format!("must be 1 to {MAX_CORRELATION_ID_CHARS} visible ASCII characters");
            (new(), Some(malformed_header("X-Correlation-Id", &message)))
        }
    }
}

fn reply_response(reply: Reply) -> Response<Body> {
    let mut response = Response::new(Body::Text(reply.body));
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    if reply.status != StatusCode::NOT_MODIFIED {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    }
    headers.insert(CACHE_CONTROL, reply.caching.header());
    headers.extend(reply.headers);
    response
}

/// Sends only the headers of an answer to HEAD, which tell how long the body would be.
/// <https://www.rfc-editor.org/rfc/rfc9110#name-head>
fn leave_body_out(response: &mut Response<Body>) {
    let body = std::mem::take(response.body_mut());
    if response.status() != StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(CONTENT_LENGTH, body.len().into());
    }
}

fn problem_response(problem: &Problem) -> Response<Body> {
    let mut response = Response::new(Body::Text(problem.body()));
    *response.status_mut() = problem.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, Caching::Nobody.header());
    if let Some(seconds) = problem.retry_after_seconds {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if problem.status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if problem.code == coding::UNSUPPORTED {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    response
}

fn log_cause(problem: &Problem, request_id: &str, correlation_id: &str) {
    if let Some(source) = &problem.source {
        tracing::error!(request_id, correlation_id, code = problem.code, cause = %source, "request failed");
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::*;
    use crate::deadline::RESERVE;
    use lambda_runtime::Context;
    use serde_json::json;

    /// The answer to `GET path` from a function whose handlers misbehave.
    async fn answer(path: &str, context: Context) -> (u64, Value) {
        let routes = Routes::new()
            .public("GET /ok", |_, _| async { Reply::ok(&json!({ "fine": true })) })
            .public("GET /panic", |_, _| async { panic!("a bug") })
            .public("GET /slow", |_, _| std::future::pending())
            .on("GET /private", |_, _| async { Reply::ok(&json!({})) });
        let function = function(&Environment::default(), (), routes);
        let event = json!({
            "version": "2.0",
            "routeKey": format!("GET {path}"),
            "rawPath": path,
            "headers": {},
            "isBase64Encoded": false,
            "requestContext": {
                "routeKey": format!("GET {path}"),
                "stage": "$default",
                "domainName": "localhost",
                "http": { "method": "GET", "path": path },
                "timeEpoch": 0,
            },
        });
        let answer = function.invoke(event, context).await.unwrap();
        let body = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        (answer["statusCode"].as_u64().unwrap(), body)
    }

    fn ends_in(left: Duration) -> Context {
        let mut context = Context::default();
        let deadline = SystemTime::now() + left;
        context.deadline = deadline.duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        context
    }

    #[tokio::test]
    async fn a_handler_that_panics_is_a_500_without_its_message() {
        let (status, body) = answer("/panic", Context::default()).await;
        assert_eq!((status, &body["code"]), (500, &json!("internal_error")));
        assert!(!body.to_string().contains("a bug"));
    }

    #[tokio::test]
    async fn a_handler_that_outlasts_the_deadline_is_a_503() {
        let (status, body) = answer("/slow", ends_in(RESERVE + Duration::from_millis(20))).await;
        assert_eq!((status, &body["code"]), (503, &json!("timed_out")));
    }

    #[tokio::test]
    async fn a_deadline_that_has_passed_before_the_start_is_none() {
        let mut of_1970 = Context::default();
        of_1970.deadline = 600_000;
        assert_eq!(answer("/ok", of_1970).await, (200, json!({ "fine": true })));
    }

    #[tokio::test]
    async fn a_route_that_is_not_public_wants_a_caller() {
        let (status, body) = answer("/private", Context::default()).await;
        assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")));
    }

    #[tokio::test]
    async fn a_route_that_the_function_does_not_have_is_404() {
        let (status, body) = answer("/elsewhere", Context::default()).await;
        assert_eq!((status, &body["code"]), (404, &json!("route_not_found")));
    }
}
