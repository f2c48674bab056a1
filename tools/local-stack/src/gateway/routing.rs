//! Which of the template's routes a request takes, and which it was meant to take.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use environment::spelling;

use crate::template::Template;

/// All routes, the more specific first: at the first segment in which two differ in kind, the static one goes before the
/// parameter.
pub(super) struct Routes(Vec<Entry>);

struct Entry {
    method: String,
    path: String,
    segments: Vec<Segment>,
    route_key: String,
    function: usize,
}

enum Segment {
    Static(String),
    Parameter(String),
}

/// The route of one request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// Into the template's functions.
    pub function: usize,
    /// `GET /orders/{order_id}`
    pub route_key: &'a str,
    pub parameters: BTreeMap<&'a str, String>,
}

/// What a request without a route was probably meant to be.
#[derive(Debug, PartialEq)]
pub(super) enum Meant<'a> {
    /// The path has these methods only.
    Methods(BTreeSet<&'a str>),
    /// This route, without the slash at the end.
    NoSlash(&'a str),
    /// The route with the nearest path.
    Route(&'a str),
    Nothing,
}

impl fmt::Display for Meant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Methods(methods) => {
                let methods: Vec<_> = methods.iter().copied().collect();
                write!(f, "the path has {} only", methods.join(", "))
            }
            Self::NoSlash(route) => write!(f, "{route} has no slash at its end"),
            Self::Route(route) => write!(f, "is {route} meant?"),
            Self::Nothing => f.write_str("none is near it"),
        }
    }
}

/// A segment of a route, equal to each segment of a path that may stand for it: any where it is a parameter, and a word that is
/// misspelt or not whole.
struct Loose<'a>(&'a Segment);

impl PartialEq<&str> for Loose<'_> {
    fn eq(&self, text: &&str) -> bool {
        match self.0 {
            Segment::Static(expected) => is_meant(expected, text),
            Segment::Parameter(_) => true,
        }
    }
}

/// A path with one segment that is missing, too much or another may be near.
const MOST_WRONG_SEGMENTS: usize = 1;

/// A shorter beginning may be that of any word.
const SHORTEST_BEGINNING: usize = 3;

fn is_meant(expected: &str, text: &str) -> bool {
    let is_beginning = |of: &str, text: &str| text.len() >= SHORTEST_BEGINNING && of.starts_with(text);
    is_beginning(expected, text) || is_beginning(text, expected) || spelling::nearest(text, [expected]).is_some()
}

/// How many segments are missing, too much or others; `None` when they are too many, or no word of the route is there.
fn wrong_segments(route: &[Segment], path: &[&str]) -> Option<usize> {
    let has_word = route.iter().any(|segment| match segment {
        Segment::Static(expected) => path.iter().any(|text| is_meant(expected, text)),
        Segment::Parameter(_) => false,
    });
    let route: Vec<_> = route.iter().map(Loose).collect();
    let wrong = strsim::generic_levenshtein(&route, &path.to_vec());
    (has_word && wrong <= MOST_WRONG_SEGMENTS).then_some(wrong)
}

impl Routes {
    pub(super) fn new(template: &Template) -> Self {
        let functions = template.functions.iter().enumerate();
        let routes = functions.flat_map(|(index, function)| function.routes.iter().map(move |route| (index, route)));
        let mut entries: Vec<_> = routes
            .map(|(function, route)| Entry {
                method: route.method.clone(),
                path: route.path.clone(),
                segments: route.path.split('/').map(segment).collect(),
                route_key: format!("{} {}", route.method, route.path),
                function,
            })
            .collect();
        // false goes before true.
        let is_parameter = |segment: &Segment| matches!(segment, Segment::Parameter(_));
        entries.sort_by_key(|entry| entry.segments.iter().map(is_parameter).collect::<Vec<_>>());
        Self(entries)
    }

    /// `path` is decoded already.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Target<'_>> {
        let segments: Vec<_> = path.split('/').collect();
        self.0.iter().filter(|entry| entry.method == method).find_map(|entry| {
            Some(Target {
                function: entry.function,
                route_key: &entry.route_key,
                parameters: parameters(&entry.segments, &segments)?,
            })
        })
    }

    /// The route that was meant by a request that has none, for the log.
    pub(super) fn meant(&self, method: &str, path: &str) -> Meant<'_> {
        let segments: Vec<_> = path.split('/').collect();
        let of_path = self
            .0
            .iter()
            .filter(|entry| parameters(&entry.segments, &segments).is_some());
        let methods: BTreeSet<_> = of_path.map(|entry| entry.method.as_str()).collect();
        if !methods.is_empty() {
            return Meant::Methods(methods);
        }
        if let Some(target) = path.strip_suffix('/').and_then(|path| self.find(method, path)) {
            return Meant::NoSlash(target.route_key);
        }
        let named: Vec<_> = segments.into_iter().filter(|segment| !segment.is_empty()).collect();
        let near = self.0.iter().filter_map(|entry| {
            // The first segment is what stands before the first slash.
            let wrong = wrong_segments(entry.segments.get(1..)?, &named)?;
            let letters = strsim::osa_distance(&entry.path, path);
            Some(((wrong, entry.method != method, letters), entry))
        });
        let nearest = near.min_by_key(|(distance, _)| *distance);
        nearest.map_or(Meant::Nothing, |(_, entry)| Meant::Route(&entry.route_key))
    }
}

fn segment(text: &str) -> Segment {
    match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        Some(name) => Segment::Parameter(name.to_owned()),
        None => Segment::Static(text.to_owned()),
    }
}

/// `None` when the path does not match. An empty segment is no value of a parameter.
fn parameters<'a>(route: &'a [Segment], path: &[&str]) -> Option<BTreeMap<&'a str, String>> {
    if route.len() != path.len() {
        return None;
    }
    let mut parameters = BTreeMap::new();
    for (segment, text) in route.iter().zip(path) {
        match segment {
            Segment::Static(expected) if expected == text => {}
            Segment::Parameter(name) if !text.is_empty() => {
                parameters.insert(name.as_str(), (*text).to_owned());
            }
            _ => return None,
        }
    }
    Some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{FunctionDefinition, Route};

    fn routes(paths: &[&str]) -> Routes {
        let route = |path: &&str| Route {
            method: "GET".to_owned(),
            path: (*path).to_owned(),
        };
        let function = FunctionDefinition {
            routes: paths.iter().map(route).collect(),
            ..FunctionDefinition::default()
        };
        Routes::new(&Template {
            functions: vec![function],
            ..Template::default()
        })
    }

    #[test]
    fn a_static_segment_goes_before_a_parameter() {
        let routes = routes(&["/{a}/{b}", "/orders/{order_id}", "/{a}/search", "/orders/search"]);
        let key = |path| routes.find("GET", path).map(|target| target.route_key.to_owned());
        assert_eq!(key("/orders/search").as_deref(), Some("GET /orders/search"));
        assert_eq!(key("/orders/o 1").as_deref(), Some("GET /orders/{order_id}"));
        assert_eq!(key("/other/search").as_deref(), Some("GET /{a}/search"));
        assert_eq!(key("/other/o 1").as_deref(), Some("GET /{a}/{b}"));
        let target = routes.find("GET", "/orders/o 1").expect("a route");
        assert_eq!(target.parameters, BTreeMap::from([("order_id", "o 1".to_owned())]));
    }

    #[test]
    fn another_method_or_number_of_segments_is_no_route() {
        let routes = routes(&["/orders/{order_id}"]);
        assert!(routes.find("POST", "/orders/o1").is_none());
        for path in ["/orders", "/orders/o1/", "/orders/o1/items", "/"] {
            assert!(routes.find("GET", path).is_none(), "{path}");
        }
    }

    #[test]
    fn a_wrong_request_is_told_what_was_meant() {
        let text = include_str!("../../../../template.yaml");
        let routes = Routes::new(&Template::parse("template.yaml", text).expect("the template"));
        for (method, path, meant) in [
            ("POST", "/orders/", "POST /orders has no slash at its end"),
            (
                "GET",
                "/orders/o1/history/",
                "GET /orders/{order_id}/history has no slash at its end",
            ),
            ("GET", "/orders//o1", "is GET /orders/{order_id} meant?"),
            ("POST", "/order", "is POST /orders meant?"),
            ("POST", "/Orders", "is POST /orders meant?"),
            ("GET", "/order/o1", "is GET /orders/{order_id} meant?"),
            ("GET", "/orders/o1/histroy", "is GET /orders/{order_id}/history meant?"),
            (
                "POST",
                "/orders/o1/submitted",
                "is POST /orders/{order_id}/submit meant?",
            ),
            ("POST", "/orders/o1/shipp/", "is POST /orders/{order_id}/ship meant?"),
            ("GET", "/api/orders", "is GET /orders meant?"),
            ("GET", "/v1/orders/o1/events", "is GET /orders/{order_id}/events meant?"),
            (
                "GET",
                "/customer/VINET/orders",
                "is GET /customers/{customer_id}/orders meant?",
            ),
            (
                "GET",
                "/orders/o1/order/events",
                "is GET /orders/{order_id}/events meant?",
            ),
            ("GET", "/reports/daily", "is GET /reports/daily-orders meant?"),
            ("GET", "/doc", "is GET /docs meant?"),
            ("GET", "/metric", "none is near it"),
            ("PUT", "/orders/o1", "the path has GET, HEAD only"),
            ("DELETE", "/orders/o1", "the path has GET, HEAD only"),
            ("OPTIONS", "/orders", "the path has GET, HEAD, POST only"),
            ("GET", "/", "none is near it"),
            ("GET", "/favicon.ico", "none is near it"),
            ("GET", "/a/b/c/d/e", "none is near it"),
        ] {
            assert!(routes.find(method, path).is_none(), "{method} {path}");
            assert_eq!(routes.meant(method, path).to_string(), meant, "{method} {path}");
        }
    }

    #[test]
    fn an_empty_segment_is_no_value_of_a_parameter() {
        let routes = routes(&["/orders/{order_id}", "/orders/{order_id}/items"]);
        for path in ["/orders/", "/orders//items"] {
            assert!(routes.find("GET", path).is_none(), "{path}");
        }
    }
}
