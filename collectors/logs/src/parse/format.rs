//! The formats of lines, as the configuration names them.

mod notation;

use vigie_pipeline::check::{Check, Place};

use super::access_format::{apache, nginx};

/// The key `parse`: one format, or several that are tried in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parse(pub Vec<LineFormat>);

/// The format of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineFormat {
    /// Text.
    None,
    /// That of these which understands the first lines.
    Auto,
    /// One JSON object per line; its fields become attributes.
    Json,
    /// nginx's `combined`.
    NginxCombined,
    /// nginx's error log.
    NginxError,
    /// Apache's `combined`, and `common`, each maybe with the host before it.
    ApacheCombined,
    /// The same.
    ApacheCommon,
    /// Apache's error log.
    ApacheError,
    /// What gunicorn writes: its access log and its error log.
    Gunicorn,
    /// What uvicorn writes: its access log and its other lines.
    Uvicorn,
    /// What Kubernetes' container runtimes write: time and stream are taken off, parts of long lines are joined.
    Cri,
    /// What Docker's `json-file` driver writes: time and stream are taken off, parts of long lines are joined.
    Docker,
    /// Pairs of keys and values.
    Logfmt,
    /// What syslog daemons write: RFC 3164 and 5424.
    Syslog,
    /// PostgreSQL's log to stderr.
    Postgres,
    /// redis, and Valkey.
    Redis,
    /// Kubernetes, and what else logs with klog or glog.
    Klog,
    /// The usual lines of Python's `logging`.
    Python,
    /// Django's development server, and failed requests.
    Django,
    /// loguru's default.
    Loguru,
    /// An expression whose named groups become fields.
    Regex(String),
    /// An expression of named patterns, as Logstash has them.
    Grok(String),
    /// An access log as nginx's `log_format` says.
    Nginx(String),
    /// An access log as Apache's `LogFormat` says.
    Apache(String),
}

impl Default for Parse {
    fn default() -> Self {
        LineFormat::None.into()
    }
}

impl From<LineFormat> for Parse {
    fn from(format: LineFormat) -> Self {
        Self(vec![format])
    }
}

impl Parse {
    /// The format in which a container runtime has wrapped the lines: only the first can be.
    pub(crate) fn wrapping(&self) -> Option<&LineFormat> {
        self.0.first().filter(|format| format.is_wrapping())
    }

    /// The formats of what is in the lines, once they are unwrapped.
    pub(crate) fn content(&self) -> impl Iterator<Item = &LineFormat> {
        self.0.iter().filter(|format| !format.is_wrapping())
    }

    /// Whether the format is chosen by what lines there are: then they may also be wrapped, or not.
    pub(crate) fn is_auto(&self) -> bool {
        self.0.first() == Some(&LineFormat::Auto)
    }

    /// Why no field can be named: none of its formats has any.
    pub(crate) fn without_fields(&self) -> Option<String> {
        let is_text = self.content().all(|format| *format == LineFormat::None);
        is_text.then(|| format!("`parse: {}` has no fields", self.names()))
    }

    /// As the configuration calls its formats.
    pub(crate) fn names(&self) -> String {
        self.0.iter().map(LineFormat::name).collect::<Vec<_>>().join(", ")
    }

    /// Whether any format has fields that whoever writes the lines may call as they like.
    pub(crate) fn has_free_names(&self) -> bool {
        self.content().any(|format| {
            matches!(
                format,
                LineFormat::Auto
                    | LineFormat::Json
                    | LineFormat::Logfmt
                    | LineFormat::Klog
                    | LineFormat::Python
                    | LineFormat::Regex(_)
                    | LineFormat::Grok(_)
            )
        })
    }

    /// Whether all formats know the places of their fields.
    pub(crate) fn knows_places(&self) -> bool {
        let is_free = |format: &LineFormat| {
            matches!(
                format,
                LineFormat::None
                    | LineFormat::Auto
                    | LineFormat::Json
                    | LineFormat::Logfmt
                    | LineFormat::Regex(_)
                    | LineFormat::Grok(_)
                    | LineFormat::Nginx(_)
                    | LineFormat::Apache(_)
            )
        };
        !self.content().any(is_free)
    }
}

impl LineFormat {
    const fn is_wrapping(&self) -> bool {
        matches!(self, Self::Cri | Self::Docker)
    }
}

impl Check for Parse {
    fn check(&self, at: &mut Place<'_>) {
        if self.0.is_empty() {
            at.wrong("at least one format is required; `none` takes lines as they are");
        }
        if let [format] = self.0.as_slice() {
            return format.check(at);
        }
        for (number, (mut at, format)) in at.each(&self.0).enumerate() {
            if number > 0 && format.is_wrapping() {
                at.wrong(format_args!(
                    "`{}` can only be the first: it unwraps what the others parse",
                    format.name()
                ));
            }
            format.check(&mut at);
        }
    }
}

impl Check for LineFormat {
    fn check(&self, at: &mut Place<'_>) {
        let at = at.key(self.name());
        match self {
            Self::Regex(pattern) => {
                if let Some(regex) = at.ok(super::regex::compiled(pattern))
                    && regex.capture_names().flatten().next().is_none()
                {
                    at.wrong("no group has a name: `(?P<name>…)` makes a field");
                }
            }
            Self::Grok(text) => drop(at.ok(super::grok::fit(text))),
            Self::Nginx(text) => drop(at.ok(nginx::format(text))),
            Self::Apache(text) => drop(at.ok(apache::format(text))),
            _ => {}
        }
    }
}
