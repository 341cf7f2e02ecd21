//! The preset for access logs: rate, errors and duration of requests.
//!
//! Whatever the format, a line that has a status is a request ([`request`]). Its path becomes a route ([`route`]),
//! unless one of the configuration matches ([`templates`]), of which there is a bounded number ([`routes`]).

mod config;
mod request;
mod route;
mod routes;
mod templates;

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use prometheus::IntCounter;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;

pub use config::Http;
pub(crate) use request::Request;
pub(crate) use routes::{RouteId, Routes};
pub(crate) use templates::Templates;

use super::histogram::{Bounds, Histogram};
use super::labels::LabelFields;
use super::meters::Flaws;
use super::number;
use super::table::{Found, Table};
use super::{Sighting, Tools};
use crate::method::Method;
use crate::transforms::Reading;

pub(super) static FAMILIES: [Family; 2] = [
    Family::counter("http_requests_total", "Requests that were answered, from access logs."),
    Family::histogram(
        "http_server_request_duration_seconds",
        "How long requests took to be answered, from access logs.",
    ),
];

/// Methods and statuses of a route, about: so many series of each at most.
const SERIES_PER_ROUTE: usize = 20;

/// What its own labels tell of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Answer {
    method: Method,
    route: RouteId,
    status: u16,
}

/// What is known of those with the same labels.
#[derive(Debug, Clone, Default)]
struct Answered {
    count: u64,
    /// Of those of which it is told.
    durations: Histogram,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    definition: Http,
    routes: Routes,
    /// The number of each series among those that were `answered`.
    table: Table<Option<usize>>,
    answered: Vec<Answered>,
    /// The same by method, route and status, where there are no other labels: at once, for what was seen before.
    seen: HashMap<Answer, usize, RandomState>,
    bounds: Bounds,
    /// The field that says how long it took, and seconds per unit of it; what the format says if there is none.
    duration: Option<(String, f64)>,
    labels: LabelFields,
    families: [Arc<Family>; 2],
    overflow: IntCounter,
    flaws: Flaws,
}

impl Requests {
    pub(super) fn new(config: &Http, templates: Templates, tools: &Tools<'_>) -> Self {
        let labels = LabelFields::new(&config.labels, tools);
        let routes = templates.names().len() + config.max_routes + 1;
        let families = FAMILIES.each_ref().map(|family| Arc::new(family.clone()));
        let duration = Some(&config.duration).filter(|field| !field.is_empty());
        Self {
            definition: config.clone(),
            table: Table::new(3 + labels.len(), routes * SERIES_PER_ROUTE, None),
            answered: Vec::new(),
            seen: HashMap::default(),
            routes: Routes::new(templates, config.max_routes),
            bounds: config.bounds().into(),
            duration: duration.map(|field| ((tools.resolved)(field), number::seconds_per(field))),
            labels,
            overflow: tools.meters.overflow(&families[0].name),
            flaws: tools.meters.flaws(&families[1].name),
            families,
        }
    }

    /// Goes on with what was counted before, if that was asked for in the same words.
    pub(super) fn adopt(&mut self, before: Self) {
        if self.definition == before.definition {
            let Self { routes, table, answered, seen, .. } = before;
            (self.routes, self.table, self.answered, self.seen) = (routes, table, answered, seen);
        }
    }

    /// Counts a request.
    pub(super) fn count(&mut self, request: &Request<'_>, seen: &Sighting<'_>, at: &Reading) {
        let route = self.routes.of(request.path, request.route, request.status);
        let duration = match &self.duration {
            None => request.duration.map(|value| number::duration(&value, 1.0)),
            Some((field, per)) => seen.value(field).map(|value| number::duration(&value, *per)),
        };
        let answer = Answer { method: request.method, route, status: request.status };
        let number = match self.seen.get(&answer) {
            Some(number) => *number,
            None => self.number_of(answer, seen, at),
        };
        let answered = &mut self.answered[number];
        answered.count += 1;
        match duration {
            None | Some(Ok(None)) => {}
            Some(Ok(Some(seconds))) => {
                answered.durations.observe(&self.bounds, seconds, seen.exemplar(seconds, at), at.now);
            }
            Some(Err(flaw)) => self.flaws.count(flaw),
        }
    }

    /// The number of a series, which is made if it is not there.
    fn number_of(&mut self, answer: Answer, seen: &Sighting<'_>, at: &Reading) -> usize {
        let Answer { method, route, status } = answer;
        let key = self.labels.begin();
        key.push(method.as_str());
        key.push(self.routes.name(route));
        let digits = [status / 100, status / 10 % 10, status % 10].map(|digit| b'0' + digit as u8);
        key.push(std::str::from_utf8(&digits).unwrap_or_default());
        let key = self.labels.finish(seen);
        let (place, is_own) = match self.table.of(key, at.now, || None) {
            Found::Own(place) => (place, true),
            Found::Other(place) => (place, false),
        };
        let number = *place.get_or_insert_with(|| {
            self.answered.push(Answered::default());
            self.answered.len() - 1
        });
        if !is_own {
            // Each time, so it is not remembered.
            self.overflow.inc();
        } else if self.labels.len() == 0 {
            self.seen.insert(answer, number);
        }
        number
    }

    pub(super) fn write(&self, source: &str, page: &mut Page) {
        let [requests, durations] = &self.families;
        self.table.each(|values, number| {
            let Some(answered) = number.and_then(|number| self.answered.get(number)) else { return };
            let labels = self.labels.write(source, &["method", "route", "status"], values, page);
            page.set(requests, labels, answered.count as f64);
            if !answered.durations.is_empty() {
                answered.durations.write(&self.bounds, page, durations, labels);
            }
        });
    }
}

#[cfg(test)]
mod tests;
