//! What is secret or personal, taken out of records before anybody sees them, and out of whatever else is shown of a
//! text that others wrote.
//!
//! One pass over a text finds where a rule may have something to do ([`scanner`]); there the rule looks closely, by
//! hand and without going back: the time is linear in the text, whoever wrote it. Rules look at the text as it is
//! written and with its escapes resolved ([`view`]), so that JSON in JSON or a URL in a URL hides nothing. All that they
//! find is put together and replaced in [`engine`]; [`attributes`] does the same within encoded attributes, where also
//! the name of a field counts, and [`record`] for all of a record, so that what is secret in one place of it is so in
//! all. What was redacted once stays as it is.

mod attributes;
mod bearer;
mod bucket;
mod credit_card;
mod email;
mod engine;
mod iban;
mod ip;
mod keys;
mod names;
mod password;
mod record;
mod redactor;
mod rule;
mod scanner;
mod settings;
mod tokens;
mod url;
mod value;
mod view;

#[cfg(test)]
mod tests;

pub use redactor::{Error, Redactor};
pub use rule::Rule;
pub(crate) use settings::check;
pub use settings::{Redact, With};

/// What stands in the place of a secret.
pub const MASK: &str = "<redacted>";

/// `text` without what gives access: passwords, keys, tokens. What was redacted once stays as it is.
#[must_use]
pub fn redact(text: &str) -> String {
    let mut out = String::new();
    if Redactor::of_secrets().text(text, &mut out) { out } else { text.to_owned() }
}
