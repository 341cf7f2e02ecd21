#![allow(clippy::unwrap_used)]

use super::auto::tests::SAMPLES;
use super::format::Parse;
use super::testing::understood;
use crate::config::Config;

#[test]
fn no_format_loses_the_lines_behind_the_first_one() {
    const BEHIND: &str = "\nsecond: \"line\"\n  third=1";
    for (name, line) in SAMPLES {
        let record = format!("{line}{BEHIND}");
        let parse: Parse = serde_json::from_value(name.into()).unwrap();
        for field in ["message", "msg"] {
            let config = Config { parse: parse.clone(), body: Some(field.to_owned()), ..Config::default() };
            // What is not understood stays whole, as what has no such field.
            let body = understood(&config, &record).ok().and_then(|found| found.fields.body);
            let body = body.unwrap_or_else(|| record.clone());
            assert!(body.ends_with(BEHIND), "{name}: {body}");
        }
    }
}
