//! Any lines of containers and of events, read in any pieces: the records do not depend on the pieces, and none of
//! the text is missing.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use vigie_fuzz::records::{attribute, body, decoded};
use vigie_fuzz::{byte, take};
use vigie_logs::fuzz::records;
use vigie_logs::{Config, LineFormat, Multiline, Preset};

/// Lines that mean something to a rule.
const WORDS: &[&str] = &[
    "Traceback (most recent call last):",
    "  File \"a.py\", line 1, in f",
    "ValueError: x",
    "During handling of the above exception, another exception occurred:",
    "  + Exception Group Traceback (most recent call last):",
    "  | x",
    "java.lang.Error: x",
    "\tat a.B.c(B.java:1)",
    "Caused by: java.lang.Error: y",
    "panic: x",
    "goroutine 1 [running]:",
    "main.main()",
    "/app/a.js:3",
    "   ^",
    "    at f (/app/a.js:3:7) {",
    "}",
];

/// The same for the languages that came later.
const MORE_WORDS: &[&str] = &[
    "ERROR it failed",
    "INFO fine",
    "shop.rb:3:in 'Shop#pay': no stock (Declined)",
    "\tfrom shop.rb:5:in `<main>'",
    "RuntimeError (no stock):",
    "Causes:",
    "thread 'main' (1) panicked at src/main.rs:4:5:",
    "stack backtrace:",
    "   0: shop::pay",
    "note: run with `RUST_BACKTRACE=1`",
    "Caused by:",
    "fail: Shop.Cart[0]",
    "System.Exception: x",
    " ---> System.Exception: y",
    "   at Shop.Pay() in /a.cs:line 4",
    "   --- End of inner exception stack trace ---",
    "2026-01-02 03:04:05.678 UTC [7] ERROR:  x",
    "2026-01-02 03:04:05.678 UTC [7] STATEMENT:  SELECT",
    "\tFROM x",
    "E, [2026-01-02T03:04:05.678901 #7] ERROR -- : x",
    "shop.rb:3:in `pay': x (Shop::Declined)",
    "\tfrom shop.rb:17:in `<main>'",
];

fn multiline(choice: u8) -> Option<Multiline> {
    let rule = |preset| Some(Multiline { preset: Some(preset), ..Multiline::default() });
    match choice {
        0 => rule(Preset::Python),
        1 => rule(Preset::Java),
        2 => rule(Preset::Go),
        3 => rule(Preset::Javascript),
        4 => Some(Multiline { start: Some(r"^\S".to_owned()), ..Multiline::default() }),
        5 => Some(Multiline { goes_on: Some(r"^\s".to_owned()), ..Multiline::default() }),
        7 => rule(Preset::Ruby),
        8 => rule(Preset::Rust),
        9 => rule(Preset::Dotnet),
        10 => rule(Preset::Postgres),
        _ => None,
    }
}

/// Without what joining adds and what trimming takes.
fn squeezed(text: &str) -> String {
    text.chars().filter(|char| !char.is_whitespace() && *char != '\0').collect()
}

fuzz_target!(|data: &[u8]| {
    let mut data = data;
    let choice = byte(&mut data);
    // A part may end within a character: what the parts are as text then is not what the whole is.
    let is_text = choice < 128;
    let format = [LineFormat::None, LineFormat::Cri, LineFormat::Docker][usize::from(choice % 3)].clone();
    let words = if choice / 3 % 11 < 7 { WORDS } else { MORE_WORDS };
    let max_line = "16MiB".parse().expect("a size");
    let config = Config {
        name: "fuzz".into(),
        parse: format.clone().into(),
        multiline: multiline(choice / 3 % 11),
        max_line,
        ..Config::default()
    };

    let mut pieces: Vec<Vec<u8>> = vec![Vec::new()];
    // The lines that were written: to stdout, to stderr, and to neither; and whether the last one goes on.
    let mut written = [const { Vec::<String>::new() }; 3];
    let mut goes_on = [false; 3];
    while !data.is_empty() {
        let step = byte(&mut data);
        let text: Vec<u8> = if step & 64 == 0 {
            words[usize::from(step % 64) % words.len()].as_bytes().to_vec()
        } else {
            take(&mut data, usize::from(step % 64)).iter().copied().filter(|byte| *byte != b'\n').collect()
        };
        let text = if is_text { String::from_utf8_lossy(&text).into_owned().into_bytes() } else { text };
        if step & 128 != 0 {
            pieces.push(Vec::new());
        }
        let (stream, is_part) = match format {
            LineFormat::None => (2, false),
            _ => (usize::from(step >> 4 & 1), step >> 5 & 1 == 1),
        };
        let name = ["stdout", "stderr", ""][stream];
        let readable = String::from_utf8_lossy(&text).into_owned();
        let line = match format {
            LineFormat::Cri => {
                let head = format!("2026-01-02T03:04:05Z {name} {} ", if is_part { "P" } else { "F" });
                [head.as_bytes(), &text].concat()
            }
            LineFormat::Docker => {
                let end = if is_part { "" } else { "\n" };
                let log = serde_json::to_string(&format!("{readable}{end}")).expect("a text");
                format!(r#"{{"log":{log},"stream":"{name}","time":"2026-01-02T03:04:05Z"}}"#).into_bytes()
            }
            _ => text,
        };
        match written[stream].last_mut() {
            Some(last) if goes_on[stream] => last.push_str(&readable),
            _ => written[stream].push(readable),
        }
        goes_on[stream] = is_part;
        let piece = pieces.last_mut().expect("there is one");
        piece.extend(line);
        piece.push(b'\n');
    }
    let in_pieces = decoded(&records(&config, pieces.iter().map(Vec::as_slice)));
    let whole = pieces.concat();
    let at_once = decoded(&records(&config, [whole.as_slice()]));
    assert_eq!(in_pieces, at_once);
    if format == LineFormat::Cri && !is_text {
        return;
    }
    let mut read = [const { Vec::<String>::new() }; 3];
    for record in &at_once {
        let stream = attribute(record, "log.iostream").map(|value| format!("{value:?}"));
        let slot = stream.map_or(2, |stream| usize::from(stream.contains("stderr")));
        read[slot].push(body(record).to_owned());
    }
    for (read, written) in read.iter().zip(&written) {
        assert_eq!(squeezed(&read.concat()), squeezed(&written.concat()));
        if format != LineFormat::None && config.multiline.is_none() {
            let lines = written.iter().map(|line| line.strip_suffix('\r').unwrap_or(line));
            assert!(lines.filter(|line| !line.is_empty()).eq(read), "{read:?} was {written:?}");
        }
    }
});
