//! `system.cpu.*`, and the host's own time.

use super::table::{As, Convention, Source, counter, gauge, of};

const CPU: (&str, As) = ("cpu", As::Whole("cpu.logical_number"));

/// The conventions know one kind of interrupts. `softirq` is what the Collector calls the other.
const MODE: (&str, As) = ("mode", As::Renamed("cpu.mode", &[("irq", "interrupt")]));

pub(super) static CONVENTIONS: &[Convention] = &[
    counter("system.cpu.time", "s", "Seconds that each CPU spent in each mode.", &[TIME]),
    gauge("system.cpu.frequency", "Hz", "The present frequency of each CPU.", &[FREQUENCY]).whole(),
    gauge("system.cpu.load_average.1m", "{thread}", "Load, averaged over a minute.", &[of("node_load1")]),
    gauge("system.cpu.load_average.5m", "{thread}", "Load, averaged over 5 minutes.", &[of("node_load5")]),
    gauge("system.cpu.load_average.15m", "{thread}", "Load, averaged over 15 minutes.", &[of("node_load15")]),
    gauge("system.uptime", "s", "How long the system has been running.", &[UPTIME]),
];

const TIME: Source = of("node_cpu_seconds_total").labels(&[CPU, MODE]);
const FREQUENCY: Source = of("node_cpu_scaling_frequency_hertz").labels(&[CPU]);
const UPTIME: Source = of("node_boot_time_seconds").age();
