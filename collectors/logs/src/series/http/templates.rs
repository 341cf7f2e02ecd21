//! Routes that the configuration names: `/users/{user}/orders/{order}`, `/static/{path...}`.
//!
//! A tree by segments: where a literal and a parameter both match, the literal is tried first. A node is visited at
//! most once for a path, so the cost is bounded by the number of templates, and mostly is that of the path's depth.

use std::collections::HashMap;

use vigie_pipeline::check::Place;

use super::route::segments;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Templates {
    root: Node,
    names: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Node {
    literals: HashMap<Box<str>, Node>,
    parameter: Option<Box<Node>>,
    /// The template that takes whatever follows.
    rest: Option<usize>,
    /// The template that ends here.
    end: Option<usize>,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("must begin with `/`")]
    Relative,
    #[error("`{0}` is neither a name nor a parameter such as `{{id}}`")]
    Segment(String),
    #[error("only the last segment can take the rest of a path")]
    RestInside,
    #[error("matches what routes[{0}] matches")]
    Same(usize),
}

/// A segment of a template.
enum Segment<'t> {
    Literal(&'t str),
    Parameter,
    Rest,
}

fn segment(text: &str) -> Result<Segment<'_>, TemplateError> {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let wrong = || TemplateError::Segment(text.to_owned());
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match inner {
        _ if text == "*" => Ok(Segment::Rest),
        Some(name) if name.strip_suffix("...").is_some_and(is_name) => Ok(Segment::Rest),
        Some(name) if is_name(name) => Ok(Segment::Parameter),
        Some(_) => Err(wrong()),
        None if text.contains(|c: char| c.is_whitespace() || c.is_control() || "{}?#%;".contains(c)) => {
            Err(wrong())
        }
        None => Ok(Segment::Literal(text)),
    }
}

impl Templates {
    /// # Errors
    /// The first template that is none, or matches what an earlier one does, with its number.
    pub(crate) fn new(names: &[String]) -> Result<Self, (usize, TemplateError)> {
        let mut templates = Self { root: Node::default(), names: names.to_vec() };
        for (number, name) in names.iter().enumerate() {
            templates.root.add(number, name).map_err(|error| (number, error))?;
        }
        Ok(templates)
    }

    /// Reports what is wrong with each of them.
    pub(super) fn check(names: &[String], at: &Place<'_>) {
        let mut root = Node::default();
        for (number, name) in names.iter().enumerate() {
            at.index(number).ok(root.add(number, name));
        }
    }

    /// The templates as they were written.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of the template that `path` matches.
    pub(crate) fn find(&self, path: &str) -> Option<usize> {
        if self.names.is_empty() { None } else { self.root.find(segments(path).collect::<Parts<'_>>().get()) }
    }
}

impl Node {
    fn add(&mut self, number: usize, template: &str) -> Result<(), TemplateError> {
        let path = template.strip_prefix('/').ok_or(TemplateError::Relative)?;
        let mut node = self;
        let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
        while let Some(part) = parts.next() {
            node = match segment(part)? {
                Segment::Literal(text) => node.literals.entry(text.into()).or_default(),
                Segment::Parameter => node.parameter.get_or_insert_default(),
                Segment::Rest if parts.peek().is_some() => return Err(TemplateError::RestInside),
                Segment::Rest => return claim(&mut node.rest, number),
            };
        }
        claim(&mut node.end, number)
    }

    fn find(&self, parts: &[&str]) -> Option<usize> {
        let Some((first, others)) = parts.split_first() else { return self.end.or(self.rest) };
        let literal = || self.literals.get(*first)?.find(others);
        let parameter = || self.parameter.as_ref()?.find(others);
        literal().or_else(parameter).or(self.rest)
    }
}

fn claim(place: &mut Option<usize>, number: usize) -> Result<(), TemplateError> {
    match *place {
        Some(earlier) => Err(TemplateError::Same(earlier)),
        None => {
            *place = Some(number);
            Ok(())
        }
    }
}

/// The segments of a path without an allocation. What lies deeper than this no template looks at but one that takes
/// the rest.
struct Parts<'p> {
    parts: [&'p str; 16],
    len: usize,
}

impl<'p> Parts<'p> {
    fn get(&self) -> &[&'p str] {
        &self.parts[..self.len]
    }
}

impl<'p> FromIterator<&'p str> for Parts<'p> {
    fn from_iter<I: IntoIterator<Item = &'p str>>(segments: I) -> Self {
        let mut parts = Self { parts: [""; 16], len: 0 };
        for (place, segment) in parts.parts.iter_mut().zip(segments) {
            *place = segment;
            parts.len += 1;
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn templates(names: &[&str]) -> Result<Templates, (usize, TemplateError)> {
        Templates::new(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_path_finds_its_template_and_a_literal_goes_before_a_parameter() {
        let names = [
            "/users/{id}",
            "/users/me",
            "/users/{id}/orders/{order}",
            "/static/{path...}",
            "/",
            "/{shop}/cart",
        ];
        let templates = templates(&names).unwrap();
        for (path, expected) in [
            ("/users/7", Some("/users/{id}")),
            ("/users/bob/", Some("/users/{id}")),
            ("/users/me", Some("/users/me")),
            ("/users/me/orders/9", Some("/users/{id}/orders/{order}")),
            ("/users;x=1/me;y", Some("/users/me")),
            ("/static", Some("/static/{path...}")),
            ("/static/a/b/c", Some("/static/{path...}")),
            ("/", Some("/")),
            ("/users/cart", Some("/users/{id}")),
            ("/static/cart", Some("/static/{path...}")),
            ("/paris/cart", Some("/{shop}/cart")),
            ("/users/7/orders", None),
            ("/nothing", None),
        ] {
            assert_eq!(templates.find(path).map(|at| names[at]), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_template_is_told() {
        for (names, number, told) in [
            (&["users"][..], 0, "must begin with `/`"),
            (&["/a", "/users/{}"], 1, "`{}` is neither a name nor a parameter such as `{id}`"),
            (&["/users/{a b}"], 0, "`{a b}` is neither a name nor a parameter such as `{id}`"),
            (&["/users/x{id}"], 0, "`x{id}` is neither a name nor a parameter such as `{id}`"),
            (&["/*/a"], 0, "only the last segment can take the rest of a path"),
            (&["/u/{a}", "/v", "/u/{b}"], 2, "matches what routes[0] matches"),
        ] {
            let (at, error) = templates(names).unwrap_err();
            assert_eq!((at, error.to_string().as_str()), (number, told));
        }
    }

    proptest! {
        #[test]
        fn it_finds_one_if_and_only_if_one_matches(
            names in proptest::collection::btree_set("(/(a|b|\\{x\\})){1,4}", 1..6),
            path in "(/[abc]){1,5}",
        ) {
            let names: Vec<String> = names.into_iter().collect();
            let templates = Templates::new(&names).unwrap();
            let matches = |name: &str| {
                let (name, path): (Vec<_>, Vec<_>) = (segments(name).collect(), segments(&path).collect());
                name.len() == path.len() && name.iter().zip(&path).all(|(one, other)| one == other || *one == "{x}")
            };
            let naive = names.iter().any(|name| matches(name));
            let found = templates.find(&path);
            prop_assert_eq!(found.is_some(), naive);
            prop_assert!(found.is_none_or(|at| matches(&names[at])));
        }
    }
}
