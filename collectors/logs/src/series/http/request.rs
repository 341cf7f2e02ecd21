//! A request, as the line of an access log tells of it.

use vigie_pipeline::otlp::view::Value;

use super::route;
use crate::fields::{Fields, Hint};
use crate::method::Method;

/// See the module. Names are those of OpenTelemetry's conventions, also as they were before they were stable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Request<'f> {
    pub(crate) method: Method,
    /// Without the query; a fragment may follow.
    pub(crate) path: Option<&'f str>,
    /// What the application calls its route.
    pub(crate) route: Option<&'f str>,
    /// 100 to 999.
    pub(crate) status: u16,
    /// How long it took, in seconds.
    pub(crate) duration: Option<Value<'f>>,
    pub(crate) client: Option<&'f str>,
    pub(crate) agent: Option<&'f str>,
}

/// What was found of a request so far.
#[derive(Default)]
struct Finding<'f> {
    method: Option<&'f str>,
    path: Option<&'f str>,
    target: Option<&'f str>,
    route: Option<&'f str>,
    status: Option<Value<'f>>,
    duration: Option<Value<'f>>,
    client: Option<&'f str>,
    agent: Option<&'f str>,
}

/// The attributes that are looked at, where they may be nested.
const NAMES: [&str; 14] = [
    "http.request.method",
    "http.method",
    "url.path",
    "url.original",
    "url.full",
    "http.target",
    "http.url",
    "http.route",
    "http.response.status_code",
    "http.status_code",
    "http.server.request.duration",
    "client.address",
    "user_agent.original",
    "http.user_agent",
];

impl<'f> Finding<'f> {
    /// Keeps the value if it is one that is looked at: the others are not decoded.
    #[inline]
    fn take(&mut self, key: &[u8], value: impl FnOnce() -> Option<Value<'f>>) {
        let place = match key {
            b"http.request.method" | b"http.method" => &mut self.method,
            b"url.path" => &mut self.path,
            b"url.original" | b"url.full" | b"http.target" | b"http.url" => &mut self.target,
            b"http.route" => &mut self.route,
            b"http.response.status_code" | b"http.status_code" => return self.status = value(),
            b"http.server.request.duration" => return self.duration = value(),
            b"client.address" => &mut self.client,
            b"user_agent.original" | b"http.user_agent" => &mut self.agent,
            _ => return,
        };
        *place = match value() {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        };
    }
}

impl<'f> Request<'f> {
    /// As [`Self::of`], without the client and its agent: at once, where the parser has left a hint that still holds.
    pub(crate) fn counted_by(fields: &'f Fields) -> Option<Self> {
        Self::hinted(fields).or_else(|| Self::of(fields))
    }

    fn hinted(fields: &'f Fields) -> Option<Self> {
        let Hint { method, path, status } = fields.hint;
        let path = fields.view().pair_at(path?).filter(|pair| pair.is_called("url.path"))?;
        let Value::Text(path) = path.value()? else { return None };
        Some(Self {
            method: method?,
            // The parser found out that it is one, and where the query begins.
            path: if path.starts_with('/') { Some(path) } else { route::path_of(path) },
            route: None,
            status: status.filter(|status| (100..1000).contains(status))?,
            duration: None,
            client: None,
            agent: None,
        })
    }

    /// `None` if the record tells of no answered request.
    pub(crate) fn of(fields: &'f Fields) -> Option<Self> {
        let mut found = Finding::default();
        let mut nested = false;
        for pair in fields.view().pairs() {
            // What the names of those that may be nested begin with.
            nested |= matches!(pair.key, b"http" | b"url" | b"client" | b"user_agent");
            found.take(pair.key, || pair.value());
        }
        if nested {
            for name in NAMES {
                if let Some(value) = fields.get(name) {
                    found.take(name.as_bytes(), || Some(value));
                }
            }
        }
        let number = found.status?.number()?;
        let status = (100.0..1000.0).contains(&number).then_some(number as u16)?;
        Some(Self {
            method: found.method.map_or(Method::OTHER, Method::named),
            path: found.path.or(found.target).and_then(route::path_of),
            route: found.route,
            status,
            duration: found.duration,
            client: found.client,
            agent: found.agent,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use vigie_pipeline::otlp::attributes::field::LOG;
    use vigie_pipeline::otlp::edit;

    use super::*;
    use crate::config::Config;
    use crate::parse::format::LineFormat;
    use crate::parse::testing::understood;

    proptest! {
        #[test]
        fn a_hint_tells_what_is_found_without_it(
            method in "GET|POST|BREW|QUERY", target in "/[a-c/]{0,6}([?;#%][a-c]{0,3})?|\\*|http://x/a",
            status in "[0-9]{1,3}", removed in "client.address|url.path|user_agent.original|none",
        ) {
            let line = format!(
                "::1 - - [17/May/2015:10:05:03 +0000] \"{method} {target} HTTP/1.1\" {status} 5 \"-\" \"curl/8\""
            );
            let config = Config { parse: LineFormat::NginxCombined.into(), ..Config::default() };
            let mut fields = understood(&config, &line).unwrap().fields;
            // Stages before have changed what it points to.
            edit::remove(&mut fields.attributes, LOG, &removed);
            let counted = |request: Request<'_>| {
                let route = request.path.map(|path| route::segments(path).collect::<Vec<_>>().join("/"));
                (request.method, route, request.route.is_some(), request.status)
            };
            prop_assert_eq!(Request::counted_by(&fields).map(counted), Request::of(&fields).map(counted));
        }
    }
}
