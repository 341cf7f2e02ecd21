//! Exceptions of .NET. The innermost call stands first; an inner exception stands with its calls between what it
//! caused and the calls of that.

use super::lines::{base_name, is_of_exception, lines, thrown, thrown_within};
use super::normal::{LONGEST_NAME, before, dotnet_name};
use super::trace::{Frame, MOST_IN_CHAIN, Raised, Trace};

/// Namespaces of the runtime, and of what applications run in.
const LIBRARIES: [&str; 9] = [
    "System.",
    "Microsoft.",
    "Interop.",
    "Internal.",
    "lambda_method",
    "Newtonsoft.",
    "Npgsql.",
    "Serilog.",
    "Xunit.",
];

/// See the module.
pub(super) fn parse(text: &str) -> Option<Trace<'_>> {
    // What is still open, the outermost first, and what was closed, in that order.
    let (mut open, mut closed): (Vec<Raised<'_>>, Vec<Raised<'_>>) = (Vec::new(), Vec::new());
    let (mut start, mut has_frames) = (None, false);
    // Where the message begins that may go on.
    let mut message = None;
    for line in lines(text) {
        let trimmed = line.trimmed();
        if trimmed.starts_with("--- End of inner") {
            message = None;
            if open.len() > 1 {
                closed.extend(open.pop());
            }
        } else if trimmed.starts_with("--- End of") || trimmed.starts_with("<---") {
            message = None;
        } else if let Some(called) = trimmed.strip_prefix("at ").filter(|_| line.indent() > 0) {
            // It may be a call as another language prints it.
            let frame = frame(called)?;
            message = None;
            if let Some(raised) = open.last_mut() {
                raised.frames.push(frame);
                has_frames = true;
            }
        } else if let Some(said) = trimmed.strip_prefix("---> ").filter(|_| !open.is_empty()) {
            let (said, is_member) = match said.strip_prefix("(Inner Exception #") {
                Some(said) => (said.split_once(") ").map_or(said, |(_, said)| said), true),
                None => (said, false),
            };
            if let Some((name, at)) = thrown(said.trim_end_matches("<---")) {
                let told = said.trim_end_matches("<---");
                message = Some(line.end - said.len() + at);
                open.push(Raised { name, message: &told[at..], frames: Vec::new(), is_member });
            }
        } else if open.is_empty() {
            let said = trimmed.strip_prefix("Unhandled exception. ").unwrap_or(trimmed);
            let sure = thrown(said).filter(|(name, _)| is_of_exception(name));
            if let Some((name, at)) = sure.or_else(|| thrown_within(said)) {
                start = Some(line.start);
                message = Some(line.end - said.len() + at);
                open.push(Raised { name, message: &said[at..], ..Raised::default() });
                split_inner(&mut open);
            }
        } else if let (Some(from), Some(raised)) = (message, open.last_mut())
            && !line.is_blank()
        {
            raised.message = text.get(from..line.end).unwrap_or_default();
        }
    }
    if !has_frames && !open.first().is_some_and(|raised| raised.name.contains('.')) {
        return None;
    }
    closed.reverse();
    let mut chain = open;
    chain.extend(closed);
    Trace::of_chain(chain, text[start?..].trim_end())
}

/// The .NET Framework puts inner exceptions on the same line: `A: a ---> B: b`.
fn split_inner<'t>(open: &mut Vec<Raised<'t>>) {
    while open.len() < MOST_IN_CHAIN
        && let Some(raised) = open.last_mut()
        && let Some((message, inner)) = raised.message.split_once(" ---> ")
        && let Some((name, at)) = thrown(inner)
    {
        raised.message = message;
        open.push(Raised { name, message: &inner[at..], ..Raised::default() });
    }
}

/// `Shop.Cart.Pay(String card) in /src/Cart.cs:line 17`
fn frame(text: &str) -> Option<Frame<'_>> {
    let (called, rest) = text.split_once('(')?;
    let inside = rest.split(')').next().unwrap_or_default();
    // What other languages print: a place in brackets.
    if called.contains(' ') || inside.contains(':') || matches!(inside, "Native Method" | "Unknown Source") {
        return None;
    }
    let path =
        rest.rsplit_once(") in ").map_or("", |(_, place)| place.split(":line ").next().unwrap_or(place));
    let called = before(called, LONGEST_NAME);
    let is_library = LIBRARIES.iter().any(|namespace| called.starts_with(namespace));
    (!called.is_empty()).then(|| Frame {
        function: dotnet_name(called).into(),
        file: base_name(path),
        source: "",
        is_library,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn chain(text: &str) -> Vec<String> {
        let trace = parse(text).unwrap();
        let all = std::iter::once(trace.outermost).chain(trace.causes);
        let of = |raised: Raised<'_>| {
            let place = raised.place().map(|(frame, _)| format!("{} {}", frame.function, frame.file));
            format!("{}: {} [{}]", raised.name, raised.message, place.unwrap_or_default())
        };
        all.map(of).collect()
    }

    fn example(part: &str) -> &'static str {
        let all = include_str!("../multiline/examples/dotnet.txt");
        all.split("§\n").find(|text| text.contains(part)).unwrap()
    }

    #[test]
    fn inner_exceptions_have_their_own_calls() {
        let inner = "System.IO.IOException: gone [Shop.Db.Query Db.cs]";
        let outer = |place| format!("System.InvalidOperationException: no stock [{place}]");
        assert_eq!(chain(example("fail: ")), [outer("Shop.Cart.Pay Cart.cs"), inner.to_owned()]);
        assert_eq!(chain(example("[ERR]")), [outer("Shop.Cart.PayAsync Cart.cs"), inner.to_owned()]);
    }

    #[test]
    fn messages_have_several_lines_and_aggregates_several_inner_ones() {
        let range = "System.ArgumentOutOfRangeException: Index was out of range. (Parameter 'index')\nActual value was 5. [Program.Main Program.cs]";
        assert_eq!(chain(example("Unhandled")), [range]);
        let names: Vec<_> =
            chain(example("Aggregate")).iter().map(|row| row.split(':').next().unwrap().to_owned()).collect();
        assert_eq!(
            names,
            ["System.AggregateException", "System.IO.IOException", "System.InvalidOperationException"]
        );
        let framework = "System.Exception: a ---> System.IO.IOException: b\n   at A.B()\n   --- End of inner exception stack trace ---\n   at C.D()";
        assert_eq!(chain(framework), ["System.Exception: a [C.D ]", "System.IO.IOException: b [A.B ]"]);
    }
}
