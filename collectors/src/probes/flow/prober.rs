//! One run of a flow: step after step, until one fails.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use vigie_pipeline::plug::{Error, Surroundings};

use super::extract::Extractor;
use super::template::{Escape, Template};
use super::{Config, metrics};
use crate::probes::Shared;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::http::{Answer, Ask, HttpProber, Jar, Target};
use crate::probes::prober::{Aim, Host, Phases, Prober};
use crate::probes::record::Record;

/// A flow, ready to run again and again.
#[derive(Debug)]
pub(super) struct Flow {
    steps: Vec<Step>,
    cookies: bool,
}

#[derive(Debug)]
struct Step {
    name: Arc<str>,
    http: HttpProber,
    url: Template,
    /// Those with values in them.
    headers: Vec<(HeaderName, Template)>,
    /// If there are values in it.
    body: Option<Template>,
    escape: Escape,
    extract: Vec<(String, Extractor)>,
}

/// What a run carries from step to step.
#[derive(Default)]
struct Baggage {
    values: BTreeMap<String, String>,
    jar: Jar,
}

impl Flow {
    /// # Errors
    /// What [`Config`]'s check would have said.
    pub(super) fn new(
        config: &Config,
        shared: &Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let step = |config: &super::Step| Step::new(config, shared, surroundings);
        let steps = config.steps.iter().map(step).collect::<Result<Vec<_>, _>>()?;
        if steps.is_empty() {
            return Err("a flow without steps".into());
        }
        Ok(Self { steps, cookies: config.cookies })
    }
}

impl Step {
    fn new(config: &super::Step, shared: &Arc<Shared>, surroundings: &Surroundings) -> Result<Self, Error> {
        let mut headers = Vec::new();
        let mut escape = Escape::None;
        for (name, value) in &config.http.headers {
            let (name, template) =
                (HeaderName::from_bytes(name.as_bytes())?, Template::parse(value.reveal())?);
            if name == CONTENT_TYPE {
                escape = escape_for(value.reveal());
            }
            if template.has_values() {
                headers.push((name, template));
            }
        }
        let extract =
            config.extract.iter().map(|(name, extract)| Ok((name.clone(), Extractor::new(extract)?)));
        Ok(Self {
            name: config.name.as_str().into(),
            http: HttpProber::new(&config.http, shared, surroundings)?,
            url: Template::parse(&config.http.url)?,
            headers,
            body: Some(Template::parse(&config.http.body)?).filter(Template::has_values),
            escape,
            extract: extract.collect::<Result<_, Error>>()?,
        })
    }

    async fn run(
        &self,
        base: &Target,
        aim: &Aim<'_>,
        baggage: &mut Baggage,
        record: &mut Record,
    ) -> Result<(), Failure> {
        let values = &baggage.values;
        let target = base.redirected(&self.url.render(values, Escape::Url)).map_err(|error| {
            Failure::new(Reason::FlowExtract, Phase::Processing, format_args!("url: {error}"))
        })?;
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            let value = HeaderValue::from_str(&template.render(values, Escape::None)).map_err(|_| {
                let detail = format!("a value for {name} has characters that no header may have");
                Failure::new(Reason::FlowExtract, Phase::Processing, detail)
            })?;
            headers.insert(name, value);
        }
        let body = self.body.as_ref().map(|template| template.render(values, self.escape).into());
        // The address and the name that were asked for are those of one host.
        let own = Aim { target: aim.target, address: None, hostname: None, trace: aim.trace };
        let aim = if target.is_at(base) { *aim } else { own };
        let keep = self.extract.iter().any(|(_, extract)| extract.reads_body());
        let ask = Ask { target: &target, headers, body, cookies: &mut baggage.jar, keep };
        let answered = self.http.exchange(ask, &aim, record).await;
        metrics::status(&self.name, self.http.status(record), record);
        let Answer { response, body } = answered?;
        for (name, extract) in &self.extract {
            let value = extract.value(name, &response.headers, body.bytes(), self.http.memory())?;
            record.excerpt.hide(&value);
            record.note(|| format!("extracted {name}"));
            baggage.values.insert(name.clone(), value);
        }
        Ok(())
    }
}

/// By what the body is said to be.
fn escape_for(content_type: &str) -> Escape {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/x-www-form-urlencoded" => Escape::Url,
        "application/json" => Escape::Json,
        other if other.ends_with("+json") => Escape::Json,
        _ => Escape::None,
    }
}

#[async_trait]
impl Prober for Flow {
    fn phases(&self) -> Option<Phases> {
        self.steps[0].http.phases()
    }

    fn declare(&self, findings: &mut Findings) {
        self.steps[0].http.declare(findings);
        metrics::declare(self.steps.iter().map(|step| &*step.name), findings);
    }

    async fn probe(&self, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        let base = Target::parse(aim.target)
            .map_err(|error| Failure::new(Reason::HttpProtocol, Phase::Resolve, error))?;
        base.describe(record);
        let mut baggage = Baggage::default();
        for step in &self.steps {
            let trace = aim.trace.map(|trace| trace.child());
            let now = record.now();
            let span = trace.map(|trace| trace.span_id).unwrap_or_default();
            record.timeline.begin_step(Arc::clone(&step.name), span, now);
            record.about.text("vigie.probe.step", &*step.name);
            record.note(|| format!("step {}", step.name));
            step.http.restart(record);
            let aim = Aim { trace: trace.as_ref(), ..*aim };
            step.run(&base, &aim, &mut baggage, record).await.map_err(|failure| {
                let detail = format!("step {}: {}", step.name, failure.detail);
                Failure::new(failure.reason, failure.phase, detail)
            })?;
            if !self.cookies {
                baggage.jar = Jar::default();
            }
        }
        Ok(())
    }

    fn settle(&self, failed: bool, record: &mut Record) {
        metrics::settle(failed, record);
    }

    fn host(&self, target: &str) -> Option<Host> {
        self.steps[0].http.host(target)
    }

    fn timed_out(&self, phase: Phase) -> Reason {
        self.steps[0].http.timed_out(phase)
    }

    fn span_name(&self) -> &str {
        "flow"
    }
}
