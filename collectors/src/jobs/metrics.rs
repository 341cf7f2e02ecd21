//! The series of jobs.

use jiff::Timestamp;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;

use super::check_in::Outcome;
use super::standing::Standing;

static LAST_SUCCESS: Family = Family::gauge(
    "vigie_job_last_success_timestamp_seconds",
    "When the job last succeeded, since the Unix epoch; 0 if it never has.",
);
static LAST_RUN: Family = Family::gauge(
    "vigie_job_last_run_timestamp_seconds",
    "When a run of the job last ended, since the Unix epoch; 0 if none has.",
);
static LAST_DURATION: Family = Family::gauge(
    "vigie_job_last_duration_seconds",
    "How long the last run of the job took whose start is known as well.",
);
static LAST_EXIT_CODE: Family = Family::gauge(
    "vigie_job_last_exit_code",
    "The exit code of the last run of the job; 128 and the signal if one ended it.",
);
static LAST_PEAK_MEMORY: Family = Family::gauge(
    "vigie_job_last_peak_memory_bytes",
    "The most memory that a process of the last run of the job has had resident; only where `vigie run` has run it.",
);
static RUNS: Family = Family::counter(
    "vigie_job_runs_total",
    "Runs of the job that have ended; lost are those that the next one overtook before they told of their end.",
);
static RUNNING: Family =
    Family::gauge("vigie_job_running", "Whether a run of the job has told of its start and not of its end.");
static OVERDUE: Family = Family::gauge(
    "vigie_job_overdue",
    "Whether the job has not succeeded when it should have; 0 where nobody has said when that is.",
);
static DEADLINE: Family = Family::gauge(
    "vigie_job_deadline_timestamp_seconds",
    "When the job becomes, or became, overdue unless it succeeds before, since the Unix epoch; only where that is known.",
);

/// Writes the series of one job.
pub(super) fn write(page: &mut Page, job: &Standing) {
    let name = job.name.as_str();
    let labels = page.labels(&[("job", name)]);
    let seconds = |time: Option<Timestamp>| time.map_or(0.0, |time| time.as_millisecond() as f64 / 1e3);
    page.set(&LAST_SUCCESS, labels, seconds(job.last_success));
    page.set(&LAST_RUN, labels, seconds(job.last_end));
    page.set(&LAST_DURATION, labels, job.last_duration.as_secs_f64());
    page.set(&LAST_EXIT_CODE, labels, f64::from(job.last_exit_code));
    if let Some(bytes) = job.last_peak_memory {
        page.set(&LAST_PEAK_MEMORY, labels, bytes as f64);
    }
    page.set(&RUNNING, labels, f64::from(u8::from(job.running.is_some())));
    page.set(&OVERDUE, labels, f64::from(u8::from(job.overdue)));
    if job.deadline.is_some() {
        page.set(&DEADLINE, labels, seconds(job.deadline));
    }
    for outcome in Outcome::ALL {
        let labels = page.labels_after(labels, &[("outcome", outcome.as_str())]);
        page.set(&RUNS, labels, job.runs(outcome) as f64);
    }
}
