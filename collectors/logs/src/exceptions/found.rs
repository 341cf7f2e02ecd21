//! Where a record may have an exception: in its text, or in a field of its own, as loggers of JSON write it.

use vigie_pipeline::otlp::view::{Attributes, KeyValue, Value};

use super::trace::{Raised, Trace};
use super::{go, python_objects};
use crate::fields::Fields;
use crate::multiline::Preset;

/// Fields with a traceback as text, by the loggers that write them: OpenTelemetry's names, Python's json formatters
/// and structlog, logstash's encoders, ECS, pino and winston, zap, log4j, Serilog.
const STACKS: [&str; 20] = [
    "exception.stacktrace",
    "exc_info",
    "exc_text",
    "exception",
    "stack_trace",
    "error.stack_trace",
    "error.stack",
    "err.stack",
    "exception.stack",
    "exception.stack_trace",
    "exception.stackTrace",
    "stack",
    "stacktrace",
    "traceback",
    "backtrace",
    "thrown.extendedStackTrace",
    "Exception",
    "@x",
    "error",
    "err",
];

/// Fields with the type.
const TYPES: [&str; 12] = [
    "exception.type",
    "error.type",
    "err.type",
    "error.name",
    "err.name",
    "exception.class",
    "exception.name",
    "exception.exceptionType",
    "exception_class",
    "exception_type",
    "exc_type",
    "thrown.name",
];

/// Fields with the message.
const MESSAGES: [&str; 9] = [
    "exception.message",
    "error.message",
    "err.message",
    "thrown.message",
    "exception_message",
    "exc_value",
    "error.msg",
    "error",
    "err",
];

/// The exception of a record, whose text is `text`. The check whether there may be one costs next to nothing.
pub(super) fn find<'r>(fields: &'r Fields, text: &'r str, language: Option<Preset>) -> Option<Trace<'r>> {
    if memchr::memchr(b'\n', text.as_bytes()).is_some()
        && let Some(trace) = Trace::find(text, language)
    {
        return Some(trace);
    }
    let attributes = fields.view();
    if attributes.iter().any(|pair| may_tell(&pair)) { in_fields(attributes, language) } else { None }
}

/// Whether a field may be one of those.
fn may_tell(pair: &KeyValue<'_>) -> bool {
    let starts = ["exc", "Exc", "err", "stack", "traceb", "backt", "thrown", "@x"];
    !matches!(pair.value, Value::Empty | Value::Bool(_) | Value::Int(_) | Value::Double(_))
        && starts.iter().any(|start| pair.key.starts_with(start))
}

fn in_fields<'r>(attributes: Attributes<'r>, language: Option<Preset>) -> Option<Trace<'r>> {
    let text = |name: &&str| match attributes.get(name) {
        Some(Value::Text(text)) if !text.trim().is_empty() => Some(text),
        _ => None,
    };
    let lists = attributes.iter().filter(may_tell).filter_map(|pair| match pair.value {
        Value::List(list) => Some(list),
        _ => None,
    });
    if let Some(trace) = lists.into_iter().find_map(python_objects::parse) {
        return Some(trace);
    }
    let name = TYPES.iter().find_map(text).filter(|name| !name.contains('\n'));
    let message = MESSAGES.iter().find_map(text).filter(|message| !message.contains("\n    at "));
    for stack in STACKS.iter().filter_map(text).filter(|stack| stack.contains('\n')) {
        let found = Trace::find(stack, language)
            .or_else(|| go::parse_stack(stack, name.unwrap_or("error"), message.unwrap_or_default()));
        if let Some(mut trace) = found {
            trace.text = stack.trim_end().into();
            return Some(trace);
        }
    }
    // Without a traceback that is understood: what the fields say.
    let raised = Raised { name: name?, message: message.unwrap_or_default(), ..Raised::default() };
    let stack = STACKS.iter().filter_map(text).find(|stack| stack.contains('\n')).unwrap_or_default();
    Trace::of_chain(vec![raised], stack.trim_end())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::parse::{Context, Parsers};
    use crate::timestamp::Observer;

    /// Name, message and the application's innermost function of what a line of JSON tells.
    fn told(line: &str) -> Option<(String, String, String)> {
        let mut fields = Fields::default();
        let mut parsers = Parsers::new(&serde_json::from_str("\"json\"").unwrap()).unwrap();
        parsers
            .parse(line, Context { observer: &Observer::default(), is_inspected: true }, &mut fields)
            .unwrap();
        let trace = find(&fields, line, None)?;
        let place = trace.outermost.place().map(|(frame, _)| frame.function.to_string());
        Some((trace.outermost.name.to_owned(), trace.outermost.message.to_owned(), place.unwrap_or_default()))
    }

    fn row(name: &str, message: &str, function: &str) -> Option<(String, String, String)> {
        Some((name.to_owned(), message.to_owned(), function.to_owned()))
    }

    #[test]
    fn loggers_of_json_have_fields_for_it() {
        let python = r#""Traceback (most recent call last):\n  File \"/srv/a.py\", line 3, in pay\n    x\nKeyError: 'a'""#;
        for line in [
            format!(r#"{{"message":"failed","exc_info":{python}}}"#),
            format!(r#"{{"event":"failed","exception":{python}}}"#),
            format!(r#"{{"message":"failed","error":{{"stack_trace":{python}}}}}"#),
        ] {
            assert_eq!(told(&line), row("KeyError", "'a'", "pay"), "{line}");
        }
        let pino = r#"{"level":50,"err":{"type":"TypeError","message":"gone","stack":"TypeError: gone\n    at query (/srv/a.js:3:26)"},"msg":"gone"}"#;
        assert_eq!(told(pino), row("TypeError", "gone", "query"));
        let logstash =
            r#"{"message":"failed","stack_trace":"shop.Declined: no\n\tat shop.Cart.pay(Cart.java:3)\n"}"#;
        assert_eq!(told(logstash), row("shop.Declined", "no", "shop.Cart.pay"));
        let zap = r#"{"msg":"failed","error":"no stock","stacktrace":"main.pay\n\t/src/main.go:12\nruntime.main\n\t/usr/go/src/runtime/proc.go:271"}"#;
        assert_eq!(told(zap), row("error", "no stock", "main.pay"));
        let ecs = r#"{"error.type":"shop.Declined","error.message":"no"}"#;
        assert_eq!(told(ecs), row("shop.Declined", "no", ""));
    }

    #[test]
    fn an_error_without_a_type_and_other_fields_are_no_exception() {
        for line in [
            r#"{"error":"connection refused"}"#,
            r#"{"err":null,"error":false,"stack":""}"#,
            r#"{"message":"two\nlines","trace_id":"a"}"#,
            r#"{"errors":["a"],"exception":{}}"#,
        ] {
            assert_eq!(told(line), None, "{line}");
        }
    }
}
