//! The API's description, and whether answers are as it says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::answer::Answer;

/// Headers of HTTP itself, which nobody documents.
const OF_HTTP: [&str; 4] = ["content-type", "content-length", "date", "connection"];

/// The description that is served, as read once.
pub static DESCRIPTION: LazyLock<Description> = LazyLock::new(|| Description {
    api: serde_json::from_str(docs::OPENAPI).unwrap(),
    validators: Mutex::default(),
});

/// [`Description::operations`], which every request of every test asks for.
static OPERATIONS: LazyLock<BTreeMap<String, &'static Map<String, Value>>> = LazyLock::new(|| DESCRIPTION.operations());

pub struct Description {
    pub api: Value,
    /// By the schema, as text.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Description {
    /// Each `METHOD /path` with what stands under it.
    pub fn operations(&self) -> BTreeMap<String, &Map<String, Value>> {
        let paths = self.api["paths"].as_object().unwrap().iter();
        let operations = paths.flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            let methods = methods.filter(|(name, _)| *name != "parameters");
            methods.map(move |(method, of)| (format!("{} {path}", method.to_uppercase()), of.as_object().unwrap()))
        });
        operations.collect()
    }

    /// Each `METHOD /path` with a status that it may have.
    pub fn responses(&self) -> BTreeSet<(String, u16)> {
        let operations = self.operations();
        let statuses = |(key, of): (String, &Map<String, Value>)| {
            let statuses: Vec<u16> = of["responses"]
                .as_object()
                .unwrap()
                .keys()
                .map(|status| status.parse().unwrap())
                .collect();
            statuses.into_iter().map(move |status| (key.clone(), status))
        };
        operations.into_iter().flat_map(statuses).collect()
    }

    /// What a `$ref` stands for.
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(place) => self.resolve(self.api.pointer(place.trim_start_matches('#')).unwrap()),
            None => value,
        }
    }

    /// What is wrong with `value` by a schema of the description.
    pub fn errors(&self, schema: &Value, value: &Value) -> Vec<String> {
        let key = schema.to_string();
        let validator = self
            .validators
            .lock()
            .unwrap()
            .entry(key)
            .or_insert_with(|| {
                let schema = json!({ "allOf": [schema], "components": self.api["components"] });
                let options = jsonschema::draft202012::options().should_validate_formats(true);
                Arc::new(options.build(&schema).unwrap())
            })
            .clone();
        let errors = validator.iter_errors(value);
        errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    /// The `METHOD /path` that a request takes; `None` when it is no route.
    pub fn operation_of(&self, method: &str, path: &str) -> Option<String> {
        let path = percent_decode_str(path).decode_utf8().ok()?;
        let fits = |key: &&String| {
            let (wanted, pattern) = key.split_once(' ').unwrap();
            let segments = || pattern.split('/').zip(path.split('/'));
            wanted == method
                && pattern.split('/').count() == path.split('/').count()
                && segments()
                    .all(|(pattern, segment)| pattern == segment || (pattern.starts_with('{') && !segment.is_empty()))
        };
        // Fixed segments come before parameters.
        OPERATIONS
            .keys()
            .filter(fits)
            .min_by_key(|key| key.replace('{', "~"))
            .cloned()
    }

    /// Whether the answer is one that the description has.
    #[track_caller]
    pub fn check(&self, operation: &str, answer: &Answer) {
        let Answer { status, headers, body } = answer;
        let Some(response) = OPERATIONS[operation]["responses"].get(status.to_string()) else {
            panic!("{operation} has no {status} in the description: {body}");
        };
        let response = self.resolve(response);

        let documented: BTreeMap<String, &Value> = response["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, header)| (name.to_lowercase(), self.resolve(header)))
            .collect();
        for (name, header) in &documented {
            match answer.header(name) {
                None => assert!(
                    header["required"] != true,
                    "{operation} {status} lacks the header {name}"
                ),
                Some(value) => {
                    let errors = self.errors(&header["schema"], &json!(value));
                    assert!(
                        errors.is_empty(),
                        "{operation} {status} has {name}: {value}, but {errors:?}"
                    );
                }
            }
        }
        for name in headers.keys() {
            let is_known = documented.contains_key(name.as_str()) || OF_HTTP.contains(&name.as_str());
            assert!(
                is_known,
                "{operation} {status} has the header {name}, which the description has not"
            );
        }

        let content_type = answer
            .header("content-type")
            .map(|value| value.split(';').next().unwrap());
        let Some(content) = response["content"].as_object() else {
            assert_eq!(
                (content_type, body),
                (None, &Value::Null),
                "{operation} {status} has a body"
            );
            return;
        };
        let of_type = content_type.and_then(|content_type| content.get(content_type));
        let Some(of_type) = of_type else {
            panic!("{operation} {status} has a body of the type {content_type:?}");
        };
        if content_type.is_some_and(|content_type| content_type.ends_with("json")) {
            let errors = self.errors(&of_type["schema"], body);
            assert!(errors.is_empty(), "{operation} {status}: {errors:#?} in {body}");
        }
    }
}
