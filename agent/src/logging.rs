//! The agent's own log, on standard error.
//!
//! Three formats: text for people, logfmt and JSON for machines. Under systemd a line begins with its
//! syslog priority (`<6>`) and has no time, which the journal knows better.

use std::fmt;
use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};
use vigie_config::{Log, LogFormat, LogLevel};

use crate::driver;
use crate::telemetry::BoxedLayer;

/// What stands below the log: the registry, and the agent's own spans if they are asked for.
type Base = Layered<Option<BoxedLayer>, Registry>;

/// Changes the log of the running agent.
pub(crate) struct Control {
    level: reload::Handle<LevelFilter, Base>,
    lines: Arc<ArcSwap<LogFormat>>,
}

impl Control {
    /// Applies a changed configuration.
    pub(crate) fn apply(&self, log: &Log) {
        self.lines.store(Arc::new(log.format));
        // An error means that the subscriber is gone, and the log with it.
        let _ = self.level.reload(filter(log.level));
    }
}

/// Starts the log; `spans` is where the agent's own spans go, if asked for.
#[must_use]
pub(crate) fn start(log: &Log, spans: Option<BoxedLayer>) -> Control {
    let format = Arc::new(ArcSwap::from_pointee(log.format));
    let (level, handle) = reload::Layer::new(filter(log.level));
    let lines = Lines { format: Arc::clone(&format), journal: is_journal(), color: wants_color() };
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).event_format(lines);
    tracing_subscriber::registry().with(spans).with(layer.with_filter(level)).init();
    // A panic in a part is caught and told by its keeper; where it happened only the hook knows.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic: {}", driver::words(panic.payload()));
    }));
    Control { level: handle, lines: format }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// Whether standard error is the journal's socket: `JOURNAL_STREAM` is its device and inode.
fn is_journal() -> bool {
    let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let own = std::fs::metadata("/proc/self/fd/2").map(|meta| format!("{}:{}", meta.dev(), meta.ino()));
    own.is_ok_and(|own| own == stream)
}

fn wants_color() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// One event, one line.
struct Lines {
    format: Arc<ArcSwap<LogFormat>>,
    journal: bool,
    color: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = *event.metadata().level();
        if self.journal {
            write!(out, "<{}>", priority(level))?;
        }
        let time =
            (!self.journal).then(|| jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        match **self.format.load() {
            LogFormat::Text => self.text(&mut out, time.as_deref(), level, &fields),
            LogFormat::Logfmt => logfmt(&mut out, time.as_deref(), level, event.metadata().target(), &fields),
            LogFormat::Json => json(&mut out, time.as_deref(), level, event.metadata().target(), &fields),
        }?;
        out.write_char('\n')
    }
}

impl Lines {
    fn text(&self, out: &mut Writer<'_>, time: Option<&str>, level: Level, fields: &Fields) -> fmt::Result {
        let (dim, bright, plain) =
            if self.color { ("\x1b[2m", color(level), "\x1b[0m") } else { ("", "", "") };
        if let Some(time) = time {
            write!(out, "{dim}{time}{plain} ")?;
        }
        write!(out, "{bright}{level:>5}{plain} {}", fields.message)?;
        for (name, value) in &fields.others {
            write!(out, " {dim}{name}={plain}{}", quoted(value))?;
        }
        Ok(())
    }
}

fn logfmt(
    out: &mut Writer<'_>,
    time: Option<&str>,
    level: Level,
    target: &str,
    fields: &Fields,
) -> fmt::Result {
    if let Some(time) = time {
        write!(out, "ts={time} ")?;
    }
    let level = level.as_str().to_lowercase();
    write!(out, "level={level} target={target} msg={}", quoted(&fields.message))?;
    for (name, value) in &fields.others {
        write!(out, " {name}={}", quoted(value))?;
    }
    Ok(())
}

fn json(
    out: &mut Writer<'_>,
    time: Option<&str>,
    level: Level,
    target: &str,
    fields: &Fields,
) -> fmt::Result {
    let mut line = serde_json::Map::new();
    let mut put = |name: &str, value: &str| line.insert(name.to_owned(), value.into());
    if let Some(time) = time {
        put("ts", time);
    }
    put("level", &level.as_str().to_lowercase());
    put("target", target);
    put("msg", &fields.message);
    for (name, value) in &fields.others {
        put(name, value);
    }
    write!(out, "{}", serde_json::Value::Object(line))
}

/// syslog's priority of a level.
const fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

const fn color(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[34m",
    }
}

/// A value in quotes where it would not read as one word otherwise.
fn quoted(value: &str) -> std::borrow::Cow<'_, str> {
    let plain = !value.is_empty()
        && !value.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '='));
    if plain { value.into() } else { format!("{value:?}").into() }
}

/// The fields of an event, the message apart.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
        } else {
            self.others.push((field.name(), value));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_that_need_it_are_quoted() {
        assert_eq!(quoted("http://127.0.0.1:9750"), "http://127.0.0.1:9750");
        assert_eq!(quoted("two words"), "\"two words\"");
        assert_eq!(quoted("a\nb=c"), "\"a\\nb=c\"");
        assert_eq!(quoted(""), "\"\"");
    }
}
