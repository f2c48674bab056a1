//! Who is calling.

use lambda_http::RequestExt;
use lambda_http::request::RequestContext;

/// The variable that names the caller where there is no API Gateway to do so. Never set in AWS.
pub const LOCAL_CALLER: &str = "LOCAL_CALLER";

/// The authenticated caller, as API Gateway's JWT authorizer found him.
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    /// The token's `sub`.
    pub user_id: String,
    /// The token's `tenant_id`, when it has one.
    pub tenant_id: Option<String>,
    /// What the token allows. Kept for access rules to come.
    pub scopes: Vec<String>,
}

impl Caller {
    /// The caller that the request's authorizer context names, or `local_caller` when there is no such context.
    ///
    /// `local_caller` is set only where no API Gateway stands in front: in the local stack and in
    /// `cargo lambda watch`.
    pub(super) fn of(request: &lambda_http::Request, local_caller: Option<&str>) -> Option<Self> {
        let local = || {
            local_caller.map(|name| Self {
                user_id: name.to_owned(),
                tenant_id: None,
                scopes: Vec::new(),
            })
        };
        let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else {
            return local();
        };
        let Some(token) = context
            .authorizer
            .as_ref()
            .and_then(|authorizer| authorizer.jwt.as_ref())
        else {
            return local();
        };
        Some(Self {
            user_id: token.claims.get("sub")?.clone(),
            tenant_id: token.claims.get("tenant_id").cloned(),
            scopes: token.scopes.clone().unwrap_or_default(),
        })
    }
}
