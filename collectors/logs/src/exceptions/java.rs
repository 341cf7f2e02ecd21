//! Stack traces of the JVM. The innermost call stands first, and causes below what they caused.

use std::borrow::Cow;

use super::lines::{Line, is_of_exception, lines, thrown, thrown_within};
use super::normal::java_name;
use super::trace::{Frame, Raised, Trace};

/// Packages of the platform, of languages on it, and of what applications run in.
const LIBRARIES: [&str; 34] = [
    "java.",
    "javax.",
    "jdk.",
    "sun.",
    "com.sun.",
    "jakarta.",
    "kotlin.",
    "kotlinx.",
    "scala.",
    "groovy.",
    "android.",
    "androidx.",
    "dalvik.",
    "org.springframework.",
    "org.apache.",
    "org.hibernate.",
    "org.eclipse.",
    "org.jboss.",
    "org.junit.",
    "org.postgresql.",
    "org.slf4j.",
    "org.codehaus.",
    "ch.qos.logback.",
    "io.netty.",
    "io.undertow.",
    "io.quarkus.",
    "io.micronaut.",
    "io.grpc.",
    "io.vertx.",
    "reactor.",
    "com.fasterxml.",
    "com.google.",
    "com.mysql.",
    "com.zaxxer.",
];

/// What was thrown, as far as it was read.
#[derive(Debug, Clone, Copy)]
struct Header<'t> {
    name: &'t str,
    /// Where its message begins, and where the last line of it ends.
    message: (usize, usize),
    /// Where the line begins, and how far it is indented.
    start: usize,
    indent: usize,
    /// The line says nothing else.
    is_sure: bool,
}

/// See the module.
pub(super) fn parse(text: &str) -> Option<Trace<'_>> {
    let mut chain: Vec<Raised<'_>> = Vec::new();
    let mut header: Option<Header<'_>> = None;
    let (mut start, mut base) = (None, 0);
    let (mut is_suppressed, mut is_reversed, mut has_frames) = (false, false, false);
    let mut last = None::<Line<'_>>;
    for line in lines(text) {
        let trimmed = line.trimmed();
        if line.indent() > 0 && (trimmed.starts_with("at ") || trimmed.starts_with("... ")) {
            if is_suppressed {
                continue;
            }
            // A class of one's own may have any name, if calls follow.
            let before =
                last.take().filter(|_| chain.is_empty() && !header.is_some_and(|found| found.is_sure));
            let named = before.filter(|line| {
                thrown(line.text).is_some_and(|(name, _)| {
                    name.contains(['.', '$']) || is_class(name) && is_of_jvm(trimmed)
                })
            });
            if let Some(found) = named.and_then(|line| rest_of(line.text, line.start, line)).or(header.take())
            {
                header = None;
                if start.is_none() {
                    (start, base) = (Some(found.start), found.indent);
                }
                chain.push(raised(text, found));
            }
            has_frames = true;
            if let Some(raised) = chain.last_mut() {
                raised.frames.extend(trimmed.strip_prefix("at ").and_then(frame));
            }
        } else if let Some((rest, is_outer)) = caused(trimmed) {
            is_suppressed = !chain.is_empty() && line.indent() > base;
            if is_suppressed {
                continue;
            }
            is_reversed |= is_outer;
            chain.extend(header.take().map(|found| raised(text, found)));
            let at = line.end - rest.len();
            header = rest_of(rest, at, line);
        } else if trimmed.starts_with("Suppressed: ") && line.indent() > 0 {
            is_suppressed = true;
        } else {
            let uncaught =
                trimmed.strip_prefix("Exception in thread \"").and_then(|rest| rest.split_once("\" "));
            let rest = uncaught.map_or(trimmed, |(_, rest)| rest);
            let at = line.end - rest.len();
            last = Some(line);
            // The runtime says it of nothing else.
            let strong = thrown(rest).is_some_and(|(name, _)| uncaught.is_some() || is_of_exception(name));
            if strong && chain.is_empty() {
                header = rest_of(rest, at, line);
            } else if let Some(found) = &mut header {
                if found.is_sure && !line.is_blank() {
                    found.message.1 = line.end;
                } else if let Some(weak) = within(line) {
                    *found = weak;
                }
            } else if chain.is_empty() {
                header = within(line);
            }
        }
    }
    chain.extend(header.filter(|found| found.is_sure).map(|found| raised(text, found)));
    if !has_frames && (chain.is_empty() || !chain[0].name.contains(['.', '$'])) {
        return None;
    }
    if is_reversed {
        chain.reverse();
    }
    let start = start.or_else(|| header.map(|found| found.start))?;
    Trace::of_chain(chain, text[start..].trim_end())
}

fn raised<'t>(text: &'t str, header: Header<'t>) -> Raised<'t> {
    let message = text.get(header.message.0..header.message.1).unwrap_or_default();
    Raised { name: header.name, message: message.trim_end(), ..Raised::default() }
}

/// What stands behind `Caused by: `; true if it is what the one above was the cause of.
fn caused(line: &str) -> Option<(&str, bool)> {
    let cause = line.strip_prefix("Caused by: ").map(|rest| (rest, false));
    cause.or_else(|| line.strip_prefix("Wrapped by: ").map(|rest| (rest, true)))
}

/// A line that says nothing else.
fn rest_of<'t>(rest: &'t str, at: usize, line: Line<'t>) -> Option<Header<'t>> {
    let (name, message) = thrown(rest).or_else(|| thrown_within(rest))?;
    let message = ((at + message).min(line.end), line.end);
    Some(Header { name, message, start: line.start, indent: line.indent(), is_sure: true })
}

/// A line of a logger that ends in what was thrown.
fn within(line: Line<'_>) -> Option<Header<'_>> {
    let (name, message) = thrown_within(line.text)?;
    let message = (line.start + message, line.end);
    Some(Header { name, message, start: line.start, indent: line.indent(), is_sure: false })
}

/// Whether a name may be that of a class without a package: `Declined`. Levels of loggers are all capitals.
fn is_class(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.contains(|letter: char| letter.is_lowercase())
}

/// Whether it is a call as only the JVM prints it, with the file of its source, or without any.
fn is_of_jvm(call: &str) -> bool {
    let place = call.split_once('(').and_then(|(_, rest)| rest.split(')').next()).unwrap_or_default();
    let file = place.split(':').next().unwrap_or_default();
    [".java", ".kt", ".scala", ".groovy", ".clj"].iter().any(|end| file.ends_with(end))
        || matches!(place, "Native Method" | "Unknown Source")
}

/// `java.base/java.lang.reflect.Method.invoke(Method.java:569) ~[app.jar:1.0]`
fn frame(text: &str) -> Option<Frame<'_>> {
    let (called, rest) = text.split_once('(')?;
    // Of a loader and a module; a hidden class has a slash of its own.
    let called = match called.rsplit_once('/') {
        Some((module, name)) if !module.contains('$') => name,
        _ => called,
    };
    let place = rest.split(')').next().unwrap_or_default();
    let file = place.split(':').next().unwrap_or_default();
    let file = if matches!(file, "Native Method" | "Unknown Source" | "<generated>" | "Unknown") {
        ""
    } else {
        file
    };
    let is_generated =
        ["$$SpringCGLIB", "$$EnhancerBy", "$$FastClassBy", "$Proxy", "$$Lambda", "_$$_javassist"];
    let is_library = LIBRARIES.iter().any(|package| called.starts_with(package))
        || is_generated.iter().any(|part| called.contains(part));
    let function = java_name(called);
    let is_name = !function.is_empty() && !function.contains(' ');
    is_name.then_some(Frame { function: Cow::Owned(function), file, source: "", is_library })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn example(part: &str) -> &'static str {
        include_str!("../multiline/examples/java.txt").split("§\n").find(|text| text.contains(part)).unwrap()
    }

    fn chain(text: &str) -> Vec<(&str, &str, usize)> {
        let trace = parse(text).unwrap();
        let all = std::iter::once(trace.outermost).chain(trace.causes);
        all.map(|raised| (raised.name, raised.message, raised.frames.len())).collect()
    }

    #[test]
    fn causes_are_below_what_they_caused_and_what_was_suppressed_is_left_out() {
        assert_eq!(
            chain(example("ERROR paying failed")),
            [
                ("java.lang.IllegalStateException", "no stock", 9),
                ("java.lang.IllegalArgumentException", "bad card", 1)
            ]
        );
        let text = example("Exception in thread");
        assert_eq!(chain(text)[0], ("java.lang.IllegalStateException", "no stock", 2));
        assert_eq!(parse(text).unwrap().text, text.trim_end());
        let (frame, _) =
            parse(text).unwrap().outermost.place().map(|(frame, _)| (frame.clone(), ())).unwrap();
        assert_eq!((&*frame.function, frame.file), ("Shop.pay", "Shop.java"));
    }

    #[test]
    fn a_class_without_a_package_may_have_any_name_where_calls_follow() {
        let calls = "\tat Cart.pay(Cart.java:17)\n\tat Shop.main(Shop.kt)";
        for head in [
            "Declined: no stock",
            "Exception in thread \"main\" Declined: no stock",
            "Shop$Declined: no stock",
        ] {
            let name = if head.contains('$') { "Shop$Declined" } else { "Declined" };
            assert_eq!(chain(&format!("{head}\n{calls}")), [(name, "no stock", 2)], "{head}");
            assert_eq!(
                chain(&format!("SEVERE: paying failed\n{head}\n{calls}\nCaused by: Gone\n\t... 2 more"))
                    .len(),
                2
            );
        }
        let uncaught =
            "Exception in thread \"main\" shop.Declined: no stock\n\tat shop.Cart.pay(Cart.java:17)";
        assert_eq!(chain(uncaught), [("shop.Declined", "no stock", 1)]);
        // What only says how bad it is, and what other runtimes print, is none.
        for text in ["SEVERE: paying failed\n\tat Cart.pay(Cart.java:17)", "Done: all\n    at work (on: it)"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_exception_may_stand_in_the_line_of_the_logger_or_have_several_lines() {
        assert_eq!(chain(example("in the log line"))[0].1, "in the log line itself");
        assert_eq!(chain(example("for 7"))[0].1, "no stock\nfor 7");
        assert_eq!(
            chain(example("PSQLException")),
            [
                ("shop.Declined", "no", 1),
                (
                    "org.postgresql.util.PSQLException",
                    "ERROR: column \"x\" does not exist\n  Position: 12",
                    2
                )
            ]
        );
        assert_eq!(chain(example("without frames")), [("java.lang.NullPointerException", "", 0)]);
        assert_eq!(parse("2026-01-02 ERROR nothing was thrown\nbut said"), None);
    }
}
