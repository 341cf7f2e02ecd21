//! What a file of a chip is: `temp1_crit` is of the sensor `temp1`, of the kind `temp`, its property is `crit`.

use vigie_pipeline::metric::{Family, Kind};

/// Files of the chip as a whole.
const OF_THE_CHIP: [&str; 3] = ["vrm", "beep_enable", "update_interval"];

/// The kinds of sensors there are (the kernel's hwmon/sysfs-interface.rst).
const KINDS: [&str; 11] =
    ["in", "cpu", "fan", "pwm", "temp", "curr", "power", "energy", "humidity", "intrusion", "freq"];

/// A file's name, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileName<'n> {
    /// `temp1`
    pub(super) sensor: &'n str,
    /// `temp`
    pub(super) kind: &'n str,
    /// `crit`; empty if the file has the name of the sensor.
    pub(super) property: &'n str,
}

impl<'n> FileName<'n> {
    /// `None` for files that are no sensor's.
    pub(super) fn parse(name: &'n str) -> Option<Self> {
        if let Some(kind) = OF_THE_CHIP.iter().find(|kind| **kind == name) {
            return Some(Self { sensor: name, kind, property: "" });
        }
        let digits = name.find(|c: char| c.is_ascii_digit())?;
        let behind =
            name[digits..].find(|c: char| !c.is_ascii_digit()).map_or(name.len(), |end| digits + end);
        let (kind, sensor) = (&name[..digits], &name[..behind]);
        let property = match &name[behind..] {
            "" => "",
            rest => rest.strip_prefix('_')?,
        };
        KINDS.contains(&kind).then_some(Self { sensor, kind, property })
    }

    /// The metric and what one of the file's units is in the unit of the metric. A sensor may have a file of its own
    /// name and an `input` besides.
    pub(super) fn metric(&self, has_own_file: bool) -> (Family, f64) {
        const MILLI: f64 = 1e-3;
        const MICRO: f64 = 1e-6;
        let Self { kind, property, .. } = *self;
        let base = match property {
            "input" if has_own_file => format!("{kind}_input"),
            "" | "input" => kind.to_owned(),
            _ => format!("{kind}_{}", clean(property)),
        };
        let told = if property.is_empty() { "input" } else { property };
        let gauge = |name: String, help: String, unit: f64| {
            (Family::met(format!("node_hwmon_{name}"), Kind::Gauge, help), unit)
        };
        match (kind, property) {
            ("beep_enable", "") => gauge("beep_enabled".to_owned(), "Hardware beep enabled".to_owned(), 1.0),
            ("vrm", "") => {
                gauge("voltage_regulator_version".to_owned(), "Hardware voltage regulator".to_owned(), 1.0)
            }
            ("update_interval", "") => gauge(
                "update_interval_seconds".to_owned(),
                "Hardware monitor update interval".to_owned(),
                MILLI,
            ),
            (_, "fault" | "alarm") => gauge(base, format!("Hardware sensor {property} status ({kind})"), 1.0),
            (_, "beep") => gauge(
                format!("{base}_enabled"),
                "Hardware monitor sensor has beeping enabled".to_owned(),
                1.0,
            ),
            ("in" | "cpu", _) => {
                gauge(format!("{base}_volts"), format!("Hardware monitor for voltage ({told})"), MILLI)
            }
            ("temp", property) if property != "type" => {
                gauge(format!("{base}_celsius"), format!("Hardware monitor for temperature ({told})"), MILLI)
            }
            ("curr", _) => {
                gauge(format!("{base}_amps"), format!("Hardware monitor for current ({told})"), MILLI)
            }
            ("energy", _) => {
                let help = format!("Hardware monitor for joules used so far ({told})");
                (Family::met(format!("node_hwmon_{base}_joule_total"), Kind::Counter, help), MICRO)
            }
            ("power", "accuracy") => {
                gauge(base, "Hardware monitor power meter accuracy, as a ratio".to_owned(), MICRO)
            }
            ("power", "average_interval" | "average_interval_min" | "average_interval_max") => gauge(
                format!("{base}_seconds"),
                format!("Hardware monitor power usage update interval ({told})"),
                MILLI,
            ),
            ("power", _) => gauge(
                format!("{base}_watt"),
                format!("Hardware monitor for power usage in watts ({told})"),
                MICRO,
            ),
            ("humidity", _) => gauge(
                base,
                format!(
                    "Hardware monitor for humidity, as a ratio (multiply with 100.0 to get the humidity as a \
                     percentage) ({told})"
                ),
                MICRO,
            ),
            ("fan", "input" | "min" | "max" | "target") => gauge(
                format!("{base}_rpm"),
                format!("Hardware monitor for fan revolutions per minute ({told})"),
                1.0,
            ),
            ("freq", "input") => gauge(
                format!("{base}_freq_mhz"),
                "Hardware monitor for GPU frequency in MHz".to_owned(),
                MICRO,
            ),
            _ => gauge(base, format!("Hardware monitor {kind} element {property}"), 1.0),
        }
    }
}

/// What a metric's name or a chip may contain: small letters, digits, and `_` for all else.
pub(super) fn clean(name: &str) -> String {
    let lower = name.to_lowercase();
    let allowed = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' };
    lower.chars().map(allowed).collect::<String>().trim_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn metric(file: &str) -> (String, f64) {
        let (family, unit) = FileName::parse(file).unwrap().metric(false);
        (family.name.strip_prefix("node_hwmon_").unwrap().to_owned(), unit)
    }

    #[test]
    fn files_become_metrics_in_base_units() {
        assert_eq!(metric("temp12_crit_alarm"), ("temp_crit_alarm_celsius".to_owned(), 1e-3));
        assert_eq!(metric("in0_input"), ("in_volts".to_owned(), 1e-3));
        assert_eq!(metric("fan1_input"), ("fan_rpm".to_owned(), 1.0));
        assert_eq!(metric("fan1_pulses"), ("fan_pulses".to_owned(), 1.0));
        assert_eq!(metric("fan2_alarm"), ("fan_alarm".to_owned(), 1.0));
        assert_eq!(metric("power1_average"), ("power_average_watt".to_owned(), 1e-6));
        assert_eq!(metric("energy1_input"), ("energy_joule_total".to_owned(), 1e-6));
        assert_eq!(metric("pwm1"), ("pwm".to_owned(), 1.0));
        assert_eq!(metric("update_interval"), ("update_interval_seconds".to_owned(), 1e-3));
    }

    #[test]
    fn other_files_are_no_sensors() {
        for name in ["name", "uevent", "temp", "1temp", "tempx1_input", "temp1input", "power", ""] {
            assert_eq!(FileName::parse(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_taken_apart_or_refused(name in "(temp|in|fan|power|\\PC{0,3})[0-9]{0,2}_?\\PC{0,8}") {
            if let Some(file) = FileName::parse(&name) {
                prop_assert!(name.starts_with(file.sensor) && file.sensor.starts_with(file.kind));
                let _ = file.metric(true);
            }
        }
    }
}
