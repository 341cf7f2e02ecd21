//! Panics of Go. The innermost call stands first; above it may be what handles the panic.

use super::lines::{base_name, lines};
use super::normal::go_name;
use super::trace::{Frame, Raised, Trace};

/// The first parts of the names of the standard library's packages.
const STANDARD: &[&str] = &[
    "archive",
    "bufio",
    "builtin",
    "bytes",
    "cmp",
    "compress",
    "container",
    "context",
    "crypto",
    "database",
    "debug",
    "embed",
    "encoding",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go",
    "hash",
    "html",
    "image",
    "index",
    "internal",
    "io",
    "iter",
    "log",
    "maps",
    "math",
    "mime",
    "net",
    "os",
    "panic",
    "path",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "slices",
    "sort",
    "strconv",
    "strings",
    "structs",
    "sync",
    "syscall",
    "testing",
    "text",
    "time",
    "unicode",
    "unique",
    "unsafe",
    "weak",
    "vendor",
];

/// See the module.
pub(super) fn parse(text: &str) -> Option<Trace<'_>> {
    if !text.contains("goroutine ") {
        return None;
    }
    let (mut head, mut start) = (None, None);
    let mut frames = None;
    let mut before = "";
    for line in lines(text) {
        if let Some(frames) = &mut frames {
            if line.is_blank() || line.text.starts_with("created by ") || line.text.starts_with("goroutine ")
            {
                break;
            }
            add(frames, line.text);
        } else if line.text.starts_with("goroutine ") && line.text.ends_with("]:") {
            start.get_or_insert(line.start);
            frames = Some(Vec::new());
        } else if let Some(found) = panicked(line.trimmed()) {
            start.get_or_insert(line.start);
            head = Some(found);
        } else if !line.is_blank() && !line.text.starts_with("[signal ") {
            before = line.text;
        }
    }
    let frames = frames?;
    // A stack that was logged has what was logged above it.
    let (name, message) = head.unwrap_or(("error", before));
    Trace::of_chain(vec![Raised { name, message, frames, is_member: false }], text[start?..].trim_end())
}

/// A stack without its head, as loggers put it into a field: names, and places below them.
pub(super) fn parse_stack<'t>(text: &'t str, name: &'t str, message: &'t str) -> Option<Trace<'t>> {
    let mut frames = Vec::new();
    lines(text).for_each(|line| add(&mut frames, line.text));
    let is_stack = frames.iter().any(|frame: &Frame<'_>| frame.file.ends_with(".go"));
    is_stack.then(|| Trace::of_chain(vec![Raised { name, message, frames, is_member: false }], text))?
}

/// A line of the stack: a call, or the place below it.
fn add<'t>(frames: &mut Vec<Frame<'t>>, line: &'t str) {
    if let Some(place) = line.strip_prefix('\t') {
        let path = place.split(" +0x").next().unwrap_or(place);
        let path = path.rsplit_once(':').map_or(path, |(path, _)| path);
        if let Some(frame) = frames.last_mut() {
            frame.file = base_name(path);
            frame.is_library |= path.contains("/pkg/mod/") || path.contains("/vendor/");
        }
    } else if line.starts_with("panic(") {
        // Above it is what handles the panic, below it what panicked.
        frames.clear();
    } else if !line.starts_with("...") {
        let called = line.rfind('(').filter(|_| line.ends_with(')')).map_or(line, |open| &line[..open]);
        let package = called.split(['/', '.']).next().unwrap_or_default();
        let is_library = STANDARD.contains(&package);
        frames.push(Frame { function: go_name(called).into(), file: "", source: "", is_library });
    }
}

/// The kind of panic and what it says.
fn panicked(line: &str) -> Option<(&str, &str)> {
    let fatal = line.strip_prefix("fatal error: ").map(|message| ("fatal error", message));
    let of_panic = || {
        let at = line.find("panic: ").map(|at| at + "panic: ".len());
        let served = || Some(line.find("panic serving ")? + "panic serving ".len());
        let message = match at {
            Some(at) => &line[at..],
            // Behind the address.
            None => line[served()?..].split_once(": ")?.1,
        };
        let message = message.split(" [recovered").next().unwrap_or(message);
        match message.strip_prefix("runtime error: ") {
            Some(message) => Some(("runtime.Error", message)),
            None => Some(("panic", message)),
        }
    };
    fatal.or_else(of_panic)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn places(part: &str) -> Vec<String> {
        let text = include_str!("../multiline/examples/go.txt")
            .split("§\n")
            .find(|text| text.contains(part))
            .unwrap();
        let Raised { name, message, frames, .. } = parse(text).unwrap().outermost;
        let own = frames.iter().filter(|frame| !frame.is_library);
        let own = own.map(|frame| format!("{} {}", frame.function, frame.file));
        std::iter::once(format!("{name}: {message}")).chain(own).collect()
    }

    #[test]
    fn what_panicked_is_below_what_handled_it() {
        let expected = [
            "runtime.Error: index out of range [5] with length 3",
            "main.(*Shop).pay main.go",
            "main.main main.go",
        ];
        assert_eq!(places("main.worker"), expected);
        assert_eq!(places("panic serving"), ["panic: no stock"]);
        assert_eq!(
            places("deadlock"),
            ["fatal error: all goroutines are asleep - deadlock!", "main.main main.go"]
        );
        assert_eq!(places("recovered from")[1], "main.(*Shop[...]).pay main.go");
        assert_eq!(places("SIGSEGV")[0], "runtime.Error: invalid memory address or nil pointer dereference");
    }

    #[test]
    fn a_stack_in_a_field_has_no_head() {
        let text = "main.pay\n\t/src/main.go:12\nmain.main\n\t/src/main.go:3\nruntime.main\n\t/usr/local/go/src/runtime/proc.go:271";
        let trace = parse_stack(text, "error", "no stock").unwrap();
        assert_eq!(trace.outermost.place().unwrap().0.function, "main.pay");
        assert_eq!(parse_stack("no stack", "error", ""), None);
    }
}
