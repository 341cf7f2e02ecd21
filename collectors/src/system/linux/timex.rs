//! `timex`: how well the kernel's clock is disciplined.
//!
//! adjtimex(2), asked without changing anything. Offset and jitter are in nanoseconds or microseconds, as `STA_NANO`
//! says; frequencies are in millionths with 16 bits behind the point.

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

#[rustfmt::skip] // one line each, however long
static FAMILIES: [Family; 17] = [
    Family::gauge("node_timex_offset_seconds", "Time offset in between local system and reference clock."),
    Family::gauge("node_timex_frequency_adjustment_ratio", "Local clock frequency adjustment."),
    Family::gauge("node_timex_maxerror_seconds", "Maximum error in seconds."),
    Family::gauge("node_timex_estimated_error_seconds", "Estimated error in seconds."),
    Family::gauge("node_timex_status", "Value of the status array bits."),
    Family::gauge("node_timex_loop_time_constant", "Phase-locked loop time constant."),
    Family::gauge("node_timex_tick_seconds", "Seconds between clock ticks."),
    Family::gauge("node_timex_pps_frequency_hertz", "Pulse per second frequency."),
    Family::gauge("node_timex_pps_jitter_seconds", "Pulse per second jitter."),
    Family::gauge("node_timex_pps_shift_seconds", "Pulse per second interval duration."),
    Family::gauge("node_timex_pps_stability_hertz", "Pulse per second stability, average of recent frequency changes."),
    Family::counter("node_timex_pps_jitter_total", "Pulse per second count of jitter limit exceeded events."),
    Family::counter("node_timex_pps_calibration_total", "Pulse per second count of calibration intervals."),
    Family::counter("node_timex_pps_error_total", "Pulse per second count of calibration errors."),
    Family::counter("node_timex_pps_stability_exceeded_total", "Pulse per second count of stability limit exceeded events."),
    Family::gauge("node_timex_tai_offset_seconds", "International Atomic Time (TAI) offset."),
    Family::gauge("node_timex_sync_status", "Is clock synchronized to a reliable server (1 = yes, 0 = no)."),
];

/// The state of a clock that is not synchronised.
const TIME_ERROR: i32 = 5;

const MICRO: f64 = 1e-6;
const NANO: f64 = 1e-9;

/// One millionth, with 16 bits behind the point.
const SCALED_MILLIONTH: f64 = 1e-6 / 65536.0;

pub(super) struct Timex;

impl Sampler for Timex {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let (state, clock) = ask()?;
        for (family, value) in FAMILIES.iter().zip(values(state, &clock)) {
            page.set(family, Labels::NONE, value);
        }
        Ok(())
    }
}

/// The state of the clock and what the kernel knows of it.
#[allow(unsafe_code)]
fn ask() -> Result<(i32, libc::timex), Error> {
    // SAFETY: all of the structure's members are whole numbers, for which zeros are values; with `modes` 0 the kernel
    // writes the structure and changes nothing else.
    let (state, clock) = unsafe {
        let mut clock: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut clock), clock)
    };
    match state {
        -1 => Err(format!("adjtimex: {}", std::io::Error::last_os_error()).into()),
        state => Ok((state, clock)),
    }
}

/// In the order of the families.
fn values(state: i32, clock: &libc::timex) -> [f64; FAMILIES.len()] {
    let fine = if clock.status & libc::STA_NANO != 0 { NANO } else { MICRO };
    [
        clock.offset as f64 * fine,
        1.0 + clock.freq as f64 * SCALED_MILLIONTH,
        clock.maxerror as f64 * MICRO,
        clock.esterror as f64 * MICRO,
        f64::from(clock.status),
        clock.constant as f64,
        clock.tick as f64 * MICRO,
        clock.ppsfreq as f64 * SCALED_MILLIONTH,
        clock.jitter as f64 * fine,
        f64::from(clock.shift),
        clock.stabil as f64 * SCALED_MILLIONTH,
        clock.jitcnt as f64,
        clock.calcnt as f64,
        clock.errcnt as f64,
        clock.stbcnt as f64,
        f64::from(clock.tai),
        f64::from(state != TIME_ERROR),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::lines;
    use super::*;

    #[test]
    fn this_hosts_clock_is_told() {
        let mut page = Page::default();
        Timex.sample(&mut page).unwrap();
        let lines = lines(&page);
        assert_eq!(lines.len(), FAMILIES.len());
        let ratio = lines.iter().find_map(|line| line.strip_prefix("node_timex_frequency_adjustment_ratio "));
        assert!((ratio.unwrap().parse::<f64>().unwrap() - 1.0).abs() < 0.001);
    }

    #[test]
    fn units_are_as_the_status_says() {
        let (_, mut clock) = ask().unwrap();
        (clock.offset, clock.freq, clock.tick, clock.status) = (1500, 65536, 10_000, libc::STA_NANO);
        let told = values(0, &clock);
        assert_eq!((told[0], told[6], told[16]), (1500.0 * NANO, 0.01, 1.0));
        assert!((told[1] - 1.000_001).abs() < 1e-12);
        clock.status = 0;
        assert_eq!(values(TIME_ERROR, &clock)[0], 1500.0 * MICRO);
        assert_eq!(values(TIME_ERROR, &clock)[16], 0.0);
    }
}
