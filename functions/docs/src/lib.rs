//! The API's description, for programs and as a page.

use std::sync::Arc;

use aws_config::SdkConfig;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_edge::http::{self, Caching, Call, Problem, Reply, Routes};
use lambda_edge::{ConfigError, Environment, Function};
use sha2::{Digest, Sha256};

/// The description, after OpenAPI 3.1: `openapi.yaml` as JSON.
pub const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the handlers need.
pub struct App {
    page: String,
    /// Lets a browser run this page's own script, and load nothing but the description.
    policy: String,
}

/// # Errors
/// Never; every function's constructor may.
pub fn function(env: &Environment, _: &SdkConfig) -> Result<Function, ConfigError> {
    let app = App {
        page: format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>OrderMaster</title>\n\
             <style>{STYLE}</style>\n<main><p>The description is loading. It is also at \
             <a href=\"openapi.json\">openapi.json</a>.</main>\n<script>{SCRIPT}</script>\n</html>\n"
        ),
        policy: format!(
            "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
            source(STYLE),
            source(SCRIPT)
        ),
    };
    Ok(http::function(env, app, routes()))
}

pub fn routes() -> Routes<App> {
    Routes::new()
        .public("GET /openapi.json", openapi)
        .public("GET /docs", page)
}

async fn openapi(_: Arc<App>, call: Call) -> Result<Reply, Problem> {
    call.no_query()?;
    Ok(Reply::text("application/json", OPENAPI).caching(Caching::Public))
}

async fn page(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    call.no_query()?;
    let reply = Reply::text("text/html; charset=utf-8", app.page.as_str());
    Ok(reply.content_security_policy(&app.policy).caching(Caching::Public))
}

/// An inline text as a content security policy names it: <https://www.w3.org/TR/CSP3/#grammardef-hash-source>.
fn source(inline: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(inline)))
}
