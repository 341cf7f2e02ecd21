//! What is found in a text by all rules together, and what stands in its place.
//!
//! The text is scanned as it is, and again with its escapes resolved if it has any ([`super::view`]). Where findings
//! overlap they are one: of the rule that begins first, then of the longest, then of the first in the order of the rules;
//! it covers what all of them found. So no part of anything found is ever left.

use std::cmp::Reverse;
use std::ops::Range;

use regex::bytes::Regex;
use ring::hmac;

use super::bucket::{self, Bucket};
use super::keys::Kind;
use super::password::{self, Keyed};
use super::record::Needle;
use super::rule::Rule;
use super::scanner::Scanner;
use super::view::{Decoded, LAYERS, View};
use super::{bearer, credit_card, email, iban, ip, tokens, url};

/// What a rule found at a place, and how far it has looked: what fits behind the place and before that needs no look.
pub(super) struct Found {
    pub(super) range: Option<Range<usize>>,
    pub(super) until: usize,
}

impl Found {
    pub(super) const fn nothing(until: usize) -> Self {
        Self { range: None, until }
    }

    pub(super) const fn at(range: Range<usize>, until: usize) -> Self {
        Self { range: Some(range), until }
    }
}

/// So many digits has a hash.
const HASH: usize = 16;

/// What becomes of what is found.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// A text stands in its place.
    Replace(String),
    /// A text stands in its place that is the same for the same secret.
    Hash,
    /// The field goes; in a text, the rule's name stands in its place.
    Drop,
}

/// A rule that is on.
#[derive(Debug, Clone)]
pub(super) struct Active {
    pub(super) name: String,
    pub(super) action: Action,
    pub(super) finds: Finder,
}

/// How a rule finds.
#[derive(Debug, Clone)]
pub(super) enum Finder {
    Known(Rule),
    Pattern(Regex),
}

/// A finding, in bytes of the original text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The number of the rule.
    pub(super) rule: u8,
    /// What stands in its place is put in quotes.
    pub(super) quoted: bool,
}

/// The rules, ready to be used.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) rules: Vec<Active>,
    key: Option<hmac::Key>,
    /// The number of each known rule that is on.
    numbers: [Option<u8>; Rule::ALL.len()],
    patterns: Vec<(u8, Regex)>,
    scanner: Scanner,
}

/// What a search needs besides. Reused.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    pub(super) spans: Vec<Span>,
    /// What is looked for besides.
    pub(super) needles: Vec<Needle>,
    layers: [Decoded; LAYERS],
}

impl Engine {
    /// At most 256 rules.
    pub(super) fn new(rules: Vec<Active>, key: Option<hmac::Key>) -> Self {
        let mut numbers = [None; Rule::ALL.len()];
        let mut patterns = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            match &rule.finds {
                Finder::Known(rule) => numbers[*rule as usize] = Some(number as u8),
                Finder::Pattern(regex) => patterns.push((number as u8, regex.clone())),
            }
        }
        let on = |rules: &[Rule]| rules.iter().any(|rule| numbers[*rule as usize].is_some());
        let scanner = Scanner::new(|bucket| bucket == Bucket::Escape || on(bucket.rules()));
        Self { rules, key, numbers, patterns, scanner }
    }

    pub(super) fn has_patterns(&self) -> bool {
        !self.patterns.is_empty()
    }

    pub(super) fn is_on(&self, rule: Rule) -> bool {
        self.numbers[rule as usize].is_some()
    }

    /// Whether the rule finds a text by what stands around it, such as a key and quotes, and not by itself alone.
    pub(super) fn goes_by_context(&self, rule: u8) -> bool {
        let by_context = [Rule::Bearer, Rule::ApiKey, Rule::Password];
        matches!(self.rules[usize::from(rule)].finds, Finder::Known(rule) if by_context.contains(&rule))
    }

    /// The rule whose business values of such keys are, if one is on.
    pub(super) fn rule_of(&self, kind: Kind) -> Option<u8> {
        let rules: &[Rule] = match kind {
            Kind::Password | Kind::Pwd | Kind::Token | Kind::Cookie => &[Rule::Password],
            Kind::ApiKey => &[Rule::ApiKey, Rule::Password],
            Kind::Authorization => &[Rule::Bearer, Rule::Password],
            Kind::Card => &[Rule::CreditCard],
        };
        rules.iter().find_map(|rule| self.numbers[*rule as usize])
    }

    /// Finds what is secret in `text`; it is in the spans of `scratch` then, in order and apart.
    #[inline]
    pub(super) fn search(&self, text: &str, scratch: &mut Scratch) {
        if self.finds_in(text.as_bytes(), scratch) {
            self.settle(text, &mut scratch.spans);
        }
    }

    /// The same for what may be no text, as long as it is not known to be worth a look. Whether there is anything: it is to
    /// be [settled](Self::settle) then.
    #[inline]
    pub(super) fn finds_in(&self, text: &[u8], scratch: &mut Scratch) -> bool {
        let Scratch { spans, needles, layers } = scratch;
        spans.clear();
        if self.look(View::original(text), needles, spans) {
            self.look_behind_escapes(text, needles, spans, layers);
        }
        !spans.is_empty()
    }

    fn look_behind_escapes(
        &self,
        text: &[u8],
        needles: &[Needle],
        spans: &mut Vec<Span>,
        layers: &mut [Decoded; LAYERS],
    ) {
        for layer in 0..LAYERS {
            let (before, rest) = layers.split_at_mut(layer);
            let from = before.last().map_or(View::original(text), Decoded::view);
            if !rest[0].resolve(from) || !self.look(rest[0].view(), needles, spans) {
                return;
            }
        }
    }

    /// Finds what is secret in a text as it is seen. Whether it may have escapes.
    fn look(&self, view: View<'_>, needles: &[Needle], spans: &mut Vec<Span>) -> bool {
        let mut until = [0; Bucket::ALL.len()];
        self.scanner.scan(view.bytes, |at, buckets| {
            let buckets = bucket::without_hopeless(buckets, view.bytes, at);
            if buckets != 0 {
                self.look_into(view, buckets, at, &mut until, spans);
            }
        });
        for (rule, regex) in &self.patterns {
            for found in regex.find_iter(view.bytes) {
                self.note(view, found.range(), *rule, false, spans);
            }
        }
        for needle in needles {
            for range in needle.places(view.bytes) {
                self.note(view, range, needle.rule, false, spans);
            }
        }
        until[Bucket::Escape as usize] > 0
    }

    /// Looks closely for each of the `buckets`, unless it has looked here before.
    #[inline(never)]
    fn look_into(
        &self,
        view: View<'_>,
        mut buckets: u16,
        at: usize,
        until: &mut [usize; Bucket::ALL.len()],
        spans: &mut Vec<Span>,
    ) {
        while buckets != 0 {
            let bucket = buckets.trailing_zeros() as usize;
            buckets &= buckets - 1;
            if at < until[bucket] {
                continue;
            }
            until[bucket] = self.look_at(view, Bucket::ALL[bucket], at, spans);
            // The `@` behind the credentials of a URL is no address's.
            if Bucket::ALL[bucket] == Bucket::Colons
                && spans.last().is_some_and(|span| span.start == view.origin(at + 4))
            {
                until[Bucket::At as usize] = until[bucket];
            }
        }
    }

    /// Looks closely. Returns how far it has looked.
    fn look_at(&self, view: View<'_>, bucket: Bucket, at: usize, spans: &mut Vec<Span>) -> usize {
        let text = view.bytes;
        let (rule, found) = match bucket {
            Bucket::At => {
                let found =
                    if self.is_on(Rule::Password) { url::data_source(text, at) } else { Found::nothing(0) };
                match found.range {
                    Some(_) => (Rule::Password, found),
                    None => (Rule::Email, email::find(text, at)),
                }
            }
            Bucket::V4 => (Rule::Ip, ip::v4(text, at)),
            Bucket::V6Short | Bucket::V6 => (Rule::Ip, ip::v6(text, at)),
            Bucket::Card => (Rule::CreditCard, credit_card::find(text, at.wrapping_add(1))),
            Bucket::Iban => (Rule::Iban, iban::find(text, at.wrapping_add(1))),
            Bucket::Scheme => (Rule::Bearer, bearer::find(text, at)),
            Bucket::Colons if &text[at + 2..at + 4] == b"//" => (Rule::Password, url::credentials(text, at)),
            Bucket::Colons => (Rule::Ip, ip::v6(text, at + 1)),
            Bucket::KeyA | Bucket::KeyB | Bucket::KeyC => {
                return self.keyed(view, at, password::keyed(view, at), spans);
            }
            Bucket::KeyBlank => return self.keyed(view, at, password::behind_blanks(view, at), spans),
            Bucket::Capitals if text[at..].starts_with(b"--") => {
                return self.keyed(view, at, password::option(view, at), spans);
            }
            Bucket::Capitals | Bucket::Prefix => tokens::begun(text, at),
            Bucket::PrefixEnd => tokens::ended(text, at),
            // One is enough to know.
            Bucket::Escape => return usize::MAX,
        };
        if let (Some(range), Some(number)) = (found.range, self.numbers[rule as usize]) {
            self.note(view, range, number, false, spans);
        }
        found.until
    }

    fn keyed(&self, view: View<'_>, at: usize, found: Option<Keyed>, spans: &mut Vec<Span>) -> usize {
        let Some(Keyed { kind, value, wants_quotes }) = found else { return at + 1 };
        if let Some(number) = self.rule_of(kind) {
            self.note(view, value.range, number, wants_quotes, spans);
        }
        value.end
    }

    fn note(&self, view: View<'_>, range: Range<usize>, rule: u8, quoted: bool, spans: &mut Vec<Span>) {
        if range.is_empty() || self.is_mark(&view.bytes[range.clone()]) || self.is_hash(view.bytes, &range) {
            return;
        }
        let (start, end) = (view.origin(range.start), view.origin(range.end));
        let quoted = quoted || is_number_of_json(view, &range);
        spans.push(Span { start, end, rule, quoted });
    }

    /// Whether it is what stands in the place of something found.
    pub(super) fn is_mark(&self, text: &[u8]) -> bool {
        self.rules.iter().any(|rule| match &rule.action {
            Action::Replace(with) => text == with.as_bytes(),
            Action::Drop | Action::Hash => {
                let name = text.strip_prefix(b"<").and_then(|rest| rest.strip_prefix(rule.name.as_bytes()));
                match name {
                    Some(b">") => true,
                    Some([b':', hash @ .., b'>']) => {
                        hash.len() == HASH && hash.iter().all(u8::is_ascii_hexdigit)
                    }
                    _ => false,
                }
            }
        })
    }

    /// Whether it is the hash in a mark.
    fn is_hash(&self, text: &[u8], range: &Range<usize>) -> bool {
        if range.len() != HASH || text.get(range.end) != Some(&b'>') {
            return false;
        }
        let before = text[..range.start].strip_suffix(b":");
        let of_rule = |rule: &Active| {
            matches!(rule.action, Action::Hash)
                && before
                    .and_then(|before| before.strip_suffix(rule.name.as_bytes()))
                    .is_some_and(|before| before.ends_with(b"<"))
        };
        text[range.clone()].iter().all(u8::is_ascii_hexdigit) && self.rules.iter().any(of_rule)
    }

    /// Puts findings in order and makes one of those that overlap.
    pub(super) fn settle(&self, text: &str, spans: &mut Vec<Span>) {
        for span in spans.iter_mut() {
            span.start = text.floor_char_boundary(span.start);
            span.end = text.ceil_char_boundary(span.end);
        }
        spans.sort_unstable_by_key(|span| (span.start, Reverse(span.end), span.rule));
        spans.dedup_by(|next, first| {
            let overlaps = next.start < first.end;
            if overlaps {
                first.end = first.end.max(next.end);
            }
            overlaps
        });
    }

    /// Appends what stands in the place of `secret`.
    pub(super) fn put_mark(&self, rule: u8, secret: &str, out: &mut String) {
        let Active { name, action, finds } = &self.rules[usize::from(rule)];
        let hash = match (action, &self.key) {
            (Action::Replace(with), _) => return out.push_str(with),
            (Action::Hash, Some(key)) => Some(hmac::sign(key, canonical(finds, secret).as_bytes())),
            _ => None,
        };
        out.push('<');
        out.push_str(name);
        if let Some(hash) = hash {
            out.push(':');
            for byte in &hash.as_ref()[..HASH / 2] {
                for digit in [byte >> 4, byte & 15] {
                    out.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
                }
            }
        }
        out.push('>');
    }
}

/// Whether it is a number in a line of JSON, where only a text in quotes may stand in its place.
fn is_number_of_json(view: View<'_>, range: &Range<usize>) -> bool {
    let text = view.bytes;
    let is_blank = |byte: &&u8| !byte.is_ascii_whitespace();
    text[range.clone()].iter().all(u8::is_ascii_digit)
        && view.is_original()
        && matches!(text.first(), Some(b'{' | b'['))
        && text[..range.start].iter().rev().find(is_blank).is_some_and(|byte| b":,[".contains(byte))
        && text[range.end..].iter().find(is_blank).is_some_and(|byte| b",]}".contains(byte))
}

/// The same text for the same secret, however it is written.
fn canonical(finder: &Finder, secret: &str) -> String {
    let mut layers: [Decoded; LAYERS] = Default::default();
    let mut plain = secret.as_bytes().to_vec();
    for layer in &mut layers {
        if !layer.resolve(View::original(&plain)) {
            break;
        }
        plain = layer.view().bytes.to_vec();
    }
    let plain = String::from_utf8_lossy(&plain);
    match finder {
        Finder::Known(Rule::CreditCard | Rule::Iban) => {
            plain.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
        }
        Finder::Known(Rule::Email | Rule::Ip) => plain.to_lowercase(),
        _ => plain.into_owned(),
    }
}
