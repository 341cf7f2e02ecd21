//! One node of a tree as serde sees it.

use std::path::Path;

use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use vigie_pipeline::check::Step;

use super::Context;
use super::access::{Elements, Members, Variant};
use super::error::Error;
use crate::tree::{Node, Text, Value};

/// The names of the newtypes that mean something here; see `vigie_pipeline`.
const SECRET: &str = "Secret";
const FILE_PATH: &str = "FilePath";

/// Decodes one node.
#[derive(Clone, Copy)]
pub(super) struct Decoder<'de> {
    node: &'de Node,
    pub(super) context: &'de Context<'de>,
    /// Below a [`SECRET`]: no error quotes the value.
    hidden: bool,
}

impl<'de> Decoder<'de> {
    pub(super) fn new(node: &'de Node, context: &'de Context<'de>) -> Self {
        Self { node, context, hidden: false }
    }

    /// Of a node below this one.
    pub(super) fn of(self, node: &'de Node) -> Self {
        Self { node, ..self }
    }

    /// Runs `f` one step further down; an error that comes up there is placed there.
    pub(super) fn within<R>(&self, step: Step, f: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
        self.context.at.borrow_mut().0.push(step);
        let result = f();
        let mut at = self.context.at.borrow_mut();
        let result = result.map_err(|error| error.at(&at));
        at.0.pop();
        result
    }

    /// Notes an error at a member without ending the decoding.
    pub(super) fn note(&self, key: &str, error: Error) {
        let error = error.at(&self.context.at.borrow().key(key));
        self.context.noted.borrow_mut().push(error.into_wrong());
    }

    /// The text of the node, if it was expanded: then it may be anything.
    fn expanded(&self) -> Option<&'de str> {
        match &self.node.value {
            Value::Text(Text { value, template: Some(_) }) => Some(value),
            _ => None,
        }
    }

    /// An error at this node that quotes its value only where that is allowed.
    fn shield(&self, error: Error) -> Error {
        match &self.node.value {
            _ if self.hidden => error.without_value(None),
            Value::Text(Text { template: Some(template), .. }) => error.without_value(Some(template)),
            _ => error,
        }
    }

    fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Integer(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => visitor.visit_u64(value),
                (_, Ok(value)) => visitor.visit_i64(value),
                _ => visitor.visit_i128(*value),
            },
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(text) => {
                self.keep_secret(text);
                visitor.visit_borrowed_str(&text.value)
            }
            Value::List(elements) => visitor.visit_seq(Elements::new(self, elements)),
            Value::Map(members) => visitor.visit_map(Members::new(self, members, None)),
        }
        .map_err(|error| self.shield(error))
    }

    /// Remembers a value that later messages must not show.
    fn keep_secret(&self, text: &Text) {
        let shown = match &text.template {
            _ if self.hidden => "<secret>",
            Some(template) => template,
            None => return,
        };
        // Shorter ones say nothing, and taking them out would garble every message.
        if text.value.len() > 2 {
            self.context.secrets.borrow_mut().push((text.value.clone(), shown.to_owned()));
        }
    }

    fn file_path<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let directory = self.context.directories.get(self.node.origin.source).filter(|_| self.is_text());
        let (Some(directory), Value::Text(text)) = (directory, &self.node.value) else {
            return visitor.visit_newtype_struct(self);
        };
        // A path is worth showing, unless it was read from a file of secrets.
        if text.template.as_ref().is_some_and(|template| template.contains("${file:")) {
            self.keep_secret(text);
        }
        let path = Path::new(&text.value);
        let path = if text.value.is_empty() { path.to_owned() } else { directory.join(path) };
        let path = path.to_string_lossy().into_owned();
        visitor.visit_newtype_struct(IntoDeserializer::<Error>::into_deserializer(path))
    }

    fn is_text(&self) -> bool {
        matches!(self.node.value, Value::Text(_))
    }
}

/// For numbers and booleans: an expanded text is read as YAML would read it.
macro_rules! from_expanded {
    ($($method:ident $visit:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.expanded().map(|text| text.trim().parse::<$type>()) {
                Some(Ok(value)) => visitor.$visit(value).map_err(|error| self.shield(error)),
                _ => self.visit(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Decoder<'de> {
    type Error = Error;

    from_expanded! {
        deserialize_bool visit_bool bool;
        deserialize_u8 visit_u64 u64;
        deserialize_u16 visit_u64 u64;
        deserialize_u32 visit_u64 u64;
        deserialize_u64 visit_u64 u64;
        deserialize_i8 visit_i64 i64;
        deserialize_i16 visit_i64 i64;
        deserialize_i32 visit_i64 i64;
        deserialize_i64 visit_i64 i64;
        deserialize_f32 visit_f64 f64;
        deserialize_f64 visit_f64 f64;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let scalar = matches!(self.node.value, Value::Bool(_) | Value::Integer(_) | Value::Float(_));
        self.visit(visitor).map_err(|error| if scalar { error.hint("put it in quotes") } else { error })
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Null => visitor.visit_seq(Elements::new(self, &[])),
            Value::List(_) | Value::Map(_) => self.visit(visitor),
            _ => self.visit(visitor).map_err(|error| error.hint("put it in brackets: `[…]`")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Null => visitor.visit_map(Members::new(self, &[], None)),
            _ => self.visit(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Map(members) => visitor.visit_map(Members::new(self, members, Some(fields))),
            Value::Null => visitor.visit_map(Members::new(self, &[], Some(fields))),
            // A derived struct would also take a list of its fields, in order; nobody means that.
            other => Err(Error::expected("a mapping", other.kind())),
        }
        .map_err(|error| self.shield(error))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Text(text) => {
                self.keep_secret(text);
                visitor.visit_enum(Variant { decoder: self, name: &text.value, value: None })
            }
            Value::Map(members) if let [(name, value)] = &members[..] => {
                visitor.visit_enum(Variant { decoder: self, name, value: Some(value) })
            }
            Value::Map(_) => Err(Error::one_of("exactly one of these keys", variants)),
            _ => Err(Error::one_of("one of these", variants)),
        }
        .map_err(|error| self.shield(error))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match name {
            SECRET => visitor.visit_newtype_struct(Self { hidden: true, ..self }),
            FILE_PATH => self.file_path(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}
