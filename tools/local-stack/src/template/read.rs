//! Reads the properties that matter from a section of a resource.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::Problem;
use super::intrinsics::{At, Resolver};

pub(super) fn read<T: DeserializeOwned>(
    resolver: &Resolver,
    resource: &Value,
    section: &str,
    elsewhere: &[&str],
) -> Result<T, At> {
    let properties = without(resource.get(section).cloned().unwrap_or_default(), elsewhere);
    shape(resolver.resolve(&properties)?, "")
}

pub(super) fn without(mut properties: Value, names: &[&str]) -> Value {
    if let Some(properties) = properties.as_object_mut() {
        properties.retain(|name, _| !names.contains(&name.as_str()));
    }
    properties
}

pub(super) fn shape<T: DeserializeOwned>(value: Value, below: &str) -> Result<T, At> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let parts = [below, path.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty() && *part != ".");
        At::new(
            parts.collect::<Vec<_>>().join("."),
            Problem::Shape(error.into_inner().to_string()),
        )
    })
}
