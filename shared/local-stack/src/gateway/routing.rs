//! Which of the template's routes a request takes, and which it was meant to take.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::template::Template;

/// All routes, the more specific first: at the first segment in which two differ in kind, the static one goes before the
/// parameter.
pub(super) struct Routes(Vec<Entry>);

struct Entry {
    method: String,
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
    /// The route with the nearest path, which the request's may differ from in a slash at the end alone.
    Route {
        key: &'a str,
        is_but_for_slash: bool,
    },
    Nothing,
}

impl fmt::Display for Meant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Methods(methods) => {
                let methods: Vec<_> = methods.iter().copied().collect();
                write!(f, "the path has {} only", methods.join(", "))
            }
            Self::Route {
                key,
                is_but_for_slash: true,
            } => write!(f, "{key} has no slash at its end"),
            Self::Route { key, .. } => write!(f, "is {key} meant?"),
            Self::Nothing => f.write_str("none is near it"),
        }
    }
}

impl Routes {
    pub(super) fn new(template: &Template) -> Self {
        let functions = template.functions.iter().enumerate();
        let routes = functions.flat_map(|(index, function)| function.routes.iter().map(move |route| (index, route)));
        let mut entries: Vec<_> = routes
            .map(|(function, route)| Entry {
                method: route.method.clone(),
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

    /// For the log, of a request that has no route.
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
        let near = self.0.iter().filter_map(|entry| {
            let distance = path_distance(&entry.segments, &segments)?;
            Some((distance, entry.method != method, entry))
        });
        let nearest = near
            .min_by(|(one, is_other, _), (two, is_other_too, _)| one.total_cmp(two).then(is_other.cmp(is_other_too)));
        match nearest {
            Some((distance, is_other_method, entry)) => Meant::Route {
                key: &entry.route_key,
                is_but_for_slash: distance == EMPTY_SEGMENT && path.ends_with('/') && !is_other_method,
            },
            None => Meant::Nothing,
        }
    }
}

/// What each difference between a path and a route counts. A path that differs more than [`NEAR`] is another.
const EMPTY_SEGMENT: f64 = 0.25;
const MISSING_OR_TOO_MUCH: f64 = 1.5;
const NEAR: f64 = 2.0;

/// Of two words, from 0 to 1. One with less in common is another word; the beginning of one is near.
const MIN_SIMILARITY: f64 = 0.5;
const SIMILARITY_OF_BEGINNING: f64 = 0.75;

/// How far a path is from being one of this route: letters in its segments, slashes, a segment more or less. `None` when it is
/// too far, or has no word of the route in it.
fn path_distance(route: &[Segment], path: &[&str]) -> Option<f64> {
    let named: Vec<_> = path.iter().copied().filter(|segment| !segment.is_empty()).collect();
    // Each path begins with a slash, and so with an empty segment.
    let empty = path.len().saturating_sub(named.len() + 1);
    let route = route.get(1..).unwrap_or_default();
    let letters = match (route.len(), named.len()) {
        (expected, found) if expected == found => segments_distance(route.iter(), named.iter().copied()),
        (expected, found) if expected + 1 == found => nearest(found, |left_out| {
            segments_distance(route.iter(), without(&named, left_out).copied())
        }),
        (expected, found) if expected == found + 1 => nearest(expected, |left_out| {
            segments_distance(without(route, left_out), named.iter().copied())
        }),
        _ => None,
    };
    let length = if route.len() == named.len() {
        0.0
    } else {
        MISSING_OR_TOO_MUCH
    };
    let distance = letters? + length + EMPTY_SEGMENT * empty as f64;
    (distance <= NEAR).then_some(distance)
}

fn without<T>(items: &[T], left_out: usize) -> impl Iterator<Item = &T> {
    let others = items.iter().enumerate().filter(move |(index, _)| *index != left_out);
    others.map(|(_, item)| item)
}

fn nearest(count: usize, distance: impl Fn(usize) -> Option<f64>) -> Option<f64> {
    (0..count).filter_map(distance).min_by(f64::total_cmp)
}

/// `None` when one of them is another word, or none is a word of the route.
fn segments_distance<'a>(route: impl Iterator<Item = &'a Segment>, path: impl Iterator<Item = &'a str>) -> Option<f64> {
    let mut distance = 0.0;
    let mut has_word = false;
    for (segment, text) in route.zip(path) {
        if let Segment::Static(expected) = segment {
            let similarity = similarity(expected, text);
            if similarity <= MIN_SIMILARITY {
                return None;
            }
            has_word = true;
            distance += 2.0 * (1.0 - similarity);
        }
    }
    has_word.then_some(distance)
}

fn similarity(expected: &str, text: &str) -> f64 {
    let similarity = strsim::normalized_damerau_levenshtein(expected, text);
    let is_beginning = expected.starts_with(text) || text.starts_with(expected);
    if is_beginning {
        similarity.max(SIMILARITY_OF_BEGINNING)
    } else {
        similarity
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
            ("PUT", "/orders/o1", "the path has GET only"),
            ("HEAD", "/orders/o1", "the path has GET only"),
            ("OPTIONS", "/orders", "the path has GET, POST only"),
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
