#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ScopeMetrics};
use prost::Message;
use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::Page;
use vigie_pipeline::snapshot::Published;

use super::*;
use crate::otlp::metrics::encode::{Times, pieces};
use crate::otlp::metrics::names::otel;

const TIMES: Times = Times { start: 5, now: 100_500_000_000 };

type Pairs = Vec<(&'static str, &'static str)>;

/// Series by their family; what kind they are matters to nobody here.
#[derive(Default)]
struct Host(Vec<(&'static str, Pairs, f64)>);

impl Host {
    fn with(mut self, family: &'static str, labels: &[(&'static str, &'static str)], value: f64) -> Self {
        self.0.push((family, labels.to_vec(), value));
        self
    }

    fn metrics(&self) -> BTreeMap<String, Metric> {
        let mut page = Page::default();
        let families: BTreeMap<_, _> = self.0.iter().map(|(name, ..)| (*name, met(name))).collect();
        for (name, labels, value) in &self.0 {
            let labels = page.labels(labels);
            page.set(&families[name], labels, *value);
        }
        let published = [Published { collector: "x".into(), page: Arc::new(page) }];
        let families = Families::of(&published);
        let mut metrics = BTreeMap::new();
        for piece in pieces(otel(&families, TIMES.now), TIMES, 1 << 20) {
            for metric in ScopeMetrics::decode(&piece.metrics[..]).unwrap().metrics {
                assert!(metrics.insert(metric.name.clone(), metric).is_none(), "a metric is sent twice");
            }
        }
        metrics
    }

    /// Values by `metric key=value …`, the keys in alphabetical order.
    fn points(&self) -> BTreeMap<String, f64> {
        let mut found = BTreeMap::new();
        for (name, metric) in self.metrics() {
            for (attributes, value) in points(&metric) {
                let key = format!("{name} {}", attributes.join(" "));
                assert!(found.insert(key.trim().to_owned(), value).is_none(), "{key} is sent twice");
            }
        }
        found
    }
}

fn met(name: &str) -> Arc<Family> {
    Arc::new(Family::met(name.to_owned(), Kind::Untyped, "Help.".to_owned()))
}

fn points(metric: &Metric) -> Vec<(Vec<String>, f64)> {
    let points = match metric.data.as_ref().unwrap() {
        Data::Gauge(gauge) => &gauge.data_points,
        Data::Sum(sum) => &sum.data_points,
        other => panic!("{other:?}"),
    };
    let text = |value: Value| match value {
        Value::StringValue(text) => text,
        Value::IntValue(whole) => format!("#{whole}"),
        other => panic!("{other:?}"),
    };
    let point = |point: &opentelemetry_proto::tonic::metrics::v1::NumberDataPoint| {
        let pairs = point.attributes.iter().cloned();
        let mut attributes: Vec<_> =
            pairs.map(|pair| format!("{}={}", pair.key, text(pair.value.unwrap().value.unwrap()))).collect();
        attributes.sort();
        let value = match point.value.unwrap() {
            Number::AsDouble(value) => value,
            Number::AsInt(value) => value as f64,
        };
        (attributes, value)
    };
    points.iter().map(point).collect()
}

fn expected(points: &[(&str, f64)]) -> BTreeMap<String, f64> {
    points.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect()
}

#[test]
fn labels_become_the_attributes_of_the_conventions() {
    let host = Host::default()
        .with("node_cpu_seconds_total", &[("cpu", "0"), ("mode", "irq")], 1.5)
        .with("node_cpu_seconds_total", &[("cpu", "12"), ("mode", "softirq")], 2.5)
        .with("node_network_receive_bytes_total", &[("device", "eth\"0")], 7.0)
        .with("node_load1", &[], 0.5);
    assert_eq!(
        host.points(),
        expected(&[
            ("system.cpu.load_average.1m", 0.5),
            ("system.cpu.time cpu.logical_number=#0 cpu.mode=interrupt", 1.5),
            ("system.cpu.time cpu.logical_number=#12 cpu.mode=softirq", 2.5),
            ("system.network.io network.interface.name=eth\"0 network.io.direction=receive", 7.0),
        ])
    );
}

#[test]
fn instruments_units_and_kinds_of_number_are_those_of_the_conventions() {
    let metrics = Host::default()
        .with("node_cpu_seconds_total", &[("cpu", "0"), ("mode", "user")], 1.5)
        .with("node_memory_MemTotal_bytes", &[], 4096.0)
        .with("node_boot_time_seconds", &[], 40.0)
        .metrics();
    let sum = |name: &str| match metrics[name].data.as_ref().unwrap() {
        Data::Sum(sum) => sum.clone(),
        other => panic!("{other:?}"),
    };
    let (time, limit) = (sum("system.cpu.time"), sum("system.memory.limit"));
    assert_eq!((metrics["system.cpu.time"].unit.as_str(), time.is_monotonic), ("s", true));
    assert_eq!(time.data_points[0].value, Some(Number::AsDouble(1.5)));
    assert_eq!((metrics["system.memory.limit"].unit.as_str(), limit.is_monotonic), ("By", false));
    assert_eq!(limit.data_points[0].value, Some(Number::AsInt(4096)));
    assert_eq!((limit.aggregation_temporality, limit.data_points[0].start_time_unix_nano), (2, 5));
    let Some(Data::Gauge(uptime)) = &metrics["system.uptime"].data else { panic!("a gauge") };
    assert_eq!(uptime.data_points[0].value, Some(Number::AsDouble(60.5)));
}

#[test]
fn memory_that_is_not_available_is_used() {
    let old = Host::default()
        .with("node_memory_MemTotal_bytes", &[], 100.0)
        .with("node_memory_MemFree_bytes", &[], 10.0)
        .with("node_memory_Buffers_bytes", &[], 20.0)
        .with("node_memory_Cached_bytes", &[], 30.0)
        .with("node_memory_SReclaimable_bytes", &[], 5.0);
    assert_eq!(old.points()["system.memory.usage system.memory.state=used"], 35.0);
    let points = old.with("node_memory_MemAvailable_bytes", &[], 55.0).points();
    assert_eq!(points["system.memory.usage system.memory.state=used"], 45.0);
    assert_eq!(points["system.memory.utilization system.memory.state=used"], 0.45);
    assert_eq!(points["system.memory.utilization system.memory.state=cached"], 0.3);
    assert_eq!(points["system.memory.linux.available"], 55.0);
    assert!(!points.keys().any(|key| key.starts_with("node_")), "{points:?}");
}

#[test]
fn no_swap_is_not_a_share_of_nothing() {
    let points = Host::default()
        .with("node_memory_SwapTotal_bytes", &[], 0.0)
        .with("node_memory_SwapFree_bytes", &[], 0.0)
        .points();
    let usage = |state| format!("system.paging.usage system.paging.state={state}");
    assert_eq!(points, expected(&[(&usage("free"), 0.0), (&usage("used"), 0.0)]));
}

#[test]
fn the_states_of_a_file_system_make_up_its_limit() {
    let root = &[("device", "/dev/a"), ("fstype", "ext4"), ("mountpoint", "/")];
    let data = &[("device", "/dev/b"), ("fstype", "ext4"), ("mountpoint", "/data")];
    let gone = &[("device", "nas:/x"), ("fstype", "nfs4"), ("mountpoint", "/nas")];
    let mut host = Host::default().with("node_filesystem_readonly", gone, 0.0);
    // The rows of the second one come in another order, as after a mount.
    for (labels, size) in [(root, 100.0), (data, 1000.0)] {
        host = host.with("node_filesystem_size_bytes", labels, size).with(
            "node_filesystem_avail_bytes",
            labels,
            size * 0.2,
        );
    }
    for (labels, size, readonly) in [(data, 1000.0, 1.0), (root, 100.0, 0.0)] {
        host = host.with("node_filesystem_free_bytes", labels, size * 0.25).with(
            "node_filesystem_readonly",
            labels,
            readonly,
        );
    }
    let points = host.points();
    let of = |state: &str, mode: &str, device: &str, mount: &str| {
        let system = format!("system.device={device} system.filesystem");
        let at = format!("{system}.mode={mode} system.filesystem.mountpoint={mount}");
        format!("{at} system.filesystem.state={state} system.filesystem.type=ext4")
    };
    let value = |metric: &str, key: String| points[&format!("system.filesystem.{metric} {key}")];
    assert_eq!(value("usage", of("used", "rw", "/dev/a", "/")), 75.0);
    assert_eq!(value("usage", of("free", "rw", "/dev/a", "/")), 20.0);
    assert_eq!(value("usage", of("reserved", "rw", "/dev/a", "/")), 5.0);
    assert_eq!(value("usage", of("used", "ro", "/dev/b", "/data")), 750.0);
    assert_eq!(value("utilization", of("reserved", "ro", "/dev/b", "/data")), 0.05);
    assert_eq!(
        value("limit", of("x", "ro", "/dev/b", "/data").replace(" system.filesystem.state=x", "")),
        1000.0
    );
    let own: Vec<&String> = points.keys().filter(|key| key.starts_with("node_")).collect();
    assert_eq!(own, ["node_filesystem_readonly device=nas:/x fstype=nfs4 mountpoint=/nas"]);
}

#[test]
fn series_that_are_not_the_metrics_keep_their_names() {
    let points = Host::default()
        .with("node_tcp_connection_states", &[("state", "fin_wait1")], 3.0)
        .with("node_tcp_connection_states", &[("state", "rx_queued_bytes")], 4.0)
        .with("namedprocess_namegroup_memory_bytes", &[("groupname", "web"), ("memtype", "swapped")], 5.0)
        .with("namedprocess_namegroup_memory_bytes", &[("groupname", "web"), ("memtype", "resident")], 6.0)
        .with("node_context_switches_total", &[], 7.0)
        .points();
    assert_eq!(
        points,
        expected(&[
            ("namedprocess_namegroup_memory_bytes groupname=web memtype=swapped", 5.0),
            ("node_context_switches_total", 7.0),
            ("node_tcp_connection_states state=rx_queued_bytes", 4.0),
            ("process.memory.usage groupname=web", 6.0),
            (
                "system.network.connection.count network.connection.state=fin_wait_1 network.transport=tcp",
                3.0
            ),
        ])
    );
}

#[test]
fn more_subtracted_than_there_was_is_nothing() {
    let points = Host::default()
        .with("node_vmstat_pgfault", &[], 5.0)
        .with("node_vmstat_pgmajfault", &[], 6.0)
        .points();
    assert_eq!(points["system.paging.faults system.paging.fault.type=minor"], 0.0);
}

#[test]
fn a_label_that_should_be_a_number_and_is_none_stays_a_text() {
    let host = Host::default().with("node_cpu_scaling_frequency_hertz", &[("cpu", "x")], f64::NAN);
    let points = host.points();
    assert!(points["system.cpu.frequency cpu.logical_number=x"].is_nan(), "{points:?}");
}

/// Labels that a source takes.
fn labels(source: &'static Source) -> Pairs {
    let label = |(name, becomes): (&'static str, As)| match becomes {
        As::Is(value) => (name, value),
        As::OneOf(_, values) | As::Renamed(_, values) => (name, values[0].0),
        As::Text(_) | As::Whole(_) => (name, "1"),
    };
    source.labels.iter().copied().map(label).collect()
}

#[test]
fn whatever_is_there_goes_out_under_one_kind_of_name() {
    for source in TABLES.iter().copied().flatten().flat_map(|convention| convention.sources) {
        let labels = labels(source);
        let families: BTreeSet<_> = source.families().collect();
        let all = families.iter().fold(Host::default(), |host, family| host.with(family, &labels, 2.0));
        let is_own = |key: &String| families.iter().any(|family| key.starts_with(family));
        let own: Vec<_> = all.points().into_keys().filter(is_own).collect();
        assert_eq!(own, [] as [String; 0], "{source:?}");
        // Without one of those it needs, each of the others is still told, as itself or by another source.
        for missing in source.needs() {
            let some: Vec<_> = families.iter().filter(|family| **family != missing).collect();
            let host = some.iter().fold(Host::default(), |host, family| host.with(family, &labels, 2.0));
            let points = host.points();
            for family in &some {
                let own = points.keys().any(|key| key.starts_with(*family));
                let made = |source: &&Source| source.needs().all(|need| some.contains(&&need));
                let told = TELLING[*family].iter().copied().any(|source| made(&source));
                assert!(own || told, "{family} is lost without {missing}: {points:?}");
            }
        }
    }
}

#[test]
fn a_metric_stands_in_one_table_and_keys_of_its_points_differ() {
    let mut names = BTreeSet::new();
    for convention in TABLES.iter().copied().flatten() {
        assert!(names.insert(convention.name), "{} stands twice", convention.name);
        for source in convention.sources {
            let keys = source.labels.iter().filter_map(|(_, becomes)| match becomes {
                As::Text(key) | As::Whole(key) | As::Renamed(key, _) | As::OneOf(key, _) => Some(*key),
                As::Is(_) => None,
            });
            let said = source.attributes.iter().map(|(key, _)| *key).chain(source.mode.map(|mode| mode.key));
            let keys: Vec<_> = keys.chain(said).collect();
            assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{}", convention.name);
        }
    }
}
