//! What a traceback says, whatever language printed it.

use std::borrow::Cow;

use super::{dotnet, go, java, javascript, python, ruby, rust};
use crate::multiline::Preset;

/// So many exceptions of a chain are looked at.
pub(super) const MOST_IN_CHAIN: usize = 32;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame<'t> {
    /// Its name, with its class or package where the language prints one, without what a compiler numbers. Empty if it
    /// is not known.
    pub(crate) function: Cow<'t, str>,
    /// The name of its file, without directories. Empty if it is not known.
    pub(crate) file: &'t str,
    /// The text of the line, where the language prints it.
    pub(crate) source: &'t str,
    /// It is of the runtime or of a library, and not of the application.
    pub(crate) is_library: bool,
}

/// One exception.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Raised<'t> {
    /// Its class, as the language prints it, or what takes its place: `panic`.
    pub(crate) name: &'t str,
    pub(crate) message: &'t str,
    /// The innermost call first.
    pub(crate) frames: Vec<Frame<'t>>,
    /// It is one of several that were raised together: their order says nothing.
    pub(crate) is_member: bool,
}

/// An exception with what caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace<'t> {
    /// What the language reports last, and users meet.
    pub(crate) outermost: Raised<'t>,
    /// From the immediate cause to the root.
    pub(crate) causes: Vec<Raised<'t>>,
    /// All of the text that is the traceback.
    pub(crate) text: Cow<'t, str>,
}

impl<'t> Raised<'t> {
    /// The innermost call of the application, or the innermost of all if there is none; and what it called, from the
    /// outside to the inside.
    pub(super) fn place(&self) -> Option<(&Frame<'t>, impl Iterator<Item = &Frame<'t>>)> {
        let own = self.frames.iter().position(|frame| !frame.is_library).unwrap_or(0);
        let frame = self.frames.get(own)?;
        Some((frame, self.frames[..own].iter().rev()))
    }
}

impl<'t> Trace<'t> {
    /// From exceptions in the order from the outermost to the root.
    pub(super) fn of_chain(chain: Vec<Raised<'t>>, text: impl Into<Cow<'t, str>>) -> Option<Self> {
        let mut chain = chain.into_iter();
        let outermost = chain.next()?;
        Some(Self { outermost, causes: chain.take(MOST_IN_CHAIN).collect(), text: text.into() })
    }

    /// The traceback in `text`, which `language` printed if that is known.
    pub(crate) fn find(text: &'t str, language: Option<Preset>) -> Option<Self> {
        if let Some(found) = language.and_then(|language| parse(language, text)) {
            return Some(found);
        }
        // Those first that cannot be taken for another.
        let languages = [
            Preset::Python,
            Preset::Rust,
            Preset::Go,
            Preset::Ruby,
            Preset::Dotnet,
            Preset::Javascript,
            Preset::Java,
        ];
        languages.into_iter().filter(|other| Some(*other) != language).find_map(|other| parse(other, text))
    }
}

fn parse(language: Preset, text: &str) -> Option<Trace<'_>> {
    match language {
        Preset::Python => python::parse(text),
        Preset::Java => java::parse(text),
        Preset::Go => go::parse(text),
        Preset::Javascript => javascript::parse(text),
        Preset::Ruby => ruby::parse(text),
        Preset::Rust => rust::parse(text),
        Preset::Dotnet => dotnet::parse(text),
        Preset::Postgres => None,
    }
}
