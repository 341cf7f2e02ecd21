//! Tracebacks of Python. The innermost call stands last, and the outermost exception behind its causes.

use super::lines::{Line, base_name, is_of_exception, lines, thrown};
use super::trace::{Frame, Raised, Trace};

pub(super) const TRACEBACK: &str = "Traceback (most recent call last):";
/// What stands between an exception and one that was raised while it was handled, or from it.
pub(super) const CONTEXT: &str = "During handling of the above exception, another exception occurred:";
pub(super) const CAUSE: &str = "The above exception was the direct cause of the following exception:";

/// Where in the text the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Frames,
    Message,
}

/// See the module.
pub(super) fn parse(text: &str) -> Option<Trace<'_>> {
    if !text.contains(TRACEBACK) && !text.contains("  File \"") {
        return None;
    }
    let mut found = Reader::default();
    for line in lines(text) {
        if line.text.starts_with("Call stack:") {
            break;
        }
        found.line(text, line);
    }
    let Reader { mut chain, start, .. } = found;
    // Of another process: what it says stands in it.
    chain.retain(|(_, raised)| !raised.name.ends_with("RemoteTraceback"));
    let top = chain.iter().map(|(depth, _)| *depth).min()?;
    let outermost = chain.iter().rposition(|(depth, _)| *depth == top)?;
    let (_, outermost) = chain.remove(outermost);
    let causes = chain.into_iter().rev().map(|(depth, raised)| Raised { is_member: depth > top, ..raised });
    Trace::of_chain(std::iter::once(outermost).chain(causes).collect(), text[start?..].trim_end())
}

#[derive(Debug)]
struct Reader<'t> {
    /// With the depth in the tree of a group, in the order of the text.
    chain: Vec<(usize, Raised<'t>)>,
    frames: Vec<Frame<'t>>,
    within: Within,
    /// Where the message begins that is being read.
    message: usize,
    /// Where the traceback begins.
    start: Option<usize>,
}

impl Default for Reader<'_> {
    fn default() -> Self {
        Self { chain: Vec::new(), frames: Vec::new(), within: Within::Nothing, message: 0, start: None }
    }
}

impl<'t> Reader<'t> {
    fn line(&mut self, text: &'t str, line: Line<'t>) {
        // The branches of a group: how deep it is, and what stands behind them.
        let trimmed = line.trimmed();
        let (depth, content) = match trimmed.strip_prefix('|') {
            // The group itself is as deep as what is no group.
            Some(rest) => (line.indent().saturating_sub(2), rest.strip_prefix(' ').unwrap_or(rest)),
            None if trimmed.starts_with("+ Exception Group Traceback") => (0, TRACEBACK),
            None if trimmed.starts_with("+-") => return self.within = Within::Nothing,
            None => (0, line.text),
        };
        let content = content.strip_prefix("> ").unwrap_or(content);
        let is_indented = content.starts_with([' ', '\t']);
        if content.starts_with(TRACEBACK) {
            self.start.get_or_insert(line.start);
            self.frames.clear();
            self.within = Within::Frames;
        } else if let Some(frame) = frame(content.trim_start()) {
            if self.within != Within::Frames {
                self.frames.clear();
                self.start.get_or_insert(line.start);
            }
            self.within = Within::Frames;
            self.frames.push(frame);
        } else if [CONTEXT, CAUSE].iter().any(|chain| content.starts_with(chain))
            || line.text.starts_with("\"\"\"")
        {
            self.within = Within::Nothing;
        } else if self.within == Within::Message && !content.trim().is_empty() {
            if let Some((_, raised)) = self.chain.last_mut()
                && !trimmed.starts_with('|')
            {
                raised.message = &text[self.message..line.end];
            }
        } else if self.within == Within::Frames && (is_indented || content.trim().is_empty()) {
            if let Some(frame) = self.frames.last_mut()
                && frame.source.is_empty()
                && !content.trim_start().starts_with(['[', '^', '~', '│', '└'])
            {
                frame.source = content.trim();
            }
        } else if let Some((name, at)) = thrown(content)
            // Outside of a traceback it must look like one: a cause that was never raised.
            && (self.within == Within::Frames || self.within == Within::Nothing && is_of_exception(name))
        {
            self.start.get_or_insert(line.start);
            let mut frames = std::mem::take(&mut self.frames);
            frames.reverse();
            self.message = line.end - (content.len() - at);
            let raised = Raised { name, message: &content[at..], frames, is_member: false };
            self.chain.push((depth, raised));
            self.within = Within::Message;
        } else {
            self.within = Within::Nothing;
        }
    }
}

/// `File "/srv/shop.py", line 3, in pay`; a syntax error is in no function.
fn frame(text: &str) -> Option<Frame<'_>> {
    let rest = text.strip_prefix("File \"")?;
    let (path, rest) = rest.split_once("\", line ")?;
    let digits = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let function = digits.strip_prefix(", in ").or_else(|| digits.strip_prefix(" in ")).unwrap_or("");
    Some(Frame {
        function: function.trim().into(),
        file: base_name(path),
        source: "",
        is_library: is_library(path),
    })
}

/// Whether a file is of a package that was installed, or of Python itself.
pub(super) fn is_library(path: &str) -> bool {
    let of_packages = ["/site-packages/", "/dist-packages/", "\\site-packages\\"];
    let of_runtime = ["/lib/python", "/lib64/python", "/lib/pypy", "\\Lib\\"];
    path.starts_with("<frozen ")
        || of_packages.iter().any(|part| path.contains(part))
        || of_runtime.iter().any(|part| path.contains(part))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_last_exception_is_the_outermost_and_the_others_are_its_causes() {
        let text = "2026-01-02 ERROR shop: paying failed\n\
            Traceback (most recent call last):\n  File \"/srv/a/shop.py\", line 5, in pay\n    try: {}[\"card%d\"%n]\n         ~~^^^\nKeyError: 'card1'\n\
            \nThe above exception was the direct cause of the following exception:\n\n\
            Traceback (most recent call last):\n  File \"/srv/a/shop.py\", line 9, in <module>\n    try: pay(1)\n  File \"/usr/lib/python3.11/x.py\", line 7, in go\n    raise Declined\nshop.Declined: order 1\n  of two";
        let trace = parse(text).unwrap();
        assert_eq!((trace.outermost.name, trace.outermost.message), ("shop.Declined", "order 1\n  of two"));
        let (frame, beneath) = trace.outermost.place().unwrap();
        assert_eq!((&*frame.function, frame.file, frame.source), ("<module>", "shop.py", "try: pay(1)"));
        assert_eq!(beneath.map(|frame| &*frame.function).collect::<Vec<_>>(), ["go"]);
        assert_eq!(trace.causes.len(), 1);
        assert_eq!(
            (trace.causes[0].name, trace.causes[0].frames[0].source),
            ("KeyError", "try: {}[\"card%d\"%n]")
        );
        assert!(trace.text.starts_with(TRACEBACK) && text.ends_with(&*trace.text));
    }

    #[test]
    fn a_group_is_the_outermost_and_has_its_members_as_causes() {
        let text = include_str!("../multiline/examples/python.txt")
            .split("§\n")
            .find(|text| text.contains("nested"))
            .unwrap();
        let trace = parse(text).unwrap();
        assert_eq!(
            (trace.outermost.name, trace.outermost.message),
            ("ExceptionGroup", "several (2 sub-exceptions)")
        );
        assert_eq!(trace.outermost.frames[0].function, "group");
        let causes: Vec<_> = trace.causes.iter().map(|cause| (cause.name, cause.is_member)).collect();
        assert_eq!(causes, [("KeyError", true), ("ExceptionGroup", true), ("ValueError", true)]);
    }

    #[test]
    fn exceptions_of_other_processes_and_those_without_a_traceback_are_causes() {
        let examples = include_str!("../multiline/examples/python.txt");
        let of = |part: &str| parse(examples.split("§\n").find(|text| text.contains(part)).unwrap()).unwrap();
        let remote = of("RemoteTraceback");
        assert_eq!(remote.outermost.name, "Declined");
        assert_eq!(
            remote.causes.iter().map(|cause| cause.name).collect::<Vec<_>>(),
            ["Declined", "KeyError"]
        );
        let never_raised = of("never raised");
        assert_eq!((never_raised.outermost.name, never_raised.causes[0].name), ("ValueError", "KeyError"));
        let formatting = of("--- Logging error ---");
        assert_eq!(formatting.outermost.message, "not all arguments converted during string formatting");
        let syntax = of("never closed");
        assert_eq!((syntax.outermost.name, syntax.outermost.frames[0].source), ("SyntaxError", "foo("));
        let loguru = of("loguru-like").outermost;
        assert_eq!((loguru.name, &*loguru.frames[0].function), ("ValueError", "main"));
    }
}
