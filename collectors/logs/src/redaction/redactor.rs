//! The rules of one source, at work.

use std::sync::{Arc, LazyLock};

use regex::bytes::Regex;
use ring::hmac;

use super::MASK;
use super::engine::{Action, Active, Engine, Finder, Scratch, Span};
use super::names::{Name, Names};
use super::rule::{Known, Rule};
use super::settings::{Redact, With};

/// A rule that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An own pattern does not compile.
    #[error(transparent)]
    Pattern(#[from] regex::Error),
    /// A hash needs a key.
    #[error("`with: hash` needs a `redact_key`")]
    Key,
    /// More than 256 rules.
    #[error("too many rules")]
    TooMany,
}

/// How often what stands beside something found is looked at again.
const ROUNDS: usize = 4;

/// Takes secrets out of texts and attributes, and counts them. A clone counts for itself.
#[derive(Debug, Clone)]
pub struct Redactor {
    pub(super) engine: Arc<Engine>,
    pub(super) scratch: Scratch,
    counts: Vec<u64>,
    names: Names,
    /// Reused: attributes, one of them, and texts of them and of bodies.
    pub(super) rewritten: Vec<u8>,
    pub(super) pair: Vec<u8>,
    pub(super) shown: String,
    pub(super) body: String,
    again: String,
    /// Whether what is found is kept in `removed`.
    pub(super) remembers: bool,
    pub(super) removed: Removed,
    /// Nothing is counted.
    pub(super) is_silent: bool,
}

/// What was found in a record.
#[derive(Debug, Clone, Default)]
pub(super) struct Removed {
    pub(super) text: String,
    /// The number of its rule, and where its text ends.
    pub(super) ends: Vec<(u8, usize)>,
}

impl Removed {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

impl Redactor {
    /// The rules of a source; `None` if it has none.
    ///
    /// # Errors
    /// If the configuration was not checked.
    pub fn new(entries: &[Redact], key: &str) -> Result<Option<Self>, Error> {
        let mut rules = Vec::new();
        for (entry, pattern) in entries.iter().filter_map(|entry| Some((entry, entry.pattern()?))) {
            let action = action(entry, entry.name())?;
            let finds = Finder::Pattern(Regex::new(pattern)?);
            rules.push(Active { name: entry.name().to_owned(), action, finds });
        }
        for rule in Rule::ALL {
            let entry = |known| entries.iter().rev().find(|entry| entry.rule() == Some(known));
            let Some(entry) = entry(Known::One(rule)).or_else(|| entry(Known::All)) else { continue };
            let action = action(entry, rule.as_str())?;
            rules.push(Active { name: rule.as_str().to_owned(), action, finds: Finder::Known(rule) });
        }
        if rules.is_empty() {
            return Ok(None);
        }
        if rules.iter().any(|rule| matches!(rule.action, Action::Hash)) && key.is_empty() {
            return Err(Error::Key);
        }
        if rules.len() > usize::from(u8::MAX) {
            return Err(Error::TooMany);
        }
        let key = (!key.is_empty()).then(|| hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()));
        Ok(Some(Self::with(rules, key)))
    }

    fn with(rules: Vec<Active>, key: Option<hmac::Key>) -> Self {
        let counts = vec![0; rules.len()];
        Self {
            engine: Arc::new(Engine::new(rules, key)),
            scratch: Scratch::default(),
            counts,
            names: Names::default(),
            rewritten: Vec::new(),
            pair: Vec::new(),
            shown: String::new(),
            body: String::new(),
            again: String::new(),
            remembers: false,
            removed: Removed::default(),
            is_silent: false,
        }
    }

    /// What gives access, behind [`MASK`]: for what is shown of texts that are nobody's logs.
    pub(super) fn of_secrets() -> Self {
        static SECRETS: LazyLock<Redactor> = LazyLock::new(|| {
            let active = |rule: Rule| Active {
                name: rule.as_str().to_owned(),
                action: Action::Replace(MASK.to_owned()),
                finds: Finder::Known(rule),
            };
            Redactor::with(Rule::SECRETS.map(active).to_vec(), None)
        });
        SECRETS.clone()
    }

    /// Writes `text` without what is secret over `out`, if there is something. False if not: `out` is of no use then.
    #[inline]
    pub fn text(&mut self, text: &str, out: &mut String) -> bool {
        self.search(text);
        if self.scratch.spans.is_empty() {
            return false;
        }
        out.clear();
        self.put_found(text, out);
        true
    }

    #[inline]
    pub(super) fn search(&mut self, text: &str) {
        self.engine.search(text, &mut self.scratch);
    }

    /// What the name of an attribute says.
    pub(super) fn name(&mut self, name: &[u8]) -> Name {
        self.names.of(name, &self.engine, &mut self.scratch)
    }

    /// Appends `text` without what was just found in it. Whether a rule was among them that drops the field.
    pub(super) fn put_found(&mut self, text: &str, out: &mut String) -> bool {
        let start = out.len();
        let (mut drops, mut looks) = self.put_once(text, out);
        // What was a part of something longer, or of a quote that is gone, may be found only now.
        let mut before = std::mem::take(&mut self.again);
        for _ in 0..ROUNDS {
            if !looks {
                break;
            }
            self.search(&out[start..]);
            if self.scratch.spans.is_empty() {
                break;
            }
            before.clear();
            before.push_str(&out[start..]);
            out.truncate(start);
            let (drops_now, looks_now) = self.put_once(&before, out);
            drops |= drops_now;
            looks = looks_now;
        }
        self.again = before;
        drops
    }

    /// Whether a rule drops the field, and whether another look may find more: something stands right beside what was
    /// found, or it was found by what stands around it, which reads otherwise now.
    fn put_once(&mut self, text: &str, out: &mut String) -> (bool, bool) {
        out.reserve(text.len());
        let mut at = 0;
        let (mut drops, mut looks) = (false, false);
        for number in 0..self.scratch.spans.len() {
            let Span { start, end, rule, quoted } = self.scratch.spans[number];
            self.found(rule, &text[start..end]);
            out.push_str(&text[at..start]);
            let quote = if quoted { "\"" } else { "" };
            out.push_str(quote);
            self.engine.put_mark(rule, &text[start..end], out);
            out.push_str(quote);
            drops |= matches!(self.engine.rules[usize::from(rule)].action, Action::Drop);
            looks |= self.engine.goes_by_context(rule)
                || !is_apart(text.as_bytes()[..start].last())
                || !is_apart(text.as_bytes().get(end));
            at = end;
        }
        out.push_str(&text[at..]);
        (drops, looks)
    }

    /// Counts what a rule found.
    pub(super) fn found(&mut self, rule: u8, secret: &str) {
        self.counts[usize::from(rule)] += u64::from(!self.is_silent);
        if self.remembers {
            self.removed.text.push_str(secret);
            self.removed.ends.push((rule, self.removed.text.len()));
        }
    }

    /// The names of the rules, in the order of [`Self::counts`].
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.engine.rules.iter().map(|rule| rule.name.as_str())
    }

    /// How much was found by each rule: once for each place where it stood.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Forgets what was counted.
    pub fn reset_counts(&mut self) {
        self.counts.fill(0);
    }
}

/// Whether a byte beside something found belongs to nothing.
fn is_apart(byte: Option<&u8>) -> bool {
    byte.is_none_or(|byte| byte.is_ascii_whitespace() || b"\"'=,;&?<>()[]{}|".contains(byte))
}

fn action(entry: &Redact, name: &str) -> Result<Action, Error> {
    Ok(match entry.with() {
        With::Replace => {
            Action::Replace(entry.replacement().map_or_else(|| format!("<{name}>"), str::to_owned))
        }
        With::Hash => Action::Hash,
        With::Drop => Action::Drop,
    })
}
