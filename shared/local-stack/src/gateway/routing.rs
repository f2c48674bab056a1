//! Which of the template's routes a request takes.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>

use std::collections::BTreeMap;

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
    fn an_empty_segment_is_no_value_of_a_parameter() {
        let routes = routes(&["/orders/{order_id}", "/orders/{order_id}/items"]);
        for path in ["/orders/", "/orders//items"] {
            assert!(routes.find("GET", path).is_none(), "{path}");
        }
    }
}
