//! The cookies of one run, by the rules of RFC 6265: what a response sets goes with the requests that follow, to the
//! hosts and paths that it is meant for.
//!
//! A jar lives as long as a run and has what the hosts that were asked in it have set. There is no list of public
//! suffixes: a cookie for a domain without a dot in it is not taken, any other that the host is below is. At most 50
//! cookies are kept, of 4 KiB each.

use std::net::IpAddr;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use super::target::Target;

/// RFC 6265, 6.1.
const MOST: usize = 50;
const LONGEST: usize = 4_096;

#[derive(Clone, PartialEq, Eq)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// Only for `domain` itself, not for what is below it.
    host_only: bool,
    path: String,
    secure: bool,
    /// In Unix time, seconds; `None`: not within a run.
    expires: Option<i64>,
}

/// See the module.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in crate::probes) struct Jar {
    cookies: Vec<Cookie>,
}

impl std::fmt::Debug for Jar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} cookies", self.cookies.len())
    }
}

impl Jar {
    /// Takes what a response of `from` sets; `now` is in Unix time, seconds.
    pub(super) fn store(&mut self, from: &Target, headers: &HeaderMap, now: i64) {
        for header in headers.get_all(SET_COOKIE) {
            let Some(cookie) = header.to_str().ok().and_then(|text| parse(text, from, now)) else { continue };
            let same = |own: &Cookie| {
                own.name == cookie.name && own.domain == cookie.domain && own.path == cookie.path
            };
            self.cookies.retain(|own| !same(own));
            let expired = cookie.expires.is_some_and(|expires| expires <= now);
            if !expired && self.cookies.len() < MOST {
                self.cookies.push(cookie);
            }
        }
    }

    /// What is sent to `target`, if anything: those with longer paths first, then the older ones.
    pub(super) fn header(&self, target: &Target, now: i64) -> Option<HeaderValue> {
        let (host, path) = (target.host(), target.path());
        let mut sent: Vec<&Cookie> =
            self.cookies.iter().filter(|own| own.goes_to(target, &host, path, now)).collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> = sent.iter().map(|own| format!("{}={}", own.name, own.value)).collect();
        if pairs.is_empty() {
            return None;
        }
        let mut value = HeaderValue::from_str(&pairs.join("; ")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The values of all of them.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.cookies.iter().map(|cookie| cookie.value.as_str())
    }
}

impl Cookie {
    fn goes_to(&self, target: &Target, host: &str, path: &str, now: i64) -> bool {
        let domain = if self.host_only { host == self.domain } else { is_within(host, &self.domain) };
        let path = path == self.path
            || path
                .strip_prefix(self.path.as_str())
                .is_some_and(|rest| self.path.ends_with('/') || rest.starts_with('/'));
        let alive = self.expires.is_none_or(|expires| expires > now);
        domain && path && alive && (target.is_https() || !self.secure)
    }
}

/// `host` is `domain`, or a name below it.
fn is_within(host: &str, domain: &str) -> bool {
    let below = host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    host == domain || (below && host.parse::<IpAddr>().is_err())
}

/// One `Set-Cookie`; nothing if it is none, or not the host's to set.
fn parse(text: &str, from: &Target, now: i64) -> Option<Cookie> {
    if text.len() > LONGEST {
        return None;
    }
    let mut parts = text.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() {
        return None;
    }
    let host = from.host();
    let mut cookie = Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        domain: host.clone(),
        host_only: true,
        path: default_path(from.path()),
        secure: false,
        expires: None,
    };
    let mut age = None;
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "domain" => {
                let domain = value.strip_prefix('.').unwrap_or(value).to_ascii_lowercase();
                if domain.is_empty() {
                    continue;
                }
                let own = domain == host;
                if !is_within(&host, &domain) || (!own && !domain.contains('.')) {
                    return None;
                }
                cookie.host_only = own && host.parse::<IpAddr>().is_ok();
                cookie.domain = domain;
            }
            "path" if value.starts_with('/') => cookie.path = value.to_owned(),
            "secure" => cookie.secure = true,
            "max-age" => age = value.parse::<i64>().ok().or(age),
            "expires" => cookie.expires = date(value).or(cookie.expires),
            _ => {}
        }
    }
    if let Some(age) = age {
        cookie.expires = Some(now.saturating_add(age.max(0)));
    }
    let allowed = !cookie.secure || from.is_https();
    allowed.then_some(cookie)
}

/// RFC 6265, 5.1.4: up to the last slash, but not with it.
fn default_path(path: &str) -> String {
    match path.rfind('/') {
        Some(0) | None => "/".to_owned(),
        Some(end) => path[..end].to_owned(),
    }
}

/// `Wed, 21 Oct 2015 07:28:00 GMT`, also with dashes, in Unix time.
fn date(text: &str) -> Option<i64> {
    static PARSER: jiff::fmt::rfc2822::DateTimeParser = jiff::fmt::rfc2822::DateTimeParser::new();
    Some(PARSER.parse_timestamp(text.replace('-', " ")).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_000_000_000;

    fn target(url: &str) -> Target {
        Target::parse(url).unwrap()
    }

    /// What is sent to `to` after `from` has set all of these.
    fn sent(from: &str, set: &[&str], to: &str) -> String {
        let mut headers = HeaderMap::new();
        for text in set {
            headers.append(SET_COOKIE, HeaderValue::from_str(text).unwrap());
        }
        let mut jar = Jar::default();
        jar.store(&target(from), &headers, NOW);
        let header = jar.header(&target(to), NOW);
        header.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    #[test]
    fn a_cookie_goes_to_its_host_alone_unless_it_has_a_domain() {
        let shop = "https://shop.example.org/";
        assert_eq!(sent(shop, &["a=1"], "https://shop.example.org/x"), "a=1");
        assert_eq!(sent(shop, &["a=1"], "https://x.shop.example.org/"), "");
        assert_eq!(sent(shop, &["a=1; Domain=example.org"], "https://api.example.org/"), "a=1");
        assert_eq!(sent(shop, &["a=1; domain=.EXAMPLE.org"], "https://example.org/"), "a=1");
        for domain in ["org", "other.example.org", "ple.org", "x.shop.example.org"] {
            assert_eq!(sent(shop, &[&format!("a=1; Domain={domain}")], shop), "", "{domain}");
        }
        assert_eq!(sent("http://10.0.0.1/", &["a=1; Domain=0.0.1"], "http://10.0.0.1/"), "");
        assert_eq!(sent("http://10.0.0.1/", &["a=1; Domain=10.0.0.1"], "http://10.0.0.1/"), "a=1");
        assert_eq!(sent("http://localhost/", &["a=1; Domain=localhost"], "http://localhost/"), "a=1");
    }

    #[test]
    fn a_path_covers_what_is_below_it() {
        let set = ["a=1; Path=/app", "b=2", "c=3; Path=/"];
        assert_eq!(sent("http://x/app/login", &set, "http://x/app/home"), "a=1; b=2; c=3");
        assert_eq!(sent("http://x/app/login", &set, "http://x/app"), "a=1; b=2; c=3");
        assert_eq!(sent("http://x/app/login", &set, "http://x/application"), "c=3");
    }

    #[test]
    fn what_is_secure_stays_in_tls() {
        assert_eq!(sent("https://x/", &["a=1; Secure"], "https://x/"), "a=1");
        assert_eq!(sent("https://x/", &["a=1; Secure"], "http://x/"), "");
        assert_eq!(sent("http://x/", &["a=1; Secure"], "https://x/"), "");
    }

    #[test]
    fn what_has_expired_is_gone_and_age_counts_more_than_a_date() {
        let x = "http://x/";
        assert_eq!(sent(x, &["a=1", "a=2; Max-Age=0"], x), "");
        assert_eq!(sent(x, &["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], x), "");
        assert_eq!(sent(x, &["a=1; expires=Wed, 21-Oct-2015 07:28:00 GMT"], x), "a=1");
        assert_eq!(sent(x, &["a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], x), "a=1");
        assert_eq!(sent(x, &["a=1", "b=3", "a=2"], x), "b=3; a=2");
    }

    #[test]
    fn a_jar_is_not_shown_and_not_filled_without_end() {
        let many: Vec<String> = (0..60).map(|n| format!("c{n}=secret")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(sent("http://x/", &many, "http://x/").split("; ").count(), MOST);
        let long = format!("a={}", "x".repeat(LONGEST));
        assert_eq!(sent("http://x/", &[&long], "http://x/"), "");
        let jar = Jar { cookies: vec![] };
        assert_eq!(format!("{jar:?}"), "0 cookies");
    }

    proptest! {
        #[test]
        fn any_text_is_a_cookie_or_none(text in "[ -~]{0,80}|[a-z]{1,3}=[a-z]{0,3}(; ?(path|domain|max-age|expires)=[-/.a-z0-9: ,]{0,12}){0,4}") {
            let _ = sent("https://a.example.org/x/y", &[&text], "https://a.example.org/x/z");
        }
    }
}
