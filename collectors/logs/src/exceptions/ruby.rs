//! Exceptions of Ruby. The innermost call stands first: with the message where the interpreter prints it, below it
//! where a logger does. Causes stand below what they caused.

use super::lines::{Line, base_name, is_of_exception, lines};
use super::trace::{Frame, Raised, Trace};

/// See the module.
pub(super) fn parse(text: &str) -> Option<Trace<'_>> {
    let mut chain: Vec<Raised<'_>> = Vec::new();
    // What a logger says was raised: its places are to come.
    let mut header: Option<(&str, &str, usize)> = None;
    // Where the line of a logger begins, and its message.
    let mut entry: Option<(usize, usize)> = None;
    let mut start = None;
    for line in lines(text) {
        let logged = logged(line.text);
        if let Some(message) = logged {
            entry = Some((line.start, line.end - message.len()));
        }
        let said = logged.unwrap_or(line.trimmed());
        let said = said.strip_prefix("from ").unwrap_or(said);
        match place(said) {
            Some((frame, "")) => {
                if let Some((name, message, at)) = header.take() {
                    start.get_or_insert(at);
                    chain.push(Raised { name, message, ..Raised::default() });
                }
                if let Some(raised) = chain.last_mut() {
                    raised.frames.push(frame);
                }
            }
            Some((frame, raised)) => {
                let (name, message) = of_interpreter(raised.strip_prefix(": ").unwrap_or(raised));
                start.get_or_insert(line.end - said.len());
                header = None;
                chain.push(Raised { name, message, frames: vec![frame], is_member: false });
            }
            None => header = named(line).or_else(|| of_logger(text, line, entry)).or(header),
        }
    }
    Trace::of_chain(chain, text[start?..].trim_end())
}

/// `no stock (Shop::Declined)`
fn of_interpreter(said: &str) -> (&str, &str) {
    match said.strip_suffix(')').and_then(|said| said.rsplit_once('(')) {
        Some((message, name)) if is_class(name) => (name, message.trim_end()),
        // `exit` and `raise` without anything are of no class that is said.
        _ => ("RuntimeError", said),
    }
}

/// `RuntimeError (no stock):`, as Rails prints it.
fn named(line: Line<'_>) -> Option<(&str, &str, usize)> {
    let (name, message) = line.text.strip_suffix("):")?.split_once(" (")?;
    let name = name.rsplit(' ').next().unwrap_or(name);
    (is_class(name) && is_of_exception(name)).then_some((name, message, line.start))
}

/// `E, [… #12] ERROR -- shop: no stock`: the message.
fn logged(line: &str) -> Option<&str> {
    let (_, rest) = line.get(1..)?.strip_prefix(", [")?.split_once(" -- ")?;
    rest.split_once(": ").map(|(_, message)| message)
}

/// `no stock (Shop::Declined)`, in the last line of the message. Below the first paragraph the interpreter shows the
/// line of the source that failed.
fn of_logger<'t>(
    text: &'t str,
    line: Line<'t>,
    entry: Option<(usize, usize)>,
) -> Option<(&'t str, &'t str, usize)> {
    let (start, message) = entry.unwrap_or((line.start, line.start));
    let (message, name) = text[message..line.end].strip_suffix(')')?.rsplit_once(" (")?;
    let message = message.split_once("\n\n").map_or(message, |(message, _)| message);
    is_class(name).then_some((name, message, start))
}

/// `Shop::Declined`
fn is_class(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
}

/// `/srv/shop.rb:3:in 'block in Shop#pay'`, and what stands behind it.
fn place(text: &str) -> Option<(Frame<'_>, &str)> {
    let (place, rest) = text.split_once(":in ")?;
    let (path, number) = place.rsplit_once(':')?;
    if path.contains(' ') || number.is_empty() || !number.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let rest = rest.strip_prefix(['`', '\''])?;
    let end = rest.find("': ").or_else(|| rest.ends_with('\'').then(|| rest.len() - 1))?;
    let is_library =
        ["/gems/", "/lib/ruby/", "/rubygems/", "/vendor/bundle/"].iter().any(|part| path.contains(part))
            || path.starts_with("<internal:");
    let frame =
        Frame { function: method(&rest[..end]).into(), file: base_name(path), source: "", is_library };
    Some((frame, &rest[end + 1..]))
}

/// `pay` of `block (2 levels) in Shop::Cart#pay`: older interpreters leave the class out.
fn method(label: &str) -> &str {
    let label = label.rsplit(" in ").next().unwrap_or(label);
    match label.rfind(['#', '.']) {
        Some(at)
            if at > 0
                && at + 1 < label.len()
                && label.starts_with(|first: char| first.is_ascii_uppercase()) =>
        {
            &label[at + 1..]
        }
        _ => label,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn chain(part: &str) -> Vec<String> {
        let all = include_str!("../multiline/examples/ruby.txt");
        let trace = parse(all.split("§\n").find(|text| text.contains(part)).unwrap()).unwrap();
        let all = std::iter::once(trace.outermost).chain(trace.causes);
        let of = |raised: Raised<'_>| {
            let functions: Vec<_> = raised.frames.iter().map(|frame| &*frame.function).collect();
            format!("{}: {} [{}]", raised.name, raised.message, functions.join(" "))
        };
        all.map(of).collect()
    }

    #[test]
    fn the_interpreter_puts_the_message_behind_the_innermost_call_and_a_logger_above_it() {
        assert_eq!(
            chain("rescue in"),
            ["Shop::Declined: no stock [pay pay <main>]", "ZeroDivisionError: divided by 0 [/ pay <main>]"]
        );
        assert_eq!(chain("#4711] ERROR"), ["Shop::Declined: no stock [pay run loop <main>]"]);
        let undefined = "NoMethodError: undefined method 'lenght' for an instance of String [pay <main>]";
        assert_eq!(chain("lenght"), [undefined]);
        assert_eq!(chain("Causes:"), ["RuntimeError: no stock [pay create]", "IOError: gone [query]"]);
        assert_eq!(parse("E, [x] ERROR -- : no stock (Shop::Declined)\nno place"), None);
    }

    #[test]
    fn the_prefix_of_a_logger_and_the_source_that_is_shown_are_no_part_of_it() {
        let undefined =
            "NoMethodError: undefined method `fetch' for nil:NilClass [refund <main> each <main>]";
        assert_eq!(chain("E, [2026-11-22T09:13:32.225906 #26108]"), [undefined]);
        assert_eq!(chain("E, [2026-11-22T09:13:32.229739 #26108]"), [undefined]);
        let full = "Declined: order 17 [charge charge <main> each <main>]";
        let cause = "KeyError: no 17 [query charge <main> each <main>]";
        assert_eq!(chain("E, [2026-11-22T09:13:32.225882 #26108]"), [full, cause]);
        let named = parse("E, [x] ERROR -- shop: no stock (Declined)\nshop.rb:3:in `pay'").unwrap();
        assert_eq!((named.outermost.name, named.outermost.message), ("Declined", "no stock"));
    }

    #[test]
    fn gems_are_libraries() {
        let is_library = |path: &str| place(&format!("{path}:3:in 'x'")).unwrap().0.is_library;
        assert!(
            is_library("/usr/lib/ruby/gems/3.4.0/gems/rack-3/lib/rack.rb") && is_library("<internal:kernel>")
        );
        assert!(!is_library("app/models/cart.rb"));
    }
}
