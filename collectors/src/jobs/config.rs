//! The `collectors.jobs` section.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::listen::ListenAddress;
use vigie_pipeline::units::HumanDuration;

use super::name::JobName;
use super::schedule::{Expected, Table};

/// Longer than this is a mistake, and beyond what dates can be reckoned with.
pub(super) const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);

/// The `collectors.jobs` section: jobs that must check in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port where jobs check in: `GET /ping/<job>`; off if empty. Whoever can reach it can check in for any
    /// job.
    pub listen: String,
    /// What is expected of jobs. Others may check in as well.
    pub jobs: Vec<Job>,
}

/// One job that must check in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Job {
    /// (required) Unique; the `job` label and the last part of `/ping/<job>`.
    pub name: String,
    /// It must succeed within this time, and the grace, after its last success.
    pub every: Option<HumanDuration>,
    /// It must succeed within the grace after each of these times: five fields as in a crontab, or `@hourly`, `@daily`,
    /// `@weekly`, `@monthly` or `@yearly`.
    pub cron: Option<String>,
    /// The time zone of `cron`, as `Europe/Paris`; by default that of the host.
    pub time_zone: Option<String>,
    /// How much later it may succeed than `every` or `cron` say: the time that it takes, and some more.
    pub grace: HumanDuration,
    /// Its last success must not be older, whatever `every` and `cron` say.
    pub max_age: Option<HumanDuration>,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            name: String::new(),
            every: None,
            cron: None,
            time_zone: None,
            grace: HumanDuration::secs(300),
            max_age: None,
        }
    }
}

impl Config {
    /// Where to listen; `None` if nowhere.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.listen.parse::<ListenAddress>().ok().map(ListenAddress::address)
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each job with what is expected of it; those with mistakes, which the check tells, are left out.
    pub(super) fn expected(&self) -> impl Iterator<Item = (JobName, Expected)> {
        self.jobs.iter().filter_map(|job| Some((job.name.parse().ok()?, job.expected().ok()?)))
    }
}

impl Job {
    fn zone(&self) -> Result<TimeZone, String> {
        match &self.time_zone {
            None => Ok(TimeZone::try_system().unwrap_or(TimeZone::UTC)),
            Some(name) => TimeZone::get(name).map_err(|_| {
                format!("`{name}` is no time zone that this host knows: write for example `Europe/Paris`")
            }),
        }
    }

    fn expected(&self) -> Result<Expected, String> {
        let table = self.cron.as_ref().map(|cron| Table::new(cron, self.zone()?)).transpose()?;
        let duration = |given: Option<HumanDuration>| given.map(|given| given.0);
        let (every, max_age) = (duration(self.every), duration(self.max_age));
        Ok(Expected { every, table, grace: self.grace.0, max_age })
    }
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if !self.listen.is_empty() {
            at.key("listen").ok(self.listen.parse::<ListenAddress>());
        }
        let jobs = at.key("jobs");
        jobs.unique("name", self.jobs.iter().map(|job| job.name.as_str()));
        jobs.check_each(&self.jobs);
    }
}

impl Check for Job {
    fn check(&self, at: &mut Place<'_>) {
        if self.name.is_empty() {
            at.key("name").wrong("required");
        } else {
            at.key("name").ok(self.name.parse::<JobName>());
        }
        if self.every.is_none() && self.cron.is_none() && self.max_age.is_none() {
            at.wrong("one of every, cron and max_age is required: when is it overdue?");
        }
        if let (Some(_), Some(_)) = (self.every, &self.cron) {
            at.key("cron").wrong("every is given as well");
        }
        match self.zone() {
            Err(what) => at.key("time_zone").wrong(what),
            Ok(zone) => {
                if let Some(cron) = &self.cron {
                    at.key("cron").ok(Table::new(cron, zone));
                } else if self.time_zone.is_some() {
                    at.key("time_zone").wrong("only of use to cron");
                }
            }
        }
        let durations = [("every", self.every), ("max_age", self.max_age)];
        for (key, duration) in durations.into_iter().filter_map(|(key, given)| Some((key, given?.0))) {
            if duration.is_zero() {
                at.key(key).wrong("must be longer than 0");
            }
        }
        for (key, duration) in durations.into_iter().chain([("grace", Some(self.grace))]) {
            if duration.is_some_and(|duration| duration.0 > LONGEST) {
                at.key(key).wrong("longer than ten years");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigie_pipeline::check::{KeyPath, problems};

    fn told(job: Job) -> Vec<String> {
        let config = Config { listen: "localhost".to_owned(), jobs: vec![job] };
        let found = problems(KeyPath::default().key("jobs"), &config);
        found.iter().map(|problem| format!("{}: {}", problem.path, problem.what)).collect()
    }

    #[test]
    fn every_mistake_is_told() {
        let job = Job {
            name: "a b".to_owned(),
            every: Some(HumanDuration::secs(0)),
            cron: Some("0 25 * * *".to_owned()),
            grace: HumanDuration::secs(11 * 366 * 86_400),
            ..Job::default()
        };
        let told = told(job);
        assert_eq!(told.len(), 6, "{told:?}");
        assert!(told[0].starts_with("jobs.listen: `localhost` is not an address with a port"), "{told:?}");
        assert!(told[1].starts_with("jobs.jobs[0].name: not the name of a job"), "{told:?}");
        assert_eq!(told[2], "jobs.jobs[0].cron: every is given as well");
        assert!(told[3].starts_with("jobs.jobs[0].cron: not a cron expression ("), "{told:?}");
        assert_eq!(told[4], "jobs.jobs[0].every: must be longer than 0");
        assert_eq!(told[5], "jobs.jobs[0].grace: longer than ten years");
    }

    #[test]
    fn a_job_must_say_when_it_is_overdue() {
        let job = Job { name: "a".to_owned(), time_zone: Some("Mars/Base".to_owned()), ..Job::default() };
        let wrong = &told(job)[1..];
        assert_eq!(wrong[0], "jobs.jobs[0]: one of every, cron and max_age is required: when is it overdue?");
        assert!(wrong[1].starts_with("jobs.jobs[0].time_zone: `Mars/Base` is no time zone"), "{wrong:?}");
        let max_age = Some(HumanDuration::secs(60));
        let job = Job { name: "a".to_owned(), max_age, time_zone: Some("UTC".to_owned()), ..Job::default() };
        assert_eq!(told(job)[1..], ["jobs.jobs[0].time_zone: only of use to cron"]);
    }
}
