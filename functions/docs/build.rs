//! Makes openapi.json of openapi.yaml, so that the function has nothing to convert.

use std::error::Error;
use std::path::Path;

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=openapi.yaml");
    let documents = std::fs::read_to_string("openapi.yaml")?;
    let documents = Yaml::load_from_str(&documents)?;
    let description = to_json(documents.first().ok_or("openapi.yaml is empty")?)?;
    let path = Path::new(&std::env::var("OUT_DIR")?).join("openapi.json");
    Ok(std::fs::write(path, description.to_string())?)
}

fn to_json(yaml: &Yaml) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::Integer(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(value)) => json!(value.into_inner()),
        Yaml::Value(Scalar::String(value)) => json!(value),
        Yaml::Sequence(items) => items.iter().map(to_json).collect::<Result<_, _>>()?,
        Yaml::Mapping(entries) => {
            let entry = |(key, value)| match to_json(key)? {
                Value::String(key) => Ok((key, to_json(value)?)),
                key => Err(format!("openapi.yaml has the key {key}, which is not text")),
            };
            Value::Object(entries.iter().map(entry).collect::<Result<Map<_, _>, String>>()?)
        }
        other => return Err(format!("openapi.yaml has {other:?}")),
    })
}
