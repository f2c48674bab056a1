//! The fields of a value, as serde tells of them: also those that are left out.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::ser::{
    Error as _, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    Serializer,
};
use serde_json::{Error, Value};

/// Paths of fields: names joined by dots, with `[]` for the elements of a list and `{}` for those of a map.
#[derive(Debug, Default)]
pub struct Fields {
    pub present: BTreeSet<String>,
    /// Optional ones that are not there, and the elements of lists without any.
    pub absent: BTreeSet<String>,
    /// Structs that were flattened: serde does not tell what is left out of these.
    pub flattened: BTreeSet<String>,
}

impl Fields {
    pub fn of(value: &impl Serialize) -> Self {
        let mut fields = Self::default();
        let place = Place {
            fields: &mut fields,
            path: String::new(),
        };
        value.serialize(place).unwrap();
        fields
    }

    /// The paths of what is stored; what is `null` is not there.
    pub fn of_stored(value: &Value) -> BTreeSet<String> {
        let within = |name: &str, value: &Value| {
            let below = Self::of_stored(value).into_iter();
            below.map(move |path| join(name, &path)).collect::<Vec<_>>()
        };
        match value {
            Value::Null => BTreeSet::new(),
            Value::Object(fields) => fields.iter().flat_map(|(name, value)| within(name, value)).collect(),
            Value::Array(elements) => elements.iter().flat_map(|value| within("[]", value)).collect(),
            _ => [String::new()].into(),
        }
    }

    /// Those of a value that stands within another.
    pub fn within(self, name: &str) -> Self {
        let below = |paths: BTreeSet<String>| paths.iter().map(|path| join(name, path)).collect();
        Self {
            present: below(self.present),
            absent: below(self.absent),
            flattened: below(self.flattened),
        }
    }

    pub fn extend(&mut self, other: Self) {
        self.present.extend(other.present);
        self.absent.extend(other.absent);
        self.flattened.extend(other.flattened);
    }

    /// Those that are absent wherever they might be.
    pub fn missing(&self) -> Vec<&String> {
        let is_present = |path: &String| {
            let below = |other: &String| {
                other
                    .strip_prefix(path)
                    .is_some_and(|rest| rest.starts_with(['.', '[', '{']))
            };
            self.present.contains(path) || self.present.iter().any(below)
        };
        self.absent.iter().filter(|path| !is_present(path)).collect()
    }
}

fn join(path: &str, below: &str) -> String {
    let is_name = !below.is_empty() && !below.starts_with(['[', '{']);
    let dot = if is_name && !path.is_empty() { "." } else { "" };
    format!("{path}{dot}{below}")
}

/// Where a value stands.
struct Place<'a> {
    fields: &'a mut Fields,
    path: String,
}

impl<'a> Place<'a> {
    fn at(&mut self, name: &str) -> Place<'_> {
        Place {
            path: join(&self.path, name),
            fields: self.fields,
        }
    }

    fn present(self) -> Result<(), Error> {
        self.fields.present.insert(self.path);
        Ok(())
    }

    fn absent(self) -> Result<(), Error> {
        self.fields.absent.insert(self.path);
        Ok(())
    }

    fn inside(self) -> Result<Inside<'a>, Error> {
        Ok(Inside {
            place: self,
            key: String::new(),
            is_empty: true,
        })
    }

    fn within(mut self, name: &str) -> Result<Inside<'a>, Error> {
        self.path = self.at(name).path;
        self.inside()
    }
}

/// Within a list or an object.
struct Inside<'a> {
    place: Place<'a>,
    key: String,
    is_empty: bool,
}

macro_rules! values {
    ($($method:ident $value:ty),*) => { $(fn $method(self, _: $value) -> Result<(), Error> { self.present() })* };
}

impl<'a> Serializer for Place<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Inside<'a>;
    type SerializeMap = Inside<'a>;
    type SerializeStruct = Inside<'a>;
    type SerializeStructVariant = Inside<'a>;
    type SerializeTuple = Inside<'a>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;

    values!(
        serialize_bool bool, serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_u8 u8,
        serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_f32 f32, serialize_f64 f64, serialize_char char,
        serialize_str &str, serialize_bytes &[u8], serialize_unit_struct &'static str
    );

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Error> {
        self.present()
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.absent()
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.absent()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self.at(variant))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Inside<'a>, Error> {
        self.within("[]")
    }

    /// A flattened struct has no length, and its names are those of fields; those of a map are data.
    fn serialize_map(self, len: Option<usize>) -> Result<Inside<'a>, Error> {
        if len.is_some() {
            return self.within("{}");
        }
        self.fields.flattened.insert(self.path.clone());
        self.inside()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Inside<'a>, Error> {
        self.inside()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Inside<'a>, Error> {
        self.within(variant)
    }

    fn serialize_tuple(self, _: usize) -> Result<Inside<'a>, Error> {
        self.within("[]")
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Error> {
        Err(Error::custom(name))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Err(Error::custom(variant))
    }
}

macro_rules! lists {
    ($($kind:ident),*) => { $(impl $kind for Inside<'_> {
        type Ok = ();
        type Error = Error;

        fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
            self.is_empty = false;
            value.serialize(self.place.at(""))
        }

        fn end(self) -> Result<(), Error> {
            if self.is_empty { self.place.absent() } else { Ok(()) }
        }
    })* };
}

lists!(SerializeSeq, SerializeTuple);

impl SerializeMap for Inside<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let key = serde_json::to_value(key)?;
        self.key = key.as_str().unwrap_or_default().to_owned();
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.is_empty = false;
        let is_map = self.place.path.ends_with("{}");
        value.serialize(self.place.at(if is_map { "" } else { &self.key }))
    }

    fn end(self) -> Result<(), Error> {
        if self.is_empty { self.place.absent() } else { Ok(()) }
    }
}

macro_rules! structs {
    ($($kind:ident),*) => { $(impl $kind for Inside<'_> {
        type Ok = ();
        type Error = Error;

        fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
            value.serialize(self.place.at(name))
        }

        fn skip_field(&mut self, name: &'static str) -> Result<(), Error> {
            self.place.at(name).absent()
        }

        fn end(self) -> Result<(), Error> {
            Ok(())
        }
    })* };
}

structs!(SerializeStruct, SerializeStructVariant);
