//! The fields that a condition names, found in one walk.

use vigie_pipeline::otlp::attributes::field::LOG;
use vigie_pipeline::otlp::view::{Attributes, Pair, Value, Way};

use super::Subject;

/// So many fields are found in one walk; each further one takes a walk of its own.
const MOST: usize = 8;

/// The values of named fields, looked for when the first one is asked for.
pub(super) struct Found<'n, 'a> {
    subject: &'n Subject<'a>,
    names: &'n [String],
    values: [Option<Value<'a>>; MOST],
    is_filled: bool,
}

impl<'n, 'a> Found<'n, 'a> {
    pub(super) fn new(subject: &'n Subject<'a>, names: &'n [String]) -> Self {
        Self { subject, names, values: [None; MOST], is_filled: false }
    }

    pub(super) fn subject(&self) -> &'n Subject<'a> {
        self.subject
    }

    /// The value of the field of this number. One that is null is as good as missing.
    pub(super) fn get(&mut self, number: usize) -> Option<Value<'a>> {
        let name = self.names.get(number)?;
        let value = match self.values.get(number) {
            None => single(self.subject, name),
            Some(_) => {
                if !std::mem::replace(&mut self.is_filled, true) {
                    self.fill();
                }
                self.values[number]
            }
        };
        value.or_else(|| self.subject.own(name)).filter(|value| *value != Value::Empty)
    }

    fn fill(&mut self) {
        let names = &self.names[..self.names.len().min(MOST)];
        // A bit for each name that a former place has.
        let mut done = 0u8;
        for place in self.subject.places {
            let mut found = 0;
            for pair in Attributes::new(place, LOG).pairs() {
                for (number, name) in names.iter().enumerate() {
                    if done & 1 << number == 0
                        && let Some(value) = within(name, &pair)
                    {
                        self.values[number] = Some(value);
                        found |= 1 << number;
                    }
                }
            }
            done |= found;
            if done.count_ones() as usize == names.len() {
                break;
            }
        }
    }
}

fn single<'a>(subject: &Subject<'a>, name: &str) -> Option<Value<'a>> {
    subject.places.iter().find_map(|place| Attributes::new(place, LOG).get(name))
}

/// The field called `name`, if it is this attribute or a member of it.
#[inline]
fn within<'a>(name: &str, pair: &Pair<'a>) -> Option<Value<'a>> {
    match pair.way_to(name)? {
        Way::Here => pair.value(),
        Way::Inside(name) => match pair.value()? {
            Value::Map(members) => members.get(name),
            _ => None,
        },
    }
}
