//! What a request asks, and what it is answered: plain text that helps whoever made it by hand.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Body;
use jiff::Timestamp;
use vigie_pipeline::plug::Error;
use vigie_pipeline::units::HumanDuration;

use super::{Answer, Asked};
use crate::jobs::board::{Forgotten, MOST_OTHERS};
use crate::jobs::check_in::{CheckIn, Ending, Exit, What};
use crate::jobs::config::LONGEST;
use crate::jobs::name::JobName;
use crate::jobs::output::LastLines;
use crate::jobs::report::{MAX_REPORT, Report};

/// How large a body may be.
const MAX_BODY: usize = 64 << 10;

const HELP: &str = "\
vigie: jobs check in here
  /ping/<job>              it succeeded
  /ping/<job>/start        it has started
  /ping/<job>/fail         it failed
  /ping/<job>/<exit code>  it ended with that code, 0 to 255
by GET, or by POST with its last lines as the body; ?max_age=26h says how old its last success may become.
DELETE /ping/<job> forgets it.
";

/// Why a request is not one of a job.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It asks for help.
    Help,
    Path,
    Name(String),
    MaxAge(String),
    Method(&'static str),
    /// A page that a browser shows must not check in for the jobs of its host.
    Browser,
    TooLarge(usize),
    /// The body broke off.
    Body,
    Report(String),
}

impl Refusal {
    /// As it is counted.
    pub(super) const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Help => None,
            Self::Path | Self::Name(_) | Self::MaxAge(_) | Self::Method(_) | Self::Body => Some("request"),
            Self::Browser => Some("browser"),
            Self::TooLarge(_) => Some("too_large"),
            Self::Report(_) => Some("report"),
        }
    }

    pub(super) fn response(self) -> Response<Full<Bytes>> {
        match self {
            Self::Help => text(StatusCode::OK, HELP),
            Self::Path => text(
                StatusCode::NOT_FOUND,
                "unknown path; try /ping/<job>, /ping/<job>/start, /ping/<job>/fail or /ping/<job>/<exit code, 0 to 255>\n",
            ),
            Self::Name(what) | Self::MaxAge(what) | Self::Report(what) => {
                text(StatusCode::BAD_REQUEST, format!("{what}\n"))
            }
            Self::Method(allowed) => {
                let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, format!("try {allowed}\n"));
                answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
                answer
            }
            Self::Browser => text(StatusCode::FORBIDDEN, "a web page cannot check in for a job\n"),
            Self::TooLarge(bound) => text(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body may have {bound} bytes: send the last lines\n"),
            ),
            Self::Body => text(StatusCode::BAD_REQUEST, "the body broke off\n"),
        }
    }
}

/// What the board says, in words.
pub(super) fn respond(answer: Option<Answer>) -> Response<Full<Bytes>> {
    match answer {
        Some(Answer::Saved) => text(StatusCode::OK, "ok\n"),
        Some(Answer::NotSaved) => {
            text(StatusCode::ACCEPTED, "ok, but it cannot be saved: the agent's log says why\n")
        }
        Some(Answer::Full) => text(
            StatusCode::TOO_MANY_REQUESTS,
            format!(
                "{MOST_OTHERS} jobs that are not configured have checked in, and no more are known: configure it, or \
                 forget one with DELETE /ping/<job>\n"
            ),
        ),
        Some(Answer::Forgotten(Forgotten::Done)) => text(StatusCode::OK, "forgotten\n"),
        Some(Answer::Forgotten(Forgotten::Unknown)) => text(StatusCode::NOT_FOUND, "no such job\n"),
        Some(Answer::Forgotten(Forgotten::Configured)) => {
            text(StatusCode::CONFLICT, "it is configured: take it out of collectors.jobs instead\n")
        }
        None => text(StatusCode::SERVICE_UNAVAILABLE, "the agent is ending\n"),
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// What is asked.
pub(super) async fn read<B>(request: Request<B>, now: Timestamp) -> Result<Asked, Refusal>
where
    B: Body<Data = Bytes, Error: Into<Error>>,
{
    let (parts, body) = request.into_parts();
    if is_from_a_page(&parts.headers) {
        return Err(Refusal::Browser);
    }
    let path = parts.uri.path();
    let wants = |methods: &[Method], told| match methods.contains(&parts.method) {
        true => Ok(()),
        false => Err(Refusal::Method(told)),
    };
    if path == "/report" {
        wants(&[Method::POST], "POST")?;
        let json = whole(body, MAX_REPORT).await?;
        let check_in = Report::read(&json).map_err(|error| Refusal::Report(error.to_string()))?;
        return Ok(Asked::CheckIn(check_in));
    }
    if path == "/" {
        return Err(Refusal::Help);
    }
    let rest = path.strip_prefix("/ping/").ok_or(Refusal::Path)?;
    let (name, action) = rest.split_once('/').unwrap_or((rest, ""));
    let job: JobName = name.parse().map_err(|error| Refusal::Name(format!("`{name}`: {error}")))?;
    if parts.method == Method::DELETE && action.is_empty() {
        return Ok(Asked::Forget(job));
    }
    wants(&[Method::GET, Method::HEAD, Method::POST], "GET, HEAD, POST")?;
    let exit = match action {
        "start" => None,
        "" => Some(Exit::Code(0)),
        "fail" => Some(Exit::Code(1)),
        code => Some(Exit::Code(exit_code(code).ok_or(Refusal::Path)?)),
    };
    let max_age = max_age(parts.uri.query().unwrap_or_default())?;
    let body = whole(body, MAX_BODY).await?;
    let mut last = LastLines::default();
    last.add(&body);
    let output = Some(last.shown()).filter(|shown| !shown.is_empty());
    let what = match exit {
        None => What::Start,
        Some(exit) => What::End(Ending { exit, duration: None, peak_memory: None, output }),
    };
    Ok(Asked::CheckIn(CheckIn { job, at: now, max_age, run: None, what }))
}

/// Whether a browser says that a page of another site makes the request.
fn is_from_a_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").is_some_and(|site| site != "none" && site != "same-origin");
    site || headers.contains_key(ORIGIN)
}

fn exit_code(text: &str) -> Option<u8> {
    // `+1` is a number to the parser.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `max_age=26h` among the parameters; others are passed over.
fn max_age(query: &str) -> Result<Option<Duration>, Refusal> {
    let Some(text) = query.split('&').find_map(|pair| pair.strip_prefix("max_age=")) else {
        return Ok(None);
    };
    let wrong = |what: String| Refusal::MaxAge(format!("max_age: {what}"));
    let max_age = text.parse::<HumanDuration>().map_err(|error| wrong(error.to_string()))?.0;
    if max_age.is_zero() || max_age > LONGEST {
        return Err(wrong("not between 0 and ten years".to_owned()));
    }
    Ok(Some(max_age))
}

/// A body that is no larger than `bound`.
async fn whole<B>(body: B, bound: usize) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes, Error: Into<Error>>,
{
    match Limited::new(body, bound).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge(bound)),
        Err(_) => Err(Refusal::Body),
    }
}

#[cfg(test)]
mod tests;
