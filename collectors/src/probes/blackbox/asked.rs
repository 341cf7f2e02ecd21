//! What a request for a probe says, and why one is refused.

use std::time::Duration;

use url::Url;
use vigie_pipeline::secret::Secret;

use crate::probes::http::BasicAuth;

/// A request as it came. Unknown parameters say nothing, and of one that is there twice the first counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// What to probe.
    pub target: String,
    /// By which module.
    pub module: String,
    /// The name of the host for requests and TLS, whatever the target's own is.
    pub hostname: String,
    /// Tell people what happened, rather than Prometheus.
    pub debug: bool,
    /// `X-Prometheus-Scrape-Timeout-Seconds`
    scrape_timeout: Option<String>,
}

/// Why nothing is probed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no file of modules.
    #[error("no modules are configured: see `collectors.blackbox`")]
    Off,
    /// No module of that name.
    #[error("Unknown module {0:?}")]
    UnknownModule(String),
    /// It is there, and may not be asked for.
    #[error("Module {0:?} may not be asked for: see `collectors.blackbox_access`")]
    ModuleForbidden(String),
    /// The timeout is no number.
    #[error("Failed to parse timeout from Prometheus header: {0:?}")]
    Timeout(String),
    /// Nothing to probe.
    #[error("Target parameter is missing")]
    NoTarget,
    /// Two different names for one host.
    #[error("the header Host is defined both in the module and with the parameter 'hostname' ({0:?})")]
    Hostname(String),
    /// As many probes are running as may run.
    #[error("too many probes are running: see `collectors.blackbox_access.concurrency`")]
    Busy,
}

/// The module that is meant where none is named.
const DEFAULT_MODULE: &str = "http_2xx";
/// What is left of the scrape's time for the answer to reach Prometheus.
const OFFSET: f64 = 0.5;
/// The time of a scrape that does not say how much it has.
const LONG: f64 = 120.0;

impl Asked {
    /// Reads the query of a URL, and the header in which Prometheus says how long it waits.
    #[must_use]
    pub fn parse(query: &str, scrape_timeout: Option<&str>) -> Self {
        let value = |wanted| {
            let pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.into_iter().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        let target = value("target").unwrap_or_default();
        Self {
            target: unescape(&target).unwrap_or(target),
            module: value("module").filter(|name| !name.is_empty()).unwrap_or_else(|| DEFAULT_MODULE.into()),
            hostname: value("hostname").unwrap_or_default(),
            debug: value("debug").as_deref() == Some("true"),
            scrape_timeout: scrape_timeout.filter(|text| !text.is_empty()).map(str::to_owned),
        }
    }

    /// How long the probe may take by a module that allows `module`; 0 says nothing.
    ///
    /// # Errors
    /// The header is no number.
    pub(super) fn timeout(&self, module: Duration) -> Result<Duration, Refusal> {
        let scrape: f64 = match &self.scrape_timeout {
            None => LONG,
            Some(text) => match text.trim().parse() {
                Ok(seconds) if f64::is_finite(seconds) => seconds,
                _ => return Err(Refusal::Timeout(text.clone())),
            },
        };
        let left = if scrape == 0.0 { LONG } else { scrape } - OFFSET;
        let own = module.as_secs_f64();
        let seconds = if left < 0.0 || own > 0.0 && own < left { own } else { left };
        Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).min(LONGEST))
    }
}

/// No probe takes longer, whatever is asked for.
const LONGEST: Duration = Duration::from_secs(3600);

/// Undoes percent-encoding once more, as blackbox_exporter does to targets; `None` if that makes no sense.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The user and password of a URL, and the URL without them; `None` if there are none.
pub(super) fn without_user(text: &str) -> Option<(BasicAuth, String)> {
    let mut url = Url::parse(text.trim()).ok()?;
    let decoded = |text: &str| unescape(&text.replace('+', "%2B")).unwrap_or_else(|| text.to_owned());
    let username = decoded(url.username());
    let password = url.password().map(|password| Secret::new(decoded(password)));
    if username.is_empty() && password.is_none() {
        return None;
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some((BasicAuth { username, password, ..BasicAuth::default() }, url.into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_are_read_as_they_are_encoded() {
        let asked =
            Asked::parse("target=https%3A%2F%2Fa%2F%3Fx%3D1&module=web&debug=true&hostname=b&target=c", None);
        assert_eq!((asked.target.as_str(), asked.module.as_str()), ("https://a/?x=1", "web"));
        assert!(asked.debug && asked.hostname == "b");
        assert_eq!(Asked::parse("", None).module, "http_2xx");
        assert!(!Asked::parse("debug=1", None).debug);
    }

    #[test]
    fn targets_are_decoded_twice_where_that_makes_sense() {
        let target = |query: &str| Asked::parse(query, None).target;
        assert_eq!(target("target=http%253A%252F%252Fa"), "http://a");
        assert_eq!(target("target=100%25"), "100%");
        assert_eq!(target("target=%25ff"), "%ff");
    }

    #[test]
    fn a_probe_takes_as_long_as_its_module_or_the_scrape_allows() {
        let seconds = |header: Option<&str>, module| {
            Asked::parse("", header).timeout(Duration::from_secs(module)).map(|timeout| timeout.as_secs_f64())
        };
        assert_eq!(seconds(None, 0), Ok(119.5));
        assert_eq!(seconds(None, 5), Ok(5.0));
        assert_eq!(seconds(Some("10"), 0), Ok(9.5));
        assert_eq!(seconds(Some("10"), 5), Ok(5.0));
        assert_eq!(seconds(Some("3"), 5), Ok(2.5));
        assert_eq!(seconds(Some("0.3"), 5), Ok(5.0));
        assert_eq!(seconds(Some("0"), 0), Ok(119.5));
        assert_eq!(seconds(Some("1e300"), 0), Ok(3600.0));
        for wrong in ["soon", "NaN", "inf"] {
            assert_eq!(seconds(Some(wrong), 5), Err(Refusal::Timeout(wrong.into())));
        }
    }

    #[test]
    fn a_user_in_a_url_is_taken_out_of_it() {
        let (user, url) = without_user("http://me:p%40ss+@a.example:80/x?y").unwrap();
        assert_eq!((user.username.as_str(), url.as_str()), ("me", "http://a.example/x?y"));
        assert_eq!(user.password.unwrap().reveal(), "p@ss+");
        assert_eq!(without_user("http://a.example/"), None);
    }

    proptest! {
        #[test]
        fn any_query_is_read(query in "\\PC{0,40}|[%+&=a-f0-9]{0,40}", header in "\\PC{0,8}") {
            let _ = Asked::parse(&query, Some(&header)).timeout(Duration::ZERO);
        }
    }
}
