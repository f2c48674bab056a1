//! The fields of a body or of a query: read one by one, and everything that is wrong with them told at once.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::{self, Display};
use std::str::FromStr;

use environment::spelling::nearest;
use rust_decimal::Decimal;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::exact;
use super::problem::{FieldError, MAX_ERRORS, Problem};

/// How much of a field's name goes back, which is the client's own input.
const MAX_NAME_CHARS: usize = 200;

/// What is wrong with a request so far: each error with its place in the request, which they are told in the order of.
#[derive(Debug, Default)]
pub(super) struct Errors(RefCell<Vec<(usize, FieldError)>>);

impl Errors {
    fn add(&self, at: usize, field: &str, message: impl Display) {
        let field = match field {
            "" => "body".to_owned(),
            field => field.chars().take(MAX_NAME_CHARS).collect(),
        };
        let message = message.to_string();
        self.0.borrow_mut().push((at, FieldError { field, message }));
    }

    fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// What was read, or `problem` with the errors.
    pub(super) fn outcome<T>(self, read: Option<T>, problem: Problem) -> Result<T, Problem> {
        let mut errors = self.0.into_inner();
        match read {
            Some(read) if errors.is_empty() => return Ok(read),
            None if errors.is_empty() => return Err(Problem::internal("a field was not read, and nobody said why")),
            _ => {}
        }
        errors.sort_by_key(|(at, _)| *at);
        Err(problem.fields(errors.into_iter().map(|(_, error)| error)))
    }
}

/// The fields of a JSON object, or the parameters of a query. Whoever reads them names each; what is left is unknown.
#[derive(Debug)]
pub struct Fields<'a> {
    errors: &'a Errors,
    /// What comes before their names: `items[3].`.
    prefix: String,
    given: Vec<Given<'a>>,
    known: Vec<&'static str>,
    /// Where what is missing is told: after all that was given.
    end: usize,
}

#[derive(Debug)]
struct Given<'a> {
    name: Cow<'a, str>,
    value: Value<'a>,
    at: usize,
    is_read: bool,
}

#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Json(&'a RawValue),
    /// The value of a query's parameter.
    Text(&'a str),
}

impl Value<'_> {
    fn is_null(self) -> bool {
        matches!(self, Value::Json(json) if json.get() == "null")
    }
}

/// A field that was given, to be read as something.
#[derive(Debug)]
pub struct Field<'a> {
    errors: &'a Errors,
    /// Its name with all that is around it: `items[3].quantity`.
    path: String,
    at: usize,
    value: Value<'a>,
}

impl<'a> Fields<'a> {
    /// The parameters of a query, decoded.
    pub(super) fn of_query(errors: &'a Errors, parameters: &'a [(String, String)]) -> Self {
        let given = parameters.iter().enumerate().map(|(at, (name, value))| Given {
            name: name.into(),
            value: Value::Text(value),
            at,
            is_read: false,
        });
        Self::new(errors, String::new(), given.collect(), parameters.len())
    }

    fn new(errors: &'a Errors, prefix: String, given: Vec<Given<'a>>, end: usize) -> Self {
        Self {
            errors,
            prefix,
            given,
            known: Vec::new(),
            end,
        }
    }

    /// A field that must be there. `None` when it is not, or is wrong; that has been noted then.
    pub fn required<T>(&mut self, name: &'static str, read: impl FnOnce(Field<'a>) -> Option<T>) -> Option<T> {
        match self.take(name) {
            Some(field) => read(field),
            None => self.refuse(name, "is required"),
        }
    }

    /// A field that may be absent, or `null`, which is the same.
    pub fn optional<T>(&mut self, name: &'static str, read: impl FnOnce(Field<'a>) -> Option<T>) -> Option<Option<T>> {
        match self.take(name) {
            Some(field) if !field.value.is_null() => read(field).map(Some),
            _ => Some(None),
        }
    }

    /// A field that may be absent, but is not `null`.
    pub fn given<T>(&mut self, name: &'static str, read: impl FnOnce(Field<'a>) -> Option<T>) -> Option<Option<T>> {
        self.take(name).map_or(Some(None), |field| read(field).map(Some))
    }

    /// Whether the field was given, and is not `null`.
    pub fn has(&self, name: &str) -> bool {
        self.given
            .iter()
            .any(|given| given.name == name && !given.value.is_null())
    }

    /// Notes what is wrong with a field beside others.
    pub fn refuse<T>(&self, name: &str, message: impl Display) -> Option<T> {
        let given = self.given.iter().find(|given| given.name == name);
        let at = given.map_or(self.end, |given| given.at);
        self.errors.add(at, &format!("{}{name}", self.prefix), message);
        None
    }

    fn take(&mut self, name: &'static str) -> Option<Field<'a>> {
        self.known.push(name);
        let given = self.given.iter_mut().find(|given| given.name == name)?;
        given.is_read = true;
        Some(Field {
            errors: self.errors,
            path: format!("{}{name}", self.prefix),
            at: given.at,
            value: given.value,
        })
    }

    /// Notes the fields that nobody has asked for.
    pub(super) fn refuse_unknown(&self) {
        for given in self.given.iter().filter(|given| !given.is_read) {
            let known = self.known.iter().copied();
            let message = if known.clone().any(|known| known == given.name) {
                "is given twice".to_owned()
            } else if self.errors.count() > MAX_ERRORS || given.name.len() > MAX_NAME_CHARS {
                "is not known here".to_owned()
            } else {
                let meant = nearest(&given.name, known).map(|meant| format!("; did you mean `{meant}`?"));
                format!("is not known here{}", meant.unwrap_or_default())
            };
            self.errors
                .add(given.at, &format!("{}{}", self.prefix, given.name), message);
        }
    }
}

impl<'a> Field<'a> {
    /// A whole body, which is JSON.
    pub(super) fn body(errors: &'a Errors, json: &'a RawValue) -> Self {
        Self {
            errors,
            path: String::new(),
            at: place(json),
            value: Value::Json(json),
        }
    }

    /// A text that is a `T`.
    pub fn text<T: FromStr<Err: Display>>(self) -> Option<T> {
        let text = match self.value {
            Value::Text(text) => Some(Cow::Borrowed(text)),
            Value::Json(json) => serde_json::from_str(json.get()).ok().map(Cow::Owned),
        };
        match text {
            Some(text) => self.accept(text.parse()),
            None => self.refuse("must be a string"),
        }
    }

    /// One of some words.
    pub fn one_of<T: Copy>(self, choices: &[(&str, T)]) -> Option<T> {
        let words = || choices.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        let text = match self.value {
            Value::Text(text) => Some(text.to_owned()),
            Value::Json(json) => serde_json::from_str(json.get()).ok(),
        };
        let chosen = choices.iter().find(|(word, _)| text.as_deref() == Some(*word));
        self.accept(
            chosen
                .map(|(_, choice)| *choice)
                .ok_or_else(|| format!("must be one of {}", words())),
        )
    }

    /// A JSON number that is whole. That 2.0 is one, JSON Schema says, and JavaScript.
    pub fn whole<T: TryFrom<u32, Error: Display>>(self) -> Option<T> {
        let number = match self.value {
            Value::Json(json) if !json.get().starts_with('"') => exact::parse(json.get()),
            Value::Json(_) | Value::Text(_) => None,
        };
        let number = number.filter(|number| number.fract().is_zero());
        let number = number.and_then(|number| u32::try_from(number).ok());
        // What is no whole number, or no u32, is refused as the largest one is.
        self.accept(number.unwrap_or(u32::MAX).try_into())
    }

    /// A decimal, as a JSON number or a string, read exactly.
    pub fn decimal(self) -> Option<Decimal> {
        self.decimal_as(Ok::<_, &str>)
    }

    /// A decimal that is a `T`.
    pub fn decimal_as<T, E: Display>(self, read: impl FnOnce(Decimal) -> Result<T, E>) -> Option<T> {
        let number = match self.value {
            Value::Json(json) => exact::parse(json.get()),
            Value::Text(text) => exact::parse(text),
        };
        match number {
            Some(number) => self.accept(read(number)),
            None => self.refuse(exact::EXPECTED),
        }
    }

    /// A JSON object with these fields and no others.
    pub fn object<T>(self, read: impl FnOnce(&mut Fields<'a>) -> Option<T>) -> Option<T> {
        let Value::Json(json) = self.value else {
            return self.refuse("must be an object");
        };
        let Ok(Entries(entries)) = serde_json::from_str(json.get()) else {
            return self.refuse("must be an object");
        };
        let prefix = match &*self.path {
            "" => String::new(),
            path => format!("{path}."),
        };
        let given = entries.into_iter().map(|(name, value)| Given {
            name: name.into(),
            value: Value::Json(value),
            at: place(value),
            is_read: false,
        });
        let mut fields = Fields::new(self.errors, prefix, given.collect(), place(json) + json.get().len());
        let read = read(&mut fields);
        fields.refuse_unknown();
        read
    }

    /// A JSON list, whose elements are read one by one: one that is wrong does not keep the others from being looked at.
    pub fn list<T>(self, read: impl Fn(Field<'a>) -> Option<T>) -> Option<Vec<T>> {
        let Value::Json(json) = self.value else {
            return self.refuse("must be a list");
        };
        let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(json.get()) else {
            return self.refuse("must be a list");
        };
        let elements = elements.into_iter().enumerate().map(|(position, value)| {
            read(Field {
                errors: self.errors,
                path: format!("{}[{position}]", self.path),
                at: place(value),
                value: Value::Json(value),
            })
        });
        // All of them are read before it is asked whether each could be.
        let elements: Vec<_> = elements.collect();
        elements.into_iter().collect()
    }

    /// What was made of the field, or a note of what is wrong with it.
    pub fn accept<T>(self, made: Result<T, impl Display>) -> Option<T> {
        made.map_err(|error| self.errors.add(self.at, &self.path, error)).ok()
    }

    fn refuse<T>(self, message: &str) -> Option<T> {
        self.accept(Err(message))
    }
}

/// Where a part of the body begins. All parts lie in the one text, so their addresses are in the order of their places.
fn place(json: &RawValue) -> usize {
    json.get().as_ptr() as usize
}

/// The entries of a JSON object as they stand there, also those of the same name. Only an object has any: serde's structs
/// would also read an array of their fields' values.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnObject;

        impl<'de> Visitor<'de> for AnObject {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(AnObject)
    }
}

#[cfg(test)]
mod tests;
