//! The route table: `METHOD /path` to handler.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::future::BoxFuture;
use percent_encoding::percent_decode_str;

use super::call::Call;
use super::problem::Problem;
use super::reply::Reply;

/// The routes of one function, by the keys that API Gateway gives them (`GET /orders/{order_id}`).
///
/// template.yaml says which routes exist and which function serves each; a test holds every table against it.
pub struct Routes<App>(BTreeMap<&'static str, Route<App>>);

pub(super) struct Route<App> {
    pub key: &'static str,
    pub public: bool,
    pub handler: Handler<App>,
}

type Handler<App> = Box<dyn Fn(Arc<App>, Call) -> BoxFuture<'static, Result<Reply, Problem>> + Send + Sync>;

impl<App> Default for Routes<App> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<App: 'static> Routes<App> {
    pub fn new() -> Self {
        Self::default()
    }

    /// A route for authenticated callers.
    pub fn on<F, Fut>(self, key: &'static str, handler: F) -> Self
    where
        F: Fn(Arc<App>, Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        self.insert(key, false, handler)
    }

    /// A route for everybody.
    pub fn public<F, Fut>(self, key: &'static str, handler: F) -> Self
    where
        F: Fn(Arc<App>, Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        self.insert(key, true, handler)
    }

    fn insert<F, Fut>(mut self, key: &'static str, public: bool, handler: F) -> Self
    where
        F: Fn(Arc<App>, Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        let handler: Handler<App> = Box::new(move |app, call| Box::pin(handler(app, call)));
        self.0.insert(key, Route { key, public, handler });
        self
    }

    /// Every `METHOD /path`. Beside each GET there is HEAD, which is answered as GET is, but for the body.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        let heads = self.0.keys().filter_map(|key| key.strip_prefix("GET "));
        let heads = heads.map(|path| format!("HEAD {path}"));
        self.0.keys().map(|key| (*key).to_owned()).chain(heads)
    }

    /// The route that API Gateway matched.
    pub(super) fn matched(&self, key: &str) -> Option<&Route<App>> {
        match key.strip_prefix("HEAD ") {
            Some(path) => self.0.get(format!("GET {path}").as_str()),
            None => self.0.get(key),
        }
    }

    /// The route of a path that nobody has matched yet, with its parameters: `cargo lambda watch` hands on the bare
    /// path.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<(&Route<App>, HashMap<String, String>)> {
        let method = if method == "HEAD" { "GET" } else { method };
        // Fixed segments come before parameters, as with API Gateway: `{` sorts after letters.
        self.0.values().find_map(|route| {
            let (wanted, pattern) = route.key.split_once(' ')?;
            if wanted != method {
                return None;
            }
            Some((route, parameters(pattern, path)?))
        })
    }
}

fn parameters(pattern: &str, path: &str) -> Option<HashMap<String, String>> {
    let mut segments = path.split('/');
    let mut parameters = HashMap::new();
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(_) if segment.is_empty() => return None,
            Some(name) => {
                let value = percent_decode_str(segment).decode_utf8().ok()?;
                parameters.insert(name.to_owned(), value.into_owned());
            }
            None if expected == segment => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::parameters;

    #[test]
    fn a_bare_path_is_matched_by_segments_and_decoded() {
        let found = parameters("/orders/{order_id}/items/{product_id}", "/orders/7/items/a%20b%2Fc").unwrap();
        assert_eq!(found["order_id"], "7");
        assert_eq!(found["product_id"], "a b/c");
        assert!(parameters("/orders/{order_id}", "/orders/7/items").is_none());
        assert!(parameters("/orders/{order_id}/items", "/orders/7").is_none());
        assert!(parameters("/orders/{order_id}/items", "/orders//items").is_none());
        assert!(parameters("/health", "/health").unwrap().is_empty());
    }
}
