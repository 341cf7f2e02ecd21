//! Names and messages without what differs from one build, one machine or one request to the next.

use std::sync::LazyLock;

use regex::Regex;

/// A longer name of a function is cut.
pub(super) const LONGEST_NAME: usize = 500;

/// So much of a message tells one error from another.
const MESSAGE: usize = 200;

/// `shop.Cart.lambda$pay` of `shop.Cart$2.lambda$pay$0`: without the numbers of anonymous and generated classes, of
/// lambdas and of hidden classes.
pub(super) fn java_name(called: &str) -> String {
    let (class, method) = called.rsplit_once('.').unwrap_or(("", called));
    // What a proxy generator adds, and where a hidden class was made.
    let class = class.split("$$").next().unwrap_or(class);
    let class = class.split('/').next().unwrap_or(class);
    let mut name = without_numbers_behind(class, '$');
    if !name.is_empty() {
        name.push('.');
    }
    name.push_str(&without_numbers_behind(method, '$'));
    name
}

/// Without parts between `mark`s that are numbers, or end in one if they are a proxy's.
fn without_numbers_behind(text: &str, mark: char) -> String {
    let mut out = String::with_capacity(text.len());
    for (place, part) in text.split(mark).enumerate() {
        let part = if part.starts_with("Proxy") {
            part.trim_end_matches(|c: char| c.is_ascii_digit())
        } else {
            part
        };
        if place == 0 {
            out.push_str(part);
        } else if !part.is_empty() && !part.bytes().all(|byte| byte.is_ascii_digit()) {
            out.push(mark);
            out.push_str(part);
        }
    }
    out
}

/// `main.(*Shop).pay.func` of `main.(*Shop).pay.func1.2`: without the numbers of closures and of what is deferred.
pub(super) fn go_name(called: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for (place, part) in called.split('.').enumerate() {
        let bare = part.trim_end_matches(|digit: char| digit.is_ascii_digit());
        match bare {
            "" if place > 0 && !part.is_empty() => {}
            "func" | "gowrap" | "deferwrap" => parts.push(bare),
            _ => parts.push(part),
        }
    }
    parts.join(".")
}

/// `shop::pay` of `shop::pay::h0123456789abcdef`: without the hash of the build.
pub(super) fn rust_name(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()) => name,
        _ => name,
    }
}

/// `Shop.Cart.PayAsync` of `Shop.Cart.<PayAsync>d__3.MoveNext`: what the compiler made of methods that wait, of
/// lambdas and of local functions, by the names that their authors gave them.
pub(super) fn dotnet_name(called: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = called;
    while !rest.is_empty() {
        // A name in angle brackets may have dots.
        let in_brackets = rest.starts_with('<');
        let from = if in_brackets { rest.rfind('>').unwrap_or(0) } else { 0 };
        let inner = rest.find('>').filter(|_| in_brackets);
        let from =
            inner.map_or(from, |first| if rest[first..].starts_with(">.") { first } else { balanced(rest) });
        let end = rest[from..].find(['.', '+']).map_or(rest.len(), |at| from + at);
        let (part, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        if let Some(name) = authored(part) {
            parts.push(name);
        }
    }
    // How a method that waits goes on.
    if called.ends_with(".MoveNext") && called.contains(">d__") {
        parts.pop();
    }
    parts.join(".")
}

/// Where the bracket ends with which `text` begins.
fn balanced(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    0
}

/// What the author wrote: nothing for the class that holds closures.
fn authored(part: &str) -> Option<String> {
    if let Some(inside) = part.strip_prefix('<') {
        let end = balanced(part);
        let name = inside.get(..end.saturating_sub(1)).unwrap_or_default();
        let name = name.trim_start_matches('<').split('>').next().unwrap_or(name);
        let local = part
            .get(end..)
            .and_then(|rest| rest.strip_prefix(">g__"))
            .and_then(|rest| rest.split('|').next());
        return match (name, local) {
            ("", _) => None,
            (name, Some(local)) => Some(format!("{name}.{local}")),
            (name, None) => Some(name.to_owned()),
        };
    }
    let name = part.split(['`', '[']).next().unwrap_or(part);
    (!name.is_empty()).then(|| name.to_owned())
}

/// A file name without the hash that a bundler gave it: `main.3f2a9c1b.js`.
pub(super) fn file_name(name: &str) -> String {
    let is_hash = |part: &str| {
        part.len() >= 6
            && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            && part.bytes().any(|byte| byte.is_ascii_digit())
    };
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while !rest.is_empty() {
        let end = rest.find(['.', '-']).unwrap_or(rest.len());
        out.push_str(if is_hash(&rest[..end]) { "#" } else { &rest[..end] });
        let mark = rest.len().min(end + 1);
        out.push_str(&rest[end..mark]);
        rest = &rest[mark..];
    }
    out
}

/// What stands in a message and is of one request: quoted text, numbers, identifiers.
static VALUES: LazyLock<Regex> = LazyLock::new(|| {
    let values = r#""[^"]*"|'[^']*'|`[^`]*`|<[^<> ]*>|\b0x[0-9A-Fa-f]+\b|\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b|\b[0-9A-Fa-f]*[0-9][0-9A-Fa-f]{7,}\b|\b[0-9A-Fa-f]{7,}[0-9][0-9A-Fa-f]*\b|[0-9]+"#;
    Regex::new(values).expect("a fixed pattern compiles")
});

/// The first line of a message with `#` for each value.
pub(super) fn message(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let looked_at = before(first, MESSAGE);
    VALUES.replace_all(looked_at, "#").trim().to_owned()
}

/// At most the first `most` bytes, whole characters.
pub(super) fn before(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compilers_number_is_left_out() {
        for (called, name) in [
            ("shop.Cart.pay", "shop.Cart.pay"),
            ("shop.Cart$2.lambda$pay$0", "shop.Cart.lambda$pay"),
            ("shop.Cart$$SpringCGLIB$$0.pay", "shop.Cart.pay"),
            ("shop.Cart$Line.<init>", "shop.Cart$Line.<init>"),
            ("jdk.proxy2.$Proxy12.pay", "jdk.proxy2.$Proxy.pay"),
            ("shop.Cart$$Lambda$14/0x0000000800c03000.run", "shop.Cart.run"),
        ] {
            assert_eq!(java_name(called), name);
        }
        for (called, name) in [
            ("main.(*Shop).pay.func1.2", "main.(*Shop).pay.func"),
            ("main.main.gowrap1", "main.main.gowrap"),
            ("example.com/shop/v2.Pay", "example.com/shop/v2.Pay"),
            ("main.sha256", "main.sha256"),
        ] {
            assert_eq!(go_name(called), name);
        }
        for (called, name) in [
            ("Shop.Cart.Pay", "Shop.Cart.Pay"),
            ("Shop.Cart.<PayAsync>d__3.MoveNext", "Shop.Cart.PayAsync"),
            ("Shop.Program.<>c.<<Main>$>b__0_0", "Shop.Program.Main"),
            ("Program.<Main>$", "Program.Main"),
            ("Shop.Cart.<>c__DisplayClass3_0.<Pay>b__0", "Shop.Cart.Pay"),
            ("Shop.Cart.<Pay>g__Check|3_0", "Shop.Cart.Pay.Check"),
            ("System.Collections.Generic.List`1.get_Item", "System.Collections.Generic.List.get_Item"),
            ("Shop.Cart+Line..ctor", "Shop.Cart.Line.ctor"),
        ] {
            assert_eq!(dotnet_name(called), name);
        }
        assert_eq!(rust_name("shop::pay::h0123456789abcdef"), "shop::pay");
        assert_eq!(rust_name("shop::help"), "shop::help");
        assert_eq!(file_name("main.3f2a9c1b.js"), "main.#.js");
        assert_eq!(file_name("chunk-2FA9B1-x.decade.js"), "chunk-#-x.decade.js");
    }

    #[test]
    fn values_are_no_part_of_a_message() {
        for (said, message_of) in [
            ("order 17 of \"bob\" at 10.0.0.1:80", "order # of # at #.#.#.#:#"),
            ("no 0x7f12 for 5c3af1de-1111-2222-3333-444455556666", "no # for #"),
            ("commit 3f2a9c1b0d of <email:4f2a>", "commit # of #"),
            ("first\nsecond", "first"),
            ("a facade, decorated", "a facade, decorated"),
        ] {
            assert_eq!(message(said), message_of);
        }
    }
}
