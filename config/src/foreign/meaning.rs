//! What the keys of other programs' files mean here.

/// What stands at a key, and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Meaning {
    /// The same as in vigie.
    Same,
    /// A text, which may look like a number.
    Text,
    /// Several of them.
    Texts,
    /// Several of them by name.
    NamedTexts,
    /// True or false, in all the words that YAML 1.1 had for them.
    Truth,
    /// The opposite of another key, which it replaces.
    Not(&'static str),
    /// What another key below this section holds, which it replaces.
    Is(&'static [&'static str]),
    Duration,
    Size,
    /// A regular expression in Go's syntax.
    Regex,
    /// Several of them.
    Regexes,
    Section(Keys),
    /// A list of them.
    Sections(Keys),
    /// Sections by name.
    Named(Keys),
    /// Headers, each as a text or as a section of values.
    Headers,
    /// Changes nothing at this place.
    Idle,
    /// May only be one of these, which change nothing here, for this reason.
    Only(&'static [&'static str], &'static str),
    /// May only be off, for this reason.
    Off(&'static str),
    /// Cannot be honoured, for this reason.
    Refused(&'static str),
}

/// The keys of a section.
pub(crate) type Keys = &'static [(&'static str, Meaning)];

/// What a header is, where it is more than a text.
pub(crate) const HEADER_VALUES: Keys =
    &[("values", Meaning::Texts), ("secrets", Meaning::Texts), ("files", Meaning::Texts)];
