//! Stacks of V8. The innermost call stands first, and causes among the properties of what they caused.

use super::lines::{Line, base_name, is_of_exception, lines, thrown, thrown_within};
use super::trace::{Frame, Raised, Trace};

/// See the module.
pub(super) fn parse(text: &str) -> Option<Trace<'_>> {
    let mut chain: Vec<Raised<'_>> = Vec::new();
    // What was thrown, and where its message begins and ends.
    let mut header: Option<(&str, usize, usize)> = None;
    let (mut start, mut last) = (None, None::<Line<'_>>);
    let mut is_member = false;
    for line in lines(text) {
        let trimmed = line.trimmed();
        if line.indent() > 0
            && let Some(called) = trimmed.strip_prefix("at ")
            && let Some(frame) = frame(called.strip_suffix(" {").unwrap_or(called))
        {
            if header.is_some() || chain.is_empty() {
                let before = last.unwrap_or(line);
                start.get_or_insert(before.start);
                // Whatever was thrown without the name of an error.
                let (name, from, to) =
                    header.take().or_else(|| of_any(before)).unwrap_or(("Error", before.start, before.end));
                let message = text.get(from..to).unwrap_or_default().trim_end();
                chain.push(Raised { name, message, frames: Vec::new(), is_member });
            }
            if let Some(raised) = chain.last_mut() {
                raised.frames.push(frame);
            }
            last = None;
            continue;
        }
        if !chain.is_empty()
            && line.indent() == 0
            && !trimmed.starts_with("Caused by: ")
            && !trimmed.starts_with('}')
        {
            break;
        }
        is_member |= trimmed.starts_with("[errors]: [");
        let said = trimmed
            .strip_prefix("[cause]: ")
            .or_else(|| trimmed.strip_prefix("Caused by: "))
            .unwrap_or(trimmed);
        let at = line.end - said.len();
        if let Some((name, message)) = thrown_with_code(said).filter(|(name, _)| is_of_exception(name)) {
            header = Some((name, at + message, line.end));
            if chain.is_empty() {
                start = Some(line.start);
            }
        } else if let Some((_, _, end)) = header.as_mut().filter(|_| chain.is_empty() && !line.is_blank()) {
            *end = line.end;
        } else if header.is_none() && chain.is_empty() {
            header = thrown_within(line.text).map(|(name, message)| (name, line.start + message, line.end));
            if header.is_some() {
                start = Some(line.start);
            }
        }
        last = if line.is_blank() { last } else { Some(line) };
    }
    Trace::of_chain(chain, text[start?..].trim_end())
}

/// `Declined: no`, by a name of one's own; the line before the frames says it.
fn of_any(line: Line<'_>) -> Option<(&str, usize, usize)> {
    let (name, message) = thrown(line.text)?;
    let is_name = name.starts_with(|first: char| first.is_ascii_uppercase());
    is_name.then_some((name, line.start + message, line.end))
}

/// `TypeError [ERR_INVALID_ARG_TYPE]: …`, `Uncaught Error: …`
fn thrown_with_code(line: &str) -> Option<(&str, usize)> {
    let text = line.strip_prefix("Uncaught ").unwrap_or(line);
    let before = line.len() - text.len();
    let found = match text.split_once(" [") {
        Some((name, rest)) if rest.contains("]: ") && !name.contains([' ', ':']) => {
            Some((name, text.find("]: ").map_or(text.len(), |at| at + 3)))
        }
        _ => thrown(text),
    };
    found.map(|(name, message)| (name, before + message))
}

/// `async Shop.pay [as go] (file:///srv/shop.js:3:7)`
fn frame(text: &str) -> Option<Frame<'_>> {
    let text = text.strip_prefix("async ").unwrap_or(text);
    let (called, place) = match text.rsplit_once(" (") {
        Some((called, place)) => (called, place.strip_suffix(')')?),
        None => ("", text),
    };
    let has_place = place == "native" || place == "<anonymous>" || place.starts_with("index ") || {
        let digits = place.rsplit(':').next().unwrap_or_default();
        place.contains(':') && !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
    };
    if !has_place {
        return None;
    }
    // Line and column.
    let path = place.rsplitn(3, ':').last().unwrap_or(place);
    let called = if called.starts_with("eval (") { "eval" } else { called };
    let called = called.split(" [as ").next().unwrap_or(called);
    let of_runtime = ["node:", "internal/", "native", "<anonymous>", "index ", "ext:", "bun:"];
    let is_library = path.contains("/node_modules/")
        || path.contains("\\node_modules\\")
        || of_runtime.iter().any(|start| path.starts_with(start))
        // Modules of older runtimes have no directory.
        || !path.contains(['/', '\\']);
    Some(Frame { function: called.into(), file: base_name(path), source: "", is_library })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn example(part: &str) -> Trace<'static> {
        let all = include_str!("../multiline/examples/javascript.txt");
        parse(all.split("§\n").find(|text| text.contains(part)).unwrap()).unwrap()
    }

    fn of(trace: &Trace<'_>) -> Vec<(String, String, String)> {
        let all = std::iter::once(&trace.outermost).chain(&trace.causes);
        let of = |raised: &Raised<'_>| {
            let place = raised.place().map(|(frame, _)| format!("{} {}", frame.function, frame.file));
            (raised.name.to_owned(), raised.message.to_owned(), place.unwrap_or_default())
        };
        all.map(of).collect()
    }

    fn row(name: &str, message: &str, place: &str) -> (String, String, String) {
        (name.to_owned(), message.to_owned(), place.to_owned())
    }

    #[test]
    fn causes_stand_among_the_properties() {
        let expected = [row("Error", "no stock", "pay shop.js"), row("TypeError", "gone", "query shop.js")];
        assert_eq!(of(&example("code: 'E_STOCK'")), expected);
        assert_eq!(of(&example("Node.js v20.20.2")), expected);
        assert!(example("Node.js v20.20.2").text.starts_with("Error: no stock\n"));
    }

    #[test]
    fn the_error_may_stand_in_the_line_of_the_logger_or_have_several_lines() {
        assert_eq!(of(&example("paying failed: TypeError"))[0], row("TypeError", "gone", "query shop.js"));
        assert_eq!(of(&example("error: paying failed"))[0], row("TypeError", "gone", "query shop.js"));
        let assertion = &of(&example("1 !== 2"))[0];
        let message = "Expected values to be strictly equal:\n\n1 !== 2";
        assert_eq!(*assertion, row("AssertionError", message, "Object.<anonymous> shop.js"));
        let own = parse("it failed\nDeclined: no\n    at async Shop.pay [as go] (file:///srv/shop.mjs:1:2)")
            .unwrap();
        assert_eq!(of(&own)[0], row("Declined", "no", "Shop.pay shop.mjs"));
    }

    #[test]
    fn modules_and_the_runtime_are_libraries() {
        let is_library = |text| frame(text).unwrap().is_library;
        for text in [
            "a (/srv/node_modules/x/i.js:1:2)",
            "node:internal/main:28:49",
            "Array.map (<anonymous>)",
            "m (module.js:1:2)",
        ] {
            assert!(is_library(text), "{text}");
        }
        assert!(!is_library("/srv/shop.js:1:2") && !is_library("a (C:\\srv\\shop.js:1:2)"));
        assert_eq!(frame("a loss"), None);
    }
}
