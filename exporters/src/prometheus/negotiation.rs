//! Which format a scraper gets, and whether compressed.

use http::HeaderValue;
use http::header::GetAll;

/// The exposition formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The `Content-Type` that says so.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// One element of `Accept` or `Accept-Encoding`: what it names, its parameters, how much it is wanted.
struct Clause<'a> {
    name: &'a str,
    parameters: &'a str,
    quality: f64,
}

impl<'a> Clause<'a> {
    fn parameter(&self, wanted: &str) -> Option<&'a str> {
        parameter(self.parameters, wanted)
    }
}

fn parameter<'a>(parameters: &'a str, wanted: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
    })
}

/// The clauses of all headers of one name. One that is not text is nobody's wish.
fn clauses<'a>(headers: GetAll<'a, HeaderValue>) -> impl Iterator<Item = Clause<'a>> {
    headers.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(|clause| {
        let (name, parameters) = clause.split_once(';').unwrap_or((clause, ""));
        let quality = parameter(parameters, "q").map_or(Ok(1.0), str::parse).unwrap_or(0.0);
        Clause { name: name.trim(), parameters, quality }
    })
}

/// The format that `Accept` wants most; of two wanted alike the one that is named first. Who names none that
/// there is gets text, as from every exporter.
pub(super) fn format(accept: GetAll<'_, HeaderValue>) -> Format {
    let mut best = (0.0, Format::Text);
    for clause in clauses(accept) {
        let version = clause.parameter("version");
        let format = match clause.name.to_ascii_lowercase().as_str() {
            "application/openmetrics-text" if matches!(version, None | Some("1.0.0")) => Format::OpenMetrics,
            "text/plain" if matches!(version, None | Some("0.0.4")) => Format::Text,
            "text/*" | "*/*" => Format::Text,
            _ => continue,
        };
        if clause.quality > best.0 {
            best = (clause.quality, format);
        }
    }
    best.1
}

/// Whether `Accept-Encoding` wants gzip at least as much as no compression.
pub(super) fn wants_gzip(accept_encoding: GetAll<'_, HeaderValue>) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    for clause in clauses(accept_encoding) {
        match clause.name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gzip = Some(clause.quality),
            "*" => any = Some(clause.quality),
            "identity" => identity = Some(clause.quality),
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= identity.unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use http::HeaderMap;
    use http::header::ACCEPT;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (ACCEPT, value.parse().unwrap())).collect()
    }

    fn chosen(accept: &str) -> Format {
        format(headers(&[accept]).get_all(ACCEPT))
    }

    fn gzip(accept_encoding: &str) -> bool {
        wants_gzip(headers(&[accept_encoding]).get_all(ACCEPT))
    }

    #[test]
    fn prometheus_2_gets_openmetrics() {
        let accept = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
                      text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(chosen(accept), Format::OpenMetrics);
    }

    #[test]
    fn prometheus_3_gets_openmetrics() {
        let accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                      application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                      text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(chosen(accept), Format::OpenMetrics);
    }

    #[test]
    fn a_scraper_that_puts_protobuf_first_gets_its_second_choice() {
        let accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
                      application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
        assert_eq!(chosen(accept), Format::OpenMetrics);
    }

    #[test]
    fn everyone_else_gets_text() {
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "application/json",
            "text/plain;version=0.0.4,application/openmetrics-text;q=0.9",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=much",
        ] {
            assert_eq!(chosen(accept), Format::Text, "{accept}");
        }
        assert_eq!(format(HeaderMap::new().get_all(ACCEPT)), Format::Text);
    }

    #[test]
    fn clauses_may_come_in_several_headers() {
        let headers = headers(&["text/plain;q=0.2", "application/openmetrics-text; version=\"1.0.0\""]);
        assert_eq!(format(headers.get_all(ACCEPT)), Format::OpenMetrics);
    }

    #[test]
    fn gzip_is_used_only_where_it_is_wanted() {
        assert!(gzip("gzip"));
        assert!(gzip("deflate, GZIP;q=0.5"));
        assert!(gzip("*"));
        assert!(!gzip("gzip;q=0"));
        assert!(!gzip("gzip;q=0, *"));
        assert!(!gzip("identity, gzip;q=0.5"));
        assert!(!gzip("br"));
        assert!(!wants_gzip(HeaderMap::new().get_all(ACCEPT)));
    }
}
