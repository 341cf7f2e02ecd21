//! Transforms as they stand in the configuration, and what is wrong with them.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::units::HumanDuration;

use crate::condition::{Condition, Scalar};

/// One step of what is done with each record, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = describe_keys)]
pub enum Transform {
    /// Only records that meet this are sent; the rest is counted as filtered.
    Keep(Condition),
    /// Records that meet this are counted as filtered.
    Drop(Condition),
    /// A share of the records is sent.
    Sample(Sample),
    /// At most so many records in a time are sent.
    RateLimit(RateLimit),
    /// Of records that are equal the first one is sent, and at the end one that says how many more there were.
    Deduplicate(Deduplicate),
    /// New names of attributes. One that is there already is replaced.
    Rename(BTreeMap<String, String>),
    /// Attributes to be added. One that is there already is replaced.
    Add(BTreeMap<String, Scalar>),
    /// Attributes to be taken out, of nested objects with dots.
    Remove(Vec<String>),
    /// Objects whose members become attributes of their own. A member whose name is taken is called by both names,
    /// with a dot between them.
    Lift(Vec<String>),
    /// Where records go. The first route whose condition a record meets decides; one that meets none goes to all.
    Route(Route),
}

/// Says of the one key of each kind what is said of the kind.
fn describe_keys(schema: &mut Schema) {
    let kinds = schema.get_mut("oneOf").and_then(|kinds| kinds.as_array_mut());
    for kind in kinds.into_iter().flatten() {
        let Some(description) = kind.get("description").cloned() else { continue };
        let keys = kind.get_mut("properties").and_then(|keys| keys.as_object_mut());
        for key in keys.into_iter().flatten().filter_map(|(_, key)| key.as_object_mut()) {
            key.insert("description".to_owned(), description.clone());
        }
    }
}

/// A share of the records is sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sample {
    /// The share, between 0 and 1.
    pub ratio: f64,
    /// Records that are equal in this field are sent together or not at all. With `trace_id` these are the same
    /// traces that are sampled at this ratio elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Only of records that meet this; the others are all sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

/// At most so many records in a time are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimit {
    /// How many, also at once.
    pub records: u32,
    /// In how much time, as the records tell it; where they do not, as they are read.
    pub per: HumanDuration,
    /// Fields: for each of their values, so many.
    pub key: Vec<String>,
    /// Only of records that meet this; the others are all sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { records: 0, per: HumanDuration::secs(1), key: Vec::new(), when: None }
    }
}

/// Of records that are equal the first one is sent, and at the end one that says how many more there were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Deduplicate {
    /// In which fields they are to be equal.
    pub fields: Vec<String>,
    /// For how long after the first one.
    pub within: HumanDuration,
    /// Only of records that meet this; the others are all sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

impl Default for Deduplicate {
    fn default() -> Self {
        Self { fields: vec!["body".to_owned()], within: HumanDuration::secs(30), when: None }
    }
}

/// Where records go.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Route {
    /// The names of exporters of logs: to these alone.
    pub to: Vec<String>,
    /// Only records that meet this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

/// The shortest and the longest time that records are counted in.
const TIMES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(24 * 3600)];

fn check_time(at: &Place<'_>, time: HumanDuration) {
    if !(TIMES[0]..=TIMES[1]).contains(&time.0) {
        at.wrong("must be between 10ms and 24h");
    }
}

fn check_names<'n>(at: &Place<'_>, names: impl IntoIterator<Item = &'n String>) {
    let mut seen = std::collections::HashSet::new();
    for (at, name) in at.each(names) {
        if name.is_empty() {
            at.wrong("empty");
        } else if !seen.insert(name) {
            at.wrong(format_args!("`{name}` is named twice"));
        }
    }
}

fn check_when(at: &Place<'_>, when: Option<&Condition>) {
    if let Some(when) = when {
        when.check(&mut at.key("when"));
    }
}

impl Check for Transform {
    fn check(&self, at: &mut Place<'_>) {
        match self {
            Self::Keep(condition) => condition.check(&mut at.key("keep")),
            Self::Drop(condition) => condition.check(&mut at.key("drop")),
            Self::Sample(sample) => sample.check(&mut at.key("sample")),
            Self::RateLimit(limit) => limit.check(&mut at.key("rate_limit")),
            Self::Deduplicate(deduplicate) => deduplicate.check(&mut at.key("deduplicate")),
            Self::Rename(names) => check_rename(&at.key("rename"), names),
            Self::Add(attributes) => {
                let at = at.key("add");
                if attributes.is_empty() {
                    at.wrong("empty: name what to add, as in `{ team: payments }`");
                }
                if attributes.contains_key("") {
                    at.wrong("an attribute needs a name");
                }
            }
            Self::Remove(names) => check_list(&at.key("remove"), names),
            Self::Lift(names) => check_list(&at.key("lift"), names),
            Self::Route(route) => route.check(&mut at.key("route")),
        }
    }
}

impl Transform {
    /// That it routes to nothing but these.
    pub(crate) fn check_route(&self, at: &Place<'_>, exporters: &[&str]) {
        let Self::Route(route) = self else { return };
        for (at, name) in at.key("route").key("to").each(&route.to) {
            if name.is_empty() || exporters.contains(&name.as_str()) {
                continue;
            }
            let known: Vec<_> = exporters.iter().map(|name| format!("`{name}`")).collect();
            let known = match known.as_slice() {
                [] => "there is none".to_owned(),
                known => format!("known are {}", known.join(", ")),
            };
            at.wrong(format_args!("no exporter of logs is called `{name}`; {known}"));
        }
    }
}

fn check_list(at: &Place<'_>, names: &[String]) {
    if names.is_empty() {
        at.wrong("empty: name at least one attribute");
    }
    check_names(at, names);
}

fn check_rename(at: &Place<'_>, names: &BTreeMap<String, String>) {
    if names.is_empty() {
        at.wrong("empty: name at least one attribute, as in `{ old: new }`");
    }
    let mut taken = BTreeMap::new();
    for (old, new) in names {
        if old.is_empty() {
            at.wrong("an attribute has a name");
        }
        let at = at.key(old);
        if new.is_empty() {
            at.wrong("empty");
        } else if old == new {
            at.wrong(format_args!("`{new}` is its name already"));
        } else if let Some(first) = taken.insert(new, old) {
            at.wrong(format_args!("`{first}` is to be called `{new}` already"));
        }
    }
}

impl Check for Sample {
    fn check(&self, at: &mut Place<'_>) {
        if !(0.0..=1.0).contains(&self.ratio) || self.ratio == 0.0 {
            at.key("ratio").wrong("required: more than 0, at most 1");
        }
        if self.by.as_ref().is_some_and(String::is_empty) {
            at.key("by").wrong("empty; leave it out to sample records one by one");
        }
        check_when(at, self.when.as_ref());
    }
}

impl Check for RateLimit {
    fn check(&self, at: &mut Place<'_>) {
        if self.records == 0 {
            at.key("records").wrong("required: at least 1");
        }
        check_time(&at.key("per"), self.per);
        check_names(&at.key("key"), &self.key);
        check_when(at, self.when.as_ref());
    }
}

impl Check for Deduplicate {
    fn check(&self, at: &mut Place<'_>) {
        if self.fields.is_empty() {
            at.key("fields").wrong("empty: name at least one field, as in `[body]`");
        }
        check_names(&at.key("fields"), &self.fields);
        check_time(&at.key("within"), self.within);
        check_when(at, self.when.as_ref());
    }
}

impl Check for Route {
    fn check(&self, at: &mut Place<'_>) {
        if self.to.is_empty() {
            at.key("to").wrong("required: names of exporters; `drop` is for what is to go nowhere");
        }
        check_names(&at.key("to"), &self.to);
        check_when(at, self.when.as_ref());
    }
}
