#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;
use vigie_pipeline::check::Place;
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::secret::Secret;
use vigie_pipeline::units::{ByteSize, HumanDuration};

use super::*;

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Shop {
    port: u16,
    open: bool,
    ratio: f64,
    label: Option<String>,
    wait: HumanDuration,
    room: ByteSize,
    items: Vec<Item>,
    tags: BTreeMap<String, String>,
    key: Option<Secret>,
    file: Option<FilePath>,
    pay: Pay,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    name: String,
    #[serde(default)]
    price: u32,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Pay {
    #[default]
    Cash,
    Card(String),
    Later {
        days: u8,
    },
}

impl Check for Shop {
    fn check(&self, at: &mut Place<'_>) {
        let items = at.key("items");
        items.unique("name", self.items.iter().map(|item| item.name.as_str()));
        for (at, item) in items.each(&self.items) {
            if item.price > 99 {
                at.key("price").wrong(format_args!("{} is too much", item.price));
            }
        }
        if let Some(label) = self.label.as_ref().filter(|label| label.contains('!')) {
            at.key("label").wrong(format_args!("`{label}` shouts"));
        }
        if self.ratio < 0.0 {
            at.key("ratio").wrong("below 0");
        }
    }
}

fn variables() -> Variables {
    Variables::from_iter([
        ("PORT", "8080"),
        ("OPEN", "true"),
        ("WAIT", "5s"),
        ("LOUD", "hunter2!"),
        ("BAD", "x y z"),
    ])
}

fn load_all(files: &[(&str, &str)]) -> Result<Shop, String> {
    let variables = variables();
    let mut layers = Layers::new(&variables);
    for (name, text) in files {
        layers.text(Source::from_text(*name, text));
    }
    layers.finish(|_| Ok(())).map(|(shop, _)| shop).map_err(|mistakes| mistakes.to_string())
}

fn load(text: &str) -> Result<Shop, String> {
    load_all(&[("/etc/shop.yaml", text)])
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    assert_eq!(load(text).unwrap_err().replace("/etc/shop.yaml:", ""), expected);
}

#[test]
fn every_kind_of_value_is_read() {
    let shop = load(
        "port: ${PORT}\nopen: '${OPEN}'\nratio: 1\nlabel: ${NONE:-a}b\nwait: ${WAIT}\nroom: 64KiB\nkey: k\n\
         items: [{ name: x, price: 7 }]\ntags: { 1: a }\nfile: cert.pem\npay: { later: { days: 3 } }\n",
    );
    assert_eq!(
        shop.unwrap(),
        Shop {
            port: 8080,
            open: true,
            ratio: 1.0,
            label: Some("ab".into()),
            wait: HumanDuration::secs(5),
            room: ByteSize::kib(64),
            items: vec![Item { name: "x".into(), price: 7 }],
            tags: BTreeMap::from([("1".into(), "a".into())]),
            key: Some(Secret::new("k")),
            file: Some(FilePath::from("/etc/cert.pem")),
            pay: Pay::Later { days: 3 },
        }
    );
    assert_eq!(load("pay: { card: visa }").unwrap().pay, Pay::Card("visa".into()));
    assert_eq!(load("pay: cash").unwrap().pay, Pay::Cash);
}

#[test]
fn nothing_is_the_default() {
    for nothing in ["", "# only a comment\n", "---\n", "\u{feff}", "items:\nport:\npay:\ntags:\n", "~"] {
        assert_eq!(load(nothing).unwrap(), Shop::default(), "{nothing:?}");
    }
}

#[test]
fn all_mistakes_are_told_in_order_with_their_places() {
    refused(
        "items:\n  - name: a\n    prise: 5\n  - { price: x }\n  - name: [b]\nprot: 1\nport: 70000\nopen: maybe\n",
        "3:5: items[0].prise: unknown key (did you mean `price`?); known are `name`, `price`\n\
         4:5: items[1]: the required key `name` is missing\n\
         4:14: items[1].price: expected a whole number, 0 or more, found the string `x`\n\
         5:5: items[2].name: expected a string, found a list\n\
         6:1: prot: unknown key (did you mean `port`?); known are `port`, `open`, `ratio`, `label`, `wait`, `room`, \
         `items`, `tags`, `key`, `file`, `pay`\n\
         7:7: port: expected a whole number from 0 to 65535, found the number `70000`\n\
         8:7: open: expected `true` or `false`, found the string `maybe`",
    );
}

#[test]
fn all_semantic_mistakes_are_told_with_their_places() {
    refused(
        "ratio: -1\nitems:\n  - { name: a }\n  - { name: b, price: 100 }\n  - { name: a }\n",
        "1:8: ratio: below 0\n\
         4:23: items[1].price: 100 is too much\n\
         5:13: items[2].name: `a` is already taken at /etc/shop.yaml:3:13"
            .replace("/etc/shop.yaml:", "")
            .as_str(),
    );
}

#[test]
fn an_enum_says_what_it_knows() {
    let known = "`cash`, `card`, `later`";
    refused(
        "pay: cart",
        &format!("1:6: pay: unknown value `cart` (did you mean `card`?); known are {known}"),
    );
    refused("pay: card", "1:6: pay: `card` needs a value: write `{ card: … }`");
    refused("pay: { cash: 1 }", "1:14: pay.cash: `cash` takes no value: write `cash`");
    refused(
        "pay: { crad: 1 }",
        &format!("1:8: pay.crad: unknown value `crad` (did you mean `card`?); known are {known}"),
    );
    refused("pay: { card: x, later: {} }", &format!("1:1: pay: expected exactly one of these keys: {known}"));
    refused("pay: [card]", &format!("1:1: pay: expected one of these: {known}"));
    refused(
        "pay: { later: { dais: 1 } }",
        "1:17: pay.later.dais: unknown key (did you mean `days`?); known are `days`",
    );
}

#[test]
fn wrong_types_say_what_to_do() {
    refused("label: 1.10", "1:8: label: expected a string, found the number `1.1` (put it in quotes)");
    refused("port: '80'", "1:7: port: expected a whole number from 0 to 65535, found the string `80`");
    refused("port: -1", "1:7: port: expected a whole number from 0 to 65535, found the number `-1`");
    refused("items: {}", "1:1: items: expected a list, found a mapping");
    refused("items: [[a, 1]]", "1:9: items[0]: expected a mapping, found a list");
    refused("tags: x", "1:7: tags: expected a mapping, found the string `x`");
}

#[test]
fn a_message_is_one_line_of_bounded_length() {
    refused(
        "\"a\\nb\\e[2J\": 1",
        "1:1: a\\nb\\u{1b}[2J: unknown key; known are `port`, `open`, `ratio`, `label`, `wait`, `room`, `items`, `tags`, `key`, `file`, `pay`",
    );
    let told = load(&format!("port: {}", "x".repeat(5000))).unwrap_err();
    assert!(told.ends_with("found a long string"), "{told}");
    let told = load(&format!("{}: 1", "x".repeat(900))).unwrap_err();
    assert!(told.len() < 2000, "{told}");
}

#[test]
fn what_is_no_yaml_is_told_where() {
    refused(
        "a: [1,\nb: 2\n",
        "3:1: not YAML: did not find expected ',' or ']', while parsing a flow sequence at line 1 column 4",
    );
    refused("items:\n\t- a\n", "2:1: a tab indents this line: YAML allows spaces only");
    refused("port: 1\nport: 2\n", "2:1: port: the key is there twice");
    refused("port: 1\n---\nport: 2\n", "2:1: a second document starts here: one file holds one document");
    refused("- a\n", "1:1: the top level must be a mapping of sections, found a list");
    refused("port: !big 1\n", "1:7: port: YAML tags are not supported: remove the word that starts with `!`");
    refused("label: *x\n", "1:8: the alias names an anchor that is not there");
    refused("tags: { <<: {} }\n", "1:9: tags.<<: YAML merge keys are not supported: write the members out");
    refused(
        "? [a]\n: b\n",
        "1:3: a list or a mapping cannot be a key: quote a text that starts with `[` or `{`",
    );
    refused("port: 99999999999999999999\n", "1:7: port: the number is too large");
}

#[test]
fn what_explodes_is_refused() {
    let deep = format!("tags: {}{}", "[".repeat(200), "]".repeat(200));
    assert!(load(&deep).unwrap_err().contains("nested too deeply: at most 128 levels"));
    let bomb = (1..9).fold("l0: &l0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
        let alias = format!("*l{}", n - 1);
        format!("{text}l{n}: &l{n} [{}]\n", vec![alias; 9].join(", "))
    });
    let told = load(&bomb).unwrap_err();
    assert!(told.starts_with("/etc/shop.yaml:") && told.contains("aliases"), "{told}");
    assert!(told.lines().count() == 1 && told.matches(':').count() > 3, "{told}");
}

#[test]
fn no_message_shows_what_was_expanded_or_is_secret() {
    refused(
        "port: ${LOUD}",
        "1:7: port: expected a whole number from 0 to 65535, but `${LOUD}` expands to something else",
    );
    refused("wait: ${BAD}", "1:7: wait: what `${BAD}` expands to is not accepted here");
    refused("label: ${LOUD}", "1:8: label: `${LOUD}` shouts");
    refused("key: 12345", "1:6: key: expected a string (put it in quotes)");
    refused("key: hunter2!\nlabel: hunter2!", "2:8: label: `<secret>` shouts");
    refused(
        "pay: ${LOUD}",
        "1:6: pay: expected one of `cash`, `card`, `later`, but `${LOUD}` expands to something else",
    );
    assert!(!format!("{:?}", load("key: hunter2").unwrap()).contains("hunter2"));
}

#[test]
fn what_cannot_be_expanded_is_told_at_its_value() {
    refused(
        "label: a\nitems:\n  - name: ${NONE}\n  - name: ${file:none}\n",
        "3:11: items[0].name: the environment variable NONE is not set, and there is no default (`${NONE:-…}`)\n\
         4:11: items[1].name: open /etc/none: no such file or directory",
    );
}

#[test]
fn files_are_merged() {
    let shop = load_all(&[
        ("/a.yaml", "port: 1\ntags: { x: a }\nitems: [{ name: a }]\nopen:\n"),
        ("/b.yaml", "open: true\ntags: { y: b }\nitems: [{ name: b }]\n"),
    ]);
    let shop = shop.unwrap();
    assert_eq!((shop.port, shop.open, shop.tags.len()), (1, true, 2));
    assert_eq!(shop.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn files_that_contradict_each_other_are_refused_naming_both() {
    let told = load_all(&[
        ("/a.yaml", "port: 1\ntags: { x: a }\nlabel: x"),
        ("/b.yaml", "# b\nport: 1\ntags:\n  x: b\nlabel: []\n"),
    ]);
    assert_eq!(
        told.unwrap_err(),
        "/b.yaml:2:7: port: set twice, first at /a.yaml:1:7\n\
         /b.yaml:4:6: tags.x: set twice, first at /a.yaml:2:12\n\
         /b.yaml:5:1: label: is a list here, but a string at /a.yaml:3:8"
    );
    let told = load_all(&[
        ("/a.yaml", "items: [{ name: a }, { name: b }]"),
        ("/b.yaml", "items: [{ name: c }, { name: b, price: 1 }, { name: d, price: 1.5 }]"),
    ]);
    assert_eq!(
        told.unwrap_err(),
        "/b.yaml:1:63: items[2].price: expected a whole number, 0 or more, found the number `1.5`"
    );
    let told = load_all(&[
        ("/a.yaml", "items: [{ name: a }, { name: b }]"),
        ("/b.yaml", "items: [{ name: c }, { name: b }]"),
    ]);
    assert_eq!(told.unwrap_err(), "/b.yaml:1:30: items[1].name: `b` is already taken at /a.yaml:1:30");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r"([a-z:\-\[\]\{\},&*!|>'#%@`$~?\t \n]|port|items|name|é|\$\{|\}){0,60}") {
        let _ = load(&text);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.yaml");
        std::fs::write(&path, bytes).unwrap();
        let variables = variables();
        let mut layers = Layers::new(&variables);
        layers.file(&path);
        let _ = layers.finish::<Shop>(|_| Ok(()));
    }
}
