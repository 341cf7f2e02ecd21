//! Into lists, mappings and enums.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use vigie_pipeline::check::Step;

use super::decoder::Decoder;
use super::error::Error;
use crate::tree::{Node, Value};

/// The elements of a list.
pub(super) struct Elements<'de> {
    decoder: Decoder<'de>,
    rest: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
}

impl<'de> Elements<'de> {
    pub(super) fn new(decoder: Decoder<'de>, elements: &'de [Node]) -> Self {
        Self { decoder, rest: elements.iter().enumerate() }
    }
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let context = self.decoder.context;
        let next = self.rest.find(|(index, _)| !context.is_left_out(|| Step::Index(*index)));
        let Some((index, node)) = next else { return Ok(None) };
        let element = self.decoder.of(node);
        let within = || match node.value {
            // A `-` with nothing behind it: left over, or badly indented.
            Value::Null => Err(Error::expected("a value", "nothing")),
            _ => seed.deserialize(element),
        };
        element.within(Step::Index(index), within).map(Some)
    }
}

/// The members of a mapping; of a struct when `fields` are known.
pub(super) struct Members<'de> {
    decoder: Decoder<'de>,
    rest: std::slice::Iter<'de, (String, Node)>,
    fields: Option<&'static [&'static str]>,
    value: Option<(&'de str, &'de Node)>,
}

impl<'de> Members<'de> {
    pub(super) fn new(
        decoder: Decoder<'de>,
        members: &'de [(String, Node)],
        fields: Option<&'static [&'static str]>,
    ) -> Self {
        Self { decoder, rest: members.iter(), fields, value: None }
    }
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        for (key, node) in self.rest.by_ref() {
            if self.decoder.context.is_left_out(|| Step::Key(key.clone())) {
                continue;
            }
            if let Some(fields) = self.fields {
                if !fields.contains(&key.as_str()) {
                    self.decoder.note(key, Error::unknown_key(key, fields));
                    continue;
                }
                if node.value == Value::Null {
                    continue;
                }
            }
            self.value = Some((key, node));
            let name: StrDeserializer<'_, Error> = key.as_str().into_deserializer();
            let within = || seed.deserialize(name).map_err(Error::at_key);
            return self.decoder.within(Step::Key(key.clone()), within).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (key, node) = self.value.take().ok_or_else(|| Error::expected("a key first", "its value"))?;
        let member = self.decoder.of(node);
        member.within(Step::Key(key.to_owned()), || seed.deserialize(member))
    }
}

/// An enum: `name`, or `{ name: value }`.
pub(super) struct Variant<'de> {
    pub decoder: Decoder<'de>,
    pub name: &'de str,
    pub value: Option<&'de Node>,
}

impl<'de> Variant<'de> {
    /// The value, or an error that says how to write it.
    fn value(&self) -> Result<Decoder<'de>, Error> {
        let needed = || Error::new(format!("`{0}` needs a value: write `{{ {0}: … }}`", self.name));
        self.value.map(|node| self.decoder.of(node)).ok_or_else(needed)
    }

    /// Errors in the value stand at its key.
    fn within<R>(&self, f: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
        match self.value {
            Some(_) => self.decoder.within(Step::Key(self.name.to_owned()), f),
            None => f(),
        }
    }
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let name: StrDeserializer<'_, Error> = self.name.into_deserializer();
        let keyed = self.value.is_some();
        let variant = self
            .within(|| seed.deserialize(name).map_err(|error| if keyed { error.at_key() } else { error }))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.value {
            None | Some(Node { value: Value::Null, .. }) => Ok(()),
            Some(_) => {
                self.within(|| Err(Error::new(format!("`{0}` takes no value: write `{0}`", self.name))))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        let value = self.value()?;
        self.within(|| seed.deserialize(value))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        let value = self.value()?;
        self.within(|| value.deserialize_seq(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let value = self.value()?;
        self.within(|| value.deserialize_struct("", fields, visitor))
    }
}
