#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

fn of(text: &str) -> String {
    Fingerprint::of(&Trace::find(text, None).unwrap()).to_string()
}

/// A traceback of each language: `LINE` is a number of a line, `DIR` a directory, `VALUE` something in a message,
/// `FUNCTION` the application's innermost function, `TYPE` the type, `OUTER` what called it.
const TRACES: [(&str, &str); 8] = [
    (
        "python",
        "2026-01-02 03:04:LINE,678 ERROR shop: order VALUE\nTraceback (most recent call last):\n  File \"DIR/shop/web.py\", line LINE, in OUTER\n    x(VALUE)\n  File \"DIR/shop/cart.py\", line LINE, in FUNCTION\n    charge(card)\n    ~~~~~~^^^^^^\n  File \"DIR/lib/python3.11/site-packages/pay/api.py\", line LINE, in charge\n    raise\nshop.TYPEError: order VALUE\n",
    ),
    (
        "java",
        "ERROR order VALUE\nshop.TYPEException: order VALUE\n\tat java.base/java.util.Objects.requireNonNull(Objects.java:LINE)\n\tat shop.Cart.FUNCTION(Cart.java:LINE)\n\tat shop.Web$LINE.lambda$OUTER$LINE(Web.java:LINE)\nCaused by: java.io.IOException: VALUE\n\tat shop.Db.query(Db.java:LINE)\n\t... LINE more\n",
    ),
    (
        "go",
        "panic: order VALUE\n\ngoroutine LINE [running]:\nmain.(*Shop).FUNCTION(0xLINE, {0xVALUE, 0x2})\n\tDIR/src/main.go:LINE +0x1LINE\nmain.OUTER.func1()\n\tDIR/src/main.go:LINE +0x1d\n",
    ),
    (
        "javascript",
        "TYPEError: order VALUE\n    at Array.map (<anonymous>)\n    at Shop.FUNCTION (DIR/shop.js:LINE:7)\n    at OUTER (DIR/web.js:LINE:7) {\n  code: 'E'\n}\n",
    ),
    (
        "ruby",
        "DIR/shop.rb:LINE:in 'Shop#FUNCTION': order VALUE (Shop::TYPEError)\n\tfrom DIR/web.rb:LINE:in 'OUTER'\n",
    ),
    (
        "rust",
        "thread 'main' (LINE) panicked at DIR/src/main.rs:LINE:5:\norder VALUE\nstack backtrace:\n   0: core::panicking::panic_fmt\n             at /rustc/abc/library/core/src/panicking.rs:80:14\n   1: shop::FUNCTION\n             at DIR/src/main.rs:LINE:5\n   2: shop::OUTER\n             at DIR/src/main.rs:LINE:5\n",
    ),
    (
        "rust without a backtrace",
        "thread 'main' (LINE) panicked at DIR/FUNCTION.rs:LINE:5:\norder VALUE\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
    ),
    (
        "dotnet",
        "fail: Shop.Cart[0]\n      order VALUE\n      Shop.TYPEException: order VALUE\n         at System.Linq.Enumerable.First[T](IEnumerable`1 x)\n         at Shop.Cart.<FUNCTION>d__LINE.MoveNext() in DIR/src/Cart.cs:line LINE\n         at Shop.Web.OUTER() in DIR/src/Web.cs:line LINE\n",
    ),
];

fn filled(
    trace: &str,
    line: &str,
    dir: &str,
    value: &str,
    function: &str,
    name: &str,
    outer: &str,
) -> String {
    let with = [
        ("LINE", line),
        ("DIR", dir),
        ("VALUE", value),
        ("FUNCTION", function),
        ("TYPE", name),
        ("OUTER", outer),
    ];
    with.iter().fold(trace.to_owned(), |text, (key, value)| text.replace(key, value))
}

#[test]
fn the_same_error_has_one_fingerprint_wherever_and_with_whatever_it_happens() {
    for (language, trace) in TRACES {
        let one = of(&filled(trace, "7", "/srv/releases/20260102030405", "17", "pay", "Declined", "buy"));
        for other in [
            filled(trace, "8", "/srv/releases/20260102030405", "17", "pay", "Declined", "buy"),
            filled(trace, "7", "/home/bob/app", "17", "pay", "Declined", "buy"),
            filled(trace, "7", "/srv/releases/20260102030405", "4711", "pay", "Declined", "buy"),
            filled(trace, "7", "/srv/releases/20260102030405", "17", "pay", "Declined", "again"),
        ] {
            assert_eq!(of(&other), one, "{language}:\n{other}");
        }
    }
}

#[test]
fn other_functions_and_other_types_have_other_fingerprints() {
    for (language, trace) in TRACES {
        let text = |function, name| filled(trace, "7", "/srv", "17", function, name, "buy");
        assert_ne!(of(&text("pay", "Declined")), of(&text("refund", "Declined")), "{language}");
        let has_type = trace.contains("TYPE");
        assert_eq!(has_type, of(&text("pay", "Declined")) != of(&text("pay", "Lost")), "{language}");
    }
}

#[test]
fn other_causes_have_other_fingerprints_and_the_order_of_members_says_nothing() {
    let caused = |cause: &str| format!("Error: a\n\nCaused by:\n    0: b\n    1: {cause}\n");
    assert_eq!(of(&caused("refused (os error 111)")), of(&caused("refused (os error 112)")));
    assert_ne!(of(&caused("refused")), of(&caused("reset")));
    let group = |first: &str, second: &str| {
        format!(
            "  + Exception Group Traceback (most recent call last):\n  |   File \"a.py\", line 1, in f\n  |     x\n  | ExceptionGroup: several (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | {first}: 1\n    +---------------- 2 ----------------\n    | {second}: 2\n    +------------------------------------\n"
        )
    };
    assert_eq!(of(&group("KeyError", "ValueError")), of(&group("ValueError", "KeyError")));
    assert_ne!(of(&group("KeyError", "ValueError")), of(&group("KeyError", "TypeError")));
}

#[test]
fn without_a_call_the_message_counts_and_not_its_values() {
    let thrown = |message: &str| format!("ERROR it failed\njava.lang.IllegalStateException: {message}");
    assert_eq!(of(&thrown("order 17 of 'bob'")), of(&thrown("order 4711 of 'alice'")));
    assert_ne!(of(&thrown("no order 17")), of(&thrown("no card 17")));
}

const GOLDEN: [&str; 8] = [
    "4b0bff7346b95580",
    "74c1ad03d5e3a5f8",
    "d4b15474eb7e1a24",
    "65e6b279e93a5656",
    "053919ce2bee9778",
    "3033aa4b5b328713",
    "56ad96b6b505a767",
    "70ca96eff6c56c4a",
];

/// They are saved, alerted on and linked to: they stay what they are. Whoever must change this writes a new version
/// of the rule.
#[test]
fn fingerprints_are_what_they_were() {
    let found: Vec<_> = TRACES
        .iter()
        .map(|(_, trace)| of(&filled(trace, "7", "/srv", "17", "pay", "Declined", "buy")))
        .collect();
    assert_eq!(found, GOLDEN);
}

#[test]
fn they_are_read_as_they_are_written() {
    let one = Fingerprint(0x00ab_0000_0000_0001);
    assert_eq!(one.to_string(), "00ab000000000001");
    assert_eq!(Fingerprint::read("00ab000000000001"), Some(one));
    for text in ["", "00ab00000000000", "+0ab000000000001", "00ab00000000000g"] {
        assert_eq!(Fingerprint::read(text), None);
    }
}

proptest! {
    /// Any text, made of what means something to a language.
    #[test]
    fn any_text_is_read_and_what_is_found_is_part_of_it(
        lines in proptest::collection::vec(
            prop_oneof![
                "\\PC{0,40}",
                proptest::sample::select(
                    TRACES.iter().flat_map(|(_, trace)| trace.lines()).chain([
                        "  | x", "+-+---- 1", "\"\"\"", "[cause]: Error: x {", " ---> A.B: c ---> D: e", "Caused by: x",
                        "Suppressed: x", "at <<>.<>(", "panic(", "stack backtrace:", "Caused by:", "é: (é)", "'", "`",
                        "x:1:in ''", "at (", "<a>b__.<c", "$$", "/", "Traceback (most recent call last):",
                    ]).collect::<Vec<_>>()
                ).prop_map(str::to_owned),
            ],
            0..30,
        )
    ) {
        let text = lines.join("\n");
        if let Some(trace) = Trace::find(&text, None) {
            prop_assert!(text.contains(&*trace.text));
            prop_assert!(!trace.outermost.name.is_empty());
            let again = Trace::find(&text, None).unwrap();
            prop_assert_eq!(Fingerprint::of(&trace), Fingerprint::of(&again));
        }
        for language in ["python", "java", "go", "javascript", "ruby", "rust", "dotnet"] {
            let language = serde_json::from_str(&format!("\"{language}\"")).unwrap();
            let _ = Trace::find(&text, Some(language));
        }
        let _ = normal::message(&text);
    }
}
