//! The rules by name.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// What a rule of redaction knows by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Addresses of mail.
    Email,
    /// IPv4 and IPv6 addresses.
    Ip,
    /// Numbers of payment cards, by issuer and check digit; card verification codes by their key.
    CreditCard,
    /// Numbers of bank accounts, by country and check digits.
    Iban,
    /// Credentials of HTTP: Bearer, Basic, Digest, and whatever an `Authorization` header has.
    Bearer,
    /// JSON Web Tokens.
    Jwt,
    /// Keys and tokens of well-known services by their prefix, private keys, and values of keys such as `api_key`.
    ApiKey,
    /// Passwords in URLs, and values of keys such as `password`, `token`, `secret`, `session`, `cookie`.
    Password,
}

impl Rule {
    /// All of them, in the order in which they win where two find the same.
    pub const ALL: [Self; 8] = [
        Self::Jwt,
        Self::Bearer,
        Self::ApiKey,
        Self::Password,
        Self::CreditCard,
        Self::Iban,
        Self::Email,
        Self::Ip,
    ];

    /// Those that find what gives access.
    pub const SECRETS: [Self; 4] = [Self::Jwt, Self::Bearer, Self::ApiKey, Self::Password];

    /// As the configuration has it, and the label `rule`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Ip => "ip",
            Self::CreditCard => "credit_card",
            Self::Iban => "iban",
            Self::Bearer => "bearer",
            Self::Jwt => "jwt",
            Self::ApiKey => "api_key",
            Self::Password => "password",
        }
    }
}

/// What the configuration calls by a name: a rule, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    All,
    One(Rule),
}

impl Known {
    const NAMES: [&str; Rule::ALL.len() + 1] = {
        let mut names = [Self::All.as_str(); Rule::ALL.len() + 1];
        let mut at = 0;
        while at < Rule::ALL.len() {
            names[at + 1] = Rule::ALL[at].as_str();
            at += 1;
        }
        names
    };

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::One(rule) => rule.as_str(),
        }
    }
}

impl Serialize for Known {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Named;
        impl Visitor<'_> for Named {
            type Value = Known;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a rule")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Known, E> {
                let mut known = std::iter::once(Known::All).chain(Rule::ALL.map(Known::One));
                known
                    .find(|known| known.as_str() == name)
                    .ok_or_else(|| E::unknown_variant(name, &Known::NAMES))
            }
        }
        from.deserialize_str(Named)
    }
}

impl JsonSchema for Known {
    fn schema_name() -> Cow<'static, str> {
        "RedactionRule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::NAMES })
    }
}
