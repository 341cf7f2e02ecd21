//! `vigie explain file`: the lines of a file in sum, with an example of each thing that was not understood.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::{Value, json};
use vigie_logs::{Choice, Config as Source, Moved, Outcome, Workbench};

use super::line::series_in_json;
use super::spans::lacks;
use super::{
    Destinations, filtered, named, object, open, put, redactions, series_name, shown, sums, told_of,
    uncounted,
};
use crate::commands::Format;
use crate::commands::record::Record;
use crate::commands::span::Span;

/// About so much is read at once.
const CHUNK: usize = 1 << 20;
/// Longer than any line may be in the configuration: what is behind is another line.
const LONGEST: u64 = 32 << 20;
/// So many series are told.
const MOST_SERIES: usize = 20;

/// See the module.
#[derive(Debug, Default)]
struct Digest {
    lines: u64,
    records: u64,
    /// What `auto` takes the lines for, where it is asked.
    auto: Option<Choice>,
    /// By format; plain text that no format understood is under none.
    formats: BTreeMap<Option<&'static str>, u64>,
    /// By reason, with the first one.
    faults: BTreeMap<&'static str, (u64, String)>,
    filtered: BTreeMap<String, (u64, String)>,
    spans: u64,
    /// Lines without a span where spans are made, by reason, with the first one.
    no_span: BTreeMap<&'static str, (u64, String)>,
    /// By type and fingerprint.
    exceptions: BTreeMap<(String, String), u64>,
    /// By name and labels.
    series: BTreeMap<(String, String), Moved>,
}

pub(super) fn answer(
    mut bench: Workbench,
    source: &Source,
    to: &Destinations,
    path: &Path,
    most: u64,
    format: Format,
) -> Result<String, String> {
    let mut input = BufReader::with_capacity(64 << 10, open(path)?);
    let file = Some(path).filter(|path| path.as_os_str() != "-");
    let mut digest = Digest::default();
    let mut chunk = Vec::new();
    let mut ended = false;
    while !ended {
        chunk.clear();
        while chunk.len() < CHUNK && digest.lines < most {
            let read = input.by_ref().take(LONGEST).read_until(b'\n', &mut chunk);
            if read.map_err(|error| format!("read {}: {error}", path.display()))? == 0 {
                break;
            }
            digest.lines += 1;
            if !chunk.ends_with(b"\n") {
                chunk.push(b'\n');
            }
        }
        ended = chunk.is_empty();
        digest.add(if ended { bench.finish(file) } else { bench.feed(&chunk, file) });
    }
    digest.auto = bench.choice();
    Ok(match format {
        Format::Json => format!("{:#}\n", digest.in_json(source, to)),
        Format::Text => String::from_utf8_lossy(&digest.in_words(to)).into_owned(),
    })
}

impl Digest {
    fn add(&mut self, outcome: Outcome) {
        for told in outcome.texts {
            *self.formats.entry(told.format).or_default() += 1;
            let example = || shown(&told.text);
            let refused = told.refused.last().filter(|_| told.format.is_none()).map(|(_, reason)| *reason);
            for reason in refused.into_iter().chain(told.faults.iter().copied()) {
                self.faults.entry(reason).or_insert_with(|| (0, example())).0 += 1;
            }
            if let Some(reason) = filtered(&told) {
                self.filtered.entry(reason).or_insert_with(|| (0, example())).0 += 1;
            }
            self.spans += Span::all(&told.spans).len() as u64;
            if let Some(reason) = told.no_span {
                self.no_span.entry(reason).or_insert_with(|| (0, example())).0 += 1;
            }
            let records = Record::all(&told.sent);
            self.records += records.len() as u64;
            // What tells that one is new is an event.
            if let Some(record) = records.iter().find(|record| record.text("eventName").is_none())
                && let Some(kind) = record.attribute("exception.type")
            {
                let print = record.attribute("exception.fingerprint").unwrap_or_default();
                *self.exceptions.entry((kind.to_owned(), print.to_owned())).or_default() += 1;
            }
        }
        self.records += Record::all(&outcome.besides).len() as u64;
        for moved in outcome.series {
            let key = (moved.name.clone(), moved.labels.clone());
            let by = self.series.get(&key).map_or(0.0, |before| before.by);
            self.series.insert(key, Moved { by: by + moved.by, ..moved });
        }
    }

    /// Those that moved most, first.
    fn top(&self, all: &[Moved]) -> Vec<Moved> {
        let mut series: Vec<Moved> =
            told_of(all).filter(|moved| !moved.name.ends_with("_bucket")).cloned().collect();
        series.sort_by(|one, other| other.by.total_cmp(&one.by));
        series
    }

    fn in_json(&self, source: &Source, to: &Destinations) -> Value {
        let all: Vec<Moved> = self.series.values().cloned().collect();
        let formats: Value = self
            .formats
            .iter()
            .map(|(format, count)| (format.unwrap_or("").to_owned(), json!(count)))
            .collect();
        fn examples<K: std::fmt::Display>(of: &BTreeMap<K, (u64, String)>) -> Value {
            let told = of.iter().map(|(reason, (count, example))| {
                (reason.to_string(), json!({ "count": count, "example": example }))
            });
            told.collect()
        }
        let exceptions = self
            .exceptions
            .iter()
            .map(|((kind, print), count)| json!({ "type": kind, "fingerprint": print, "count": count }));
        let auto = self.auto.map(|Choice { format, lines, understood }| {
            json!({ "format": format, "lines": lines, "understood": understood })
        });
        json!({
            "source": source.name,
            "lines": self.lines,
            "records": self.records,
            "auto": auto,
            "formats": formats,
            "not_understood": examples(&self.faults),
            "filtered": examples(&self.filtered),
            "redacted": object(&redactions(&all)),
            "uncounted": object(&uncounted(&all)),
            "exceptions": exceptions.collect::<Vec<_>>(),
            "spans": self.spans,
            "no_span": examples(&self.no_span),
            "series": self.top(&all).iter().map(series_in_json).collect::<Vec<_>>(),
            "exporters": to.logs,
            "span_exporters": to.traces,
        })
    }

    fn in_words(&self, to: &Destinations) -> Vec<u8> {
        let all: Vec<Moved> = self.series.values().cloned().collect();
        let mut text = Vec::new();
        let row = |text: &mut Vec<u8>, count: u64, what: &str| put(text, format_args!("{count:>9}  {what}"));
        row(&mut text, self.lines, "lines read");
        row(&mut text, self.records, &format!("records, for {}", named(&to.logs, "logs")));
        if let Some(Choice { format, lines, understood }) = self.auto {
            let format = format.unwrap_or("none");
            let why =
                format!("{format}: of {lines} lines that were looked at, {understood} speak for one format");
            put(&mut text, format_args!("{:>9}  {why}", "auto"));
        }
        for (format, count) in &self.formats {
            row(
                &mut text,
                *count,
                &format!("understood as {}", format.unwrap_or("nothing: they are plain text")),
            );
        }
        for (reason, (count, example)) in &self.faults {
            row(&mut text, *count, &format!("not understood ({reason}), the first: {example}"));
        }
        for (reason, (count, example)) in &self.filtered {
            row(&mut text, *count, &format!("dropped ({reason}), the first: {example}"));
        }
        if self.spans > 0 {
            row(&mut text, self.spans, &format!("spans, for {}", named(&to.traces, "traces")));
        }
        for (reason, (count, example)) in &self.no_span {
            row(&mut text, *count, &format!("no span: {}, the first: {example}", lacks(reason)));
        }
        for ((kind, print), count) in &self.exceptions {
            row(&mut text, *count, &format!("exceptions {kind}, fingerprint {print}"));
        }
        sums(&mut text, &all);
        let top = self.top(&all);
        for moved in top.iter().take(MOST_SERIES) {
            put(&mut text, format_args!("  {} {:+} to {}", series_name(moved), moved.by, moved.to));
        }
        if top.len() > MOST_SERIES {
            put(&mut text, format_args!("  and {} series more", top.len() - MOST_SERIES));
        }
        text
    }
}
