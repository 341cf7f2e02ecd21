//! Tracebacks of Python as lists of objects, which structlog's `dict_tracebacks` writes: the outermost exception first,
//! then what it was raised from, or while handling; of each the innermost call last, and the members of a group as
//! lists of their own.
//!
//! They have neither the text of a line nor the module of a class. So an error has the fingerprint that its traceback
//! has where Python finds no source, and not the one with its lines.

use std::borrow::Cow;
use std::fmt::Write;

use vigie_pipeline::otlp::view::{Attributes, List, Value};

use super::lines::base_name;
use super::python::{CAUSE, CONTEXT, TRACEBACK, is_library};
use super::trace::{Frame, MOST_IN_CHAIN, Raised, Trace};

/// See the module.
pub(super) fn parse(list: List<'_>) -> Option<Trace<'_>> {
    let mut chain = Vec::new();
    add_chain(list, false, &mut chain);
    Trace::of_chain(chain, printed(list))
}

fn add_chain<'a>(list: List<'a>, is_member: bool, chain: &mut Vec<Raised<'a>>) {
    for object in objects(list) {
        let Some(raised) = raised(object, is_member).filter(|_| chain.len() <= MOST_IN_CHAIN) else { return };
        chain.push(raised);
        for member in lists(object, "exceptions") {
            add_chain(member, true, chain);
        }
    }
}

fn raised<'a>(object: Attributes<'a>, is_member: bool) -> Option<Raised<'a>> {
    let name = text(object, "exc_type")?;
    let mut frames: Vec<Frame<'a>> = frames(object).map(|call| call.frame()).collect();
    let syntax = match object.get("syntax_error") {
        Some(Value::Map(syntax)) => Some(syntax),
        _ => None,
    };
    // The line that is wrong is in no function; Python prints it as the innermost call.
    frames.extend(syntax.map(|syntax| Frame {
        function: Cow::Borrowed(""),
        file: base_name(text(syntax, "filename").unwrap_or_default()),
        source: text(syntax, "line").unwrap_or_default().trim(),
        is_library: false,
    }));
    frames.reverse();
    let message = syntax.and_then(|syntax| text(syntax, "msg")).or_else(|| text(object, "exc_value"));
    Some(Raised { name, message: message.unwrap_or_default(), frames, is_member })
}

/// One call.
struct Call<'a> {
    path: &'a str,
    line: i64,
    function: &'a str,
}

impl<'a> Call<'a> {
    fn of(object: Attributes<'a>) -> Option<Self> {
        let line = match object.get("lineno") {
            Some(Value::Int(line)) => line,
            _ => 0,
        };
        Some(Self {
            path: text(object, "filename")?,
            line,
            function: text(object, "name").unwrap_or_default(),
        })
    }

    fn frame(&self) -> Frame<'a> {
        Frame {
            function: self.function.into(),
            file: base_name(self.path),
            source: "",
            is_library: is_library(self.path),
        }
    }
}

/// As Python prints it, without the lines of the source and what was raised together.
fn printed(list: List<'_>) -> String {
    let mut text = String::new();
    let chain: Vec<_> = objects(list).take(MOST_IN_CHAIN).collect();
    for (number, object) in chain.iter().enumerate().rev() {
        text.push_str(TRACEBACK);
        text.push('\n');
        for Call { path, line, function } in frames(*object) {
            // Into memory: that cannot fail.
            let _ = writeln!(text, "  File \"{path}\", line {line}, in {function}");
        }
        let said = |key| self::text(*object, key).unwrap_or_default();
        text.push_str(said("exc_type"));
        if !said("exc_value").is_empty() {
            let _ = write!(text, ": {}", said("exc_value"));
        }
        if number > 0 {
            let is_cause = object.get("is_cause") == Some(Value::Bool(true));
            let _ = write!(text, "\n\n{}\n\n", if is_cause { CAUSE } else { CONTEXT });
        }
    }
    text
}

fn frames(object: Attributes<'_>) -> impl Iterator<Item = Call<'_>> {
    let list = match object.get("frames") {
        Some(Value::List(list)) => Some(list),
        _ => None,
    };
    list.into_iter().flat_map(objects).filter_map(Call::of)
}

fn objects<'a>(list: List<'a>) -> impl Iterator<Item = Attributes<'a>> {
    list.iter().filter_map(|value| if let Value::Map(object) = value { Some(object) } else { None })
}

fn lists<'a>(object: Attributes<'a>, key: &str) -> impl Iterator<Item = List<'a>> {
    let list = match object.get(key) {
        Some(Value::List(list)) => Some(list),
        _ => None,
    };
    let inner = list.into_iter().flat_map(|list| list.iter());
    inner.filter_map(|value| if let Value::List(inner) = value { Some(inner) } else { None })
}

fn text<'a>(object: Attributes<'a>, key: &str) -> Option<&'a str> {
    match object.get(key) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::exceptions::fingerprint::Fingerprint;
    use crate::exceptions::python;
    use crate::fields::Fields;
    use crate::parse::{Context, Parsers};
    use crate::timestamp::Observer;

    /// The fields of a line that structlog has written.
    fn fields(exception: &str) -> Fields {
        let mut fields = Fields::default();
        let mut parsers = Parsers::new(&serde_json::from_str("\"json\"").unwrap()).unwrap();
        let context = Context { observer: &Observer::default(), is_inspected: true };
        parsers.parse(&format!("{{\"exception\": {exception}}}"), context, &mut fields).unwrap();
        fields
    }

    fn fingerprint_and_text(exception: &str) -> (Fingerprint, String) {
        let fields = fields(exception);
        let Some(Value::List(list)) = fields.get("exception") else { panic!("a list") };
        let trace = parse(list).unwrap();
        (Fingerprint::of(&trace), trace.text.into_owned())
    }

    fn frames(line: i64) -> String {
        format!(
            r#"[{{"filename": "/srv/shop.py", "lineno": {line}, "name": "<module>", "locals": {{"a": "1"}}}}, {{"filename": "/srv/shop.py", "lineno": 9, "name": "pay"}}, {{"filename": "/usr/lib/python3.11/json/decoder.py", "lineno": 337, "name": "decode"}}]"#
        )
    }

    #[test]
    fn a_chain_has_the_fingerprint_of_its_traceback_without_source() {
        let objects = |line: i64, value: &str| {
            let frames = frames(line);
            format!(
                r#"[{{"exc_type": "Declined", "exc_value": "order {value}", "exc_notes": [], "syntax_error": null, "is_cause": false, "frames": {frames}, "is_group": false, "exceptions": []}}, {{"exc_type": "KeyError", "exc_value": "'card{value}'", "is_cause": true, "frames": {frames}}}]"#
            )
        };
        let (print, text) = fingerprint_and_text(&objects(14, "7"));
        let block = "Traceback (most recent call last):\n  File \"/srv/shop.py\", line 14, in <module>\n  File \"/srv/shop.py\", line 9, in pay\n  File \"/usr/lib/python3.11/json/decoder.py\", line 337, in decode";
        let plain = format!(
            "{block}\nKeyError: 'card7'\n\nThe above exception was the direct cause of the following exception:\n\n{block}\nDeclined: order 7"
        );
        assert_eq!(text, plain);
        assert_eq!(print, Fingerprint::of(&python::parse(&plain).unwrap()));
        assert_eq!(print, fingerprint_and_text(&objects(15, "8")).0);
        assert_ne!(print, fingerprint_and_text(&objects(14, "7").replace("KeyError", "ValueError")).0);
    }

    #[test]
    fn the_members_of_a_group_count_whatever_their_order() {
        let member = |name: &str| format!(r#"[{{"exc_type": "{name}", "exc_value": "1", "frames": []}}]"#);
        let group = |one: &str, other: &str| {
            format!(
                r#"[{{"exc_type": "ExceptionGroup", "exc_value": "several (2 sub-exceptions)", "frames": {}, "is_group": true, "exceptions": [{one}, {other}]}}]"#,
                frames(3)
            )
        };
        let (one, other) = (member("ValueError"), member("KeyError"));
        assert_eq!(
            fingerprint_and_text(&group(&one, &other)).0,
            fingerprint_and_text(&group(&other, &one)).0
        );
        assert_ne!(fingerprint_and_text(&group(&one, &one)).0, fingerprint_and_text(&group(&other, &one)).0);
    }

    #[test]
    fn a_syntax_error_stands_where_the_line_is_that_is_wrong() {
        let objects = r#"[{"exc_type": "SyntaxError", "exc_value": "'(' was never closed (<string>, line 1)", "syntax_error": {"offset": 4, "filename": "<string>", "line": "foo(", "lineno": 1, "msg": "'(' was never closed"}, "frames": [{"filename": "/srv/a.py", "lineno": 3, "name": "run"}]}]"#;
        let plain = "Traceback (most recent call last):\n  File \"/srv/a.py\", line 3, in run\n    eval(x)\n  File \"<string>\", line 1\n    foo(\n       ^\nSyntaxError: '(' was never closed";
        assert_eq!(fingerprint_and_text(objects).0, Fingerprint::of(&python::parse(plain).unwrap()));
    }

    #[test]
    fn objects_without_a_type_are_no_traceback_and_deep_ones_no_danger() {
        for exception in ["[]", "[1, \"a\"]", "[{\"a\": 1}]", "[[]]"] {
            let fields = fields(exception);
            if let Some(Value::List(list)) = fields.get("exception") {
                assert_eq!(parse(list), None, "{exception}");
            }
        }
        let deep = (0..20)
            .fold("[]".to_owned(), |inner, _| format!(r#"[[{{"exc_type": "E", "exceptions": {inner}}}]]"#));
        fingerprint_and_text(&deep[1..deep.len() - 1]);
    }
}
