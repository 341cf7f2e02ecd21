//! Files, environment and flags together.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;
use vigie_config::watch::{Patience, Watch};
use vigie_config::{Config, Flags, LogFormat, LogLevel, Origin, Setting, SettingValue, Variables};

fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

/// As a service would find its configuration in `dir`.
fn origin(dir: &Path, variables: &[(&str, &str)]) -> Origin {
    let mut all = vec![("CONFIGURATION_DIRECTORY", dir.to_str().unwrap())];
    all.extend(variables);
    Origin { variables: Variables::from_iter(all), ..Origin::default() }
}

#[test]
fn without_any_file_it_runs_on_defaults() {
    let dir = written(&[]);
    let loaded = origin(dir.path(), &[]).load().unwrap();
    assert_eq!(loaded.files, [] as [std::path::PathBuf; 0]);
    assert_eq!(loaded.config.server.listen.to_string(), "127.0.0.1:9750");
    assert_eq!(loaded.config.exporters.otlp, []);
    let groups: Vec<_> = loaded.config.collectors.processes.groups.iter().map(|group| &group.name).collect();
    assert_eq!(groups, ["vigie"]);
}

#[test]
fn the_file_and_the_directory_are_read_together() {
    let dir = written(&[
        ("vigie.yaml", "agent: { service: shop, resource: { a: '1' } }"),
        ("conf.d/10.yaml", "agent: { resource: { b: '2' } }"),
        ("conf.d/20.yaml", "server: { listen: ':1' }"),
    ]);
    let loaded = origin(dir.path(), &[]).load().unwrap();
    assert_eq!(loaded.files.len(), 3);
    assert_eq!(loaded.config.agent.service, "shop");
    assert_eq!(loaded.config.agent.resource.len(), 2);
    assert_eq!(loaded.config.server.listen.to_string(), "[::]:1");
}

#[test]
fn files_that_say_the_same_thing_twice_are_refused() {
    let dir =
        written(&[("vigie.yaml", "agent: { service: a }"), ("conf.d/x.yaml", "agent:\n  service: b\n")]);
    let told =
        origin(dir.path(), &[]).load().unwrap_err().to_string().replace(dir.path().to_str().unwrap(), "");
    assert_eq!(told, "/conf.d/x.yaml:2:12: agent.service: set twice, first at /vigie.yaml:1:19");
}

#[test]
fn flags_win_over_the_file_and_are_told_by_name() {
    let dir = written(&[(
        "vigie.yaml",
        "server: { listen: ':1' }\nagent: { log: { level: debug, format: json } }",
    )]);
    let flags = |level: &str| Flags {
        listen_address: Some("localhost:2".to_owned()),
        log_level: Some(level.to_owned()),
        ..Flags::default()
    };
    let loaded = Origin { flags: flags("warn"), ..origin(dir.path(), &[]) }.load().unwrap();
    assert_eq!(loaded.config.server.listen.to_string(), "127.0.0.1:2");
    assert_eq!(loaded.config.agent.log.level, LogLevel::Warn);
    assert_eq!(loaded.config.agent.log.format, LogFormat::Json);

    let told = Origin { flags: flags("wran"), ..origin(dir.path(), &[]) }.load().unwrap_err();
    assert_eq!(
        told.to_string(),
        "--log.level: agent.log.level: unknown value `wran` (did you mean `warn`?); \
         known are `error`, `warn`, `info`, `debug`, `trace`"
    );
}

#[test]
fn the_environment_fills_in_what_the_file_leaves_out() {
    let dir = written(&[("vigie.yaml", "agent: { resource: { env: file } }")]);
    let variables = [
        ("OTEL_RESOURCE_ATTRIBUTES", "env=prod,team=a%2Cb,service.name=other,,broken"),
        ("STATE_DIRECTORY", "/state:/more"),
    ];
    let config = origin(dir.path(), &variables).load().unwrap().config;
    let resource: Vec<_> = config.agent.resource.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(resource, ["env=file", "team=a,b"]);
    assert_eq!(config.agent.service, "other");
    assert_eq!(config.agent.state_dir, Path::new("/state"));
}

#[test]
fn otel_service_name_wins() {
    let dir = written(&[("vigie.yaml", "agent: { service: file, state_dir: /file }")]);
    let variables = [
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=attribute"),
        ("OTEL_SERVICE_NAME", "named"),
        ("STATE_DIRECTORY", "/state"),
    ];
    let config = origin(dir.path(), &variables).load().unwrap().config;
    assert_eq!(config.agent.service, "named");
    assert_eq!(config.agent.state_dir, Path::new("/file"));
}

#[test]
fn the_web_config_is_read_and_checked_with_its_own_places() {
    let hash = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";
    let good = format!("basic_auth_users:\n  ali: {hash}\n");
    let dir = written(&[
        ("vigie.yaml", "server: { web_config: web/web.yml }"),
        ("web/web.yml", &good),
        ("bad.yaml", "server: { web_config: bad.yml }"),
        (
            "bad.yml",
            "basic_auth_users:\n  ali: hunter2\ntls_server_config:\n  cert_file: none.pem\n  keyfile: x\n",
        ),
        ("worse.yaml", "server: { web_config: worse.yml }"),
        ("worse.yml", "basic_auth_users:\n  ali: hunter2\n"),
    ]);
    let loaded = origin(dir.path(), &[]).load().unwrap();
    assert!(loaded.config.server.web.unwrap().basic_auth_users["ali"].reveal().starts_with("$2y$10$"));
    let told = |name: &str| {
        let origin = Origin { files: vec![dir.path().join(name)], ..Origin::default() };
        origin.load().unwrap_err().to_string().replace(&format!("{}/", dir.path().display()), "")
    };
    assert_eq!(
        told("bad.yaml"),
        "bad.yml:5:3: tls_server_config.keyfile: unknown key (did you mean `key_file`?); known are `cert_file`, \
         `key_file`, `client_auth_type`, `client_ca_file`, `client_allowed_sans`, `min_version`, `max_version`"
    );
    assert_eq!(
        told("worse.yaml"),
        "worse.yml:2:8: basic_auth_users.ali: not a bcrypt hash, such as `htpasswd -nBC 10 \"\"` prints"
    );
}

#[test]
fn what_a_secret_file_holds_is_watched_and_never_shown() {
    let dir = written(&[
        ("vigie.yaml", "agent: { service: '${file:name}', memory_limit: '${file:name}' }"),
        ("good.yaml", "agent: { service: '${file:name}' }"),
        ("name", "hunter2\n"),
    ]);
    let told = origin(dir.path(), &[]).load().unwrap_err().to_string();
    assert!(told.contains("what `${file:name}` expands to is not accepted here"), "{told}");
    assert!(!told.contains("hunter"), "{told}");
    let loaded = Origin { files: vec![dir.path().join("good.yaml")], ..Origin::default() }.load().unwrap();
    assert_eq!(loaded.config.agent.service, "hunter2");
}

#[test]
fn what_cannot_be_read_is_told() {
    let dir = written(&[("latin1.yaml", ""), ("huge.yaml", &"#\n".repeat(1 << 20))]);
    std::fs::write(dir.path().join("latin1.yaml"), b"agent:\n  service: caf\xe9\n").unwrap();
    let told = |name: &str| {
        let origin = Origin { files: vec![dir.path().join(name)], ..Origin::default() };
        origin.load().unwrap_err().to_string().replace(&format!("{}/", dir.path().display()), "")
    };
    assert_eq!(told("none.yaml"), "none.yaml: cannot be read: no such file or directory");
    assert_eq!(told("latin1.yaml"), "latin1.yaml:2:15: not UTF-8: the byte 0xe9");
    assert_eq!(told("huge.yaml"), "huge.yaml: cannot be read: larger than 1024 KiB");
}

#[test]
fn the_default_written_out_is_the_default() {
    let dir = written(&[]);
    let text = serde_json::to_string(&Config::default()).unwrap();
    std::fs::write(dir.path().join("vigie.yaml"), text).unwrap();
    assert_eq!(origin(dir.path(), &[]).load().unwrap().config.agent, Config::default().agent);
}

/// The OTLP exporters, as `name endpoint protocol timeout signals`.
fn otlp(dir: &Path, variables: &[(&str, &str)]) -> Vec<String> {
    let config = origin(dir, variables).load().unwrap().config;
    let told = config.exporters.otlp.iter().map(|otlp| {
        let signals: Vec<_> = otlp.signals.iter().map(|signal| signal.as_str()).collect();
        format!("{} {} {:?} {} {}", otlp.name, otlp.endpoint, otlp.protocol, otlp.timeout, signals.join("+"))
    });
    told.collect()
}

#[test]
fn an_otlp_endpoint_in_the_environment_makes_an_exporter() {
    let dir = written(&[]);
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
    assert_eq!(otlp(dir.path(), &[endpoint]), ["default http://collector:4318 Http 10s logs+traces"]);
    let more = [
        endpoint,
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc, x-tenant = 7"),
    ];
    assert_eq!(otlp(dir.path(), &more), ["default http://collector:4318 Grpc 2s500ms logs+traces"]);
    let config = origin(dir.path(), &more).load().unwrap().config;
    let headers: Vec<_> =
        config.exporters.otlp[0].headers.iter().map(|(k, v)| (k.as_str(), v.reveal())).collect();
    assert_eq!(headers, [("authorization", "Bearer abc"), ("x-tenant", "7")]);
    assert_eq!(otlp(dir.path(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", ""), more[1], more[4]]), [] as [&str; 0]);
}

#[test]
fn endpoints_of_single_signals_are_used_as_they_are() {
    let dir = written(&[]);
    let metrics = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://m:1/own/path");
    let config = origin(dir.path(), &[metrics]).load().unwrap().config;
    let exporter = &config.exporters.otlp[0];
    assert_eq!(exporter.signals.iter().map(|signal| signal.as_str()).collect::<Vec<_>>(), ["metrics"]);
    assert_eq!(exporter.signal_endpoints.values().collect::<Vec<_>>(), ["http://m:1/own/path"]);
    let both = [metrics, ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:1")];
    assert_eq!(otlp(dir.path(), &both), ["default http://all:1 Http 10s logs+traces+metrics"]);
}

#[test]
fn the_environment_completes_the_default_exporter_of_the_file_and_no_other() {
    let dir = written(&[(
        "vigie.yaml",
        "exporters: { otlp: [{ name: other, endpoint: 'http://o:1' }, { name: default, timeout: 1s }] }",
    )]);
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://env:1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "7000"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b"),
    ];
    assert_eq!(
        otlp(dir.path(), &variables),
        ["other http://o:1 Http 10s logs+traces", "default http://env:1 Http 1s logs+traces"]
    );
    let config = origin(dir.path(), &variables).load().unwrap().config;
    assert_eq!(config.exporters.otlp[0].headers.len(), 0);
    let dir =
        written(&[("vigie.yaml", "exporters: { otlp: [{ name: default, endpoint: 'http://file:1' }] }")]);
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://env:1"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://env:1/logs"),
    ];
    let config = origin(dir.path(), &variables).load().unwrap().config;
    assert_eq!(
        (config.exporters.otlp[0].endpoint.as_str(), config.exporters.otlp[0].signal_endpoints.len()),
        ("http://file:1", 0)
    );
}

#[test]
fn how_often_metrics_are_sent_is_said_by_the_environment_alone() {
    let dir = written(&[("vigie.yaml", "exporters: { otlp: [{ name: a, endpoint: 'http://o:1' }] }")]);
    let config = origin(dir.path(), &[("OTEL_METRIC_EXPORT_INTERVAL", "1500")]).load().unwrap().config;
    assert_eq!(config.exporters.otlp[0].metric_interval, Some(Duration::from_millis(1500)));
    let told = origin(dir.path(), &[("OTEL_METRIC_EXPORT_INTERVAL", "1m")]).load().unwrap_err().to_string();
    assert_eq!(
        told,
        "environment variable OTEL_METRIC_EXPORT_INTERVAL: `1m` is not a number of milliseconds"
    );
}

#[test]
fn a_path_from_a_variable_is_shown_and_one_from_a_secret_is_not() {
    let dir = written(&[
        ("variable.yaml", "server: { web_config: '${DIR}/none.yml' }"),
        ("secret.yaml", "server: { web_config: '${file:secret}' }"),
        ("secret", "/hunter2"),
    ]);
    let told = |name: &str| {
        let variables = Variables::from_iter([("DIR", "/shown")]);
        let origin = Origin { files: vec![dir.path().join(name)], variables, ..Origin::default() };
        origin.load().unwrap_err().to_string()
    };
    assert!(told("variable.yaml").ends_with("open /shown/none.yml: no such file or directory"));
    assert!(
        told("secret.yaml").ends_with("open ${file:secret}: no such file or directory"),
        "{}",
        told("secret.yaml")
    );
}

#[test]
fn a_wrong_variable_is_told_by_name_and_its_secrets_are_not() {
    let dir = written(&[]);
    let told = |variables: &[(&str, &str)]| origin(dir.path(), variables).load().unwrap_err().to_string();
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
    assert_eq!(
        told(&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "gprc")]),
        "environment variable OTEL_EXPORTER_OTLP_PROTOCOL: exporters.otlp[0].protocol: unknown value `gprc` \
         (did you mean `grpc`?); known are `http/protobuf`, `grpc`"
    );
    let told = told(&[endpoint, ("OTEL_EXPORTER_OTLP_HEADERS", "a=hunter2%0Ax")]);
    assert!(
        told.starts_with("environment variable OTEL_EXPORTER_OTLP_HEADERS: exporters.otlp[0].headers.a: "),
        "{told}"
    );
    assert!(!told.contains("hunter"), "{told}");
}

#[tokio::test]
async fn every_file_that_the_configuration_was_read_from_is_watched() {
    let dir = written(&[
        ("vigie.yaml", "server: { web_config: web.yml }\nagent: { service: '${file:secrets/name}' }"),
        ("web.yml", "basic_auth_users: {}"),
        ("conf.d/a.yaml", "agent: { resource: { a: b } }"),
        ("secrets/name", "shop"),
    ]);
    let origin = origin(dir.path(), &[]);
    let patience = Patience { quiet: Duration::from_millis(20), ..Patience::default() };
    let mut watch = Watch::new(&origin.load().unwrap().watched, patience);
    let changed =
        |text: &'static str, name: &'static str| std::fs::write(dir.path().join(name), text).unwrap();
    for (name, text) in [
        ("vigie.yaml", "server: { web_config: web.yml }\nagent: { service: 'x${file:secrets/name}' }"),
        ("web.yml", ""),
        ("conf.d/a.yaml", ""),
        ("conf.d/b.yaml", ""),
        ("secrets/name", "store"),
    ] {
        assert!(timeout(Duration::from_millis(300), watch.changed()).await.is_err(), "before {name}");
        changed(text, name);
        assert!(timeout(Duration::from_secs(5), watch.changed()).await.is_ok(), "{name}");
        watch.follow(&origin.load().unwrap().watched);
    }
}

#[test]
fn a_collector_flag_wins_over_the_lists_of_the_file() {
    let dir = written(&[("vigie.yaml", "collectors: { system: { enable: [cpu], disable: [stat, time] } }")]);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let flags = Flags { enable: names(&["stat"]), disable: names(&["cpu", "time"]), ..Flags::default() };
    let system = Origin { flags, ..origin(dir.path(), &[]) }.load().unwrap().config.collectors.system;
    assert_eq!(system.enable, ["stat"]);
    assert_eq!(system.disable, ["cpu", "time"]);

    let flags = Flags { disable: names(&["cup"]), ..Flags::default() };
    let told = Origin { flags, ..origin(dir.path(), &[]) }.load().unwrap_err().to_string();
    assert!(
        told.starts_with(
            "--no-collector.cup: collectors.system.disable[0]: no group `cup` (did you mean `cpu`?)"
        ),
        "{told}"
    );
}

#[test]
fn the_roots_of_the_host_can_be_flags() {
    let dir = written(&[("proc/stat", "")]);
    let flags = Flags { procfs: Some(dir.path().join("proc")), ..Flags::default() };
    let loaded = Origin { flags, ..origin(dir.path(), &[]) }.load().unwrap();
    assert_eq!(&*loaded.config.collectors.system.procfs, dir.path().join("proc"));
    let flags = Flags { sysfs: Some(dir.path().join("none")), ..Flags::default() };
    let told = Origin { flags, ..origin(dir.path(), &[]) }.load().unwrap_err().to_string();
    assert!(told.starts_with("--path.sysfs: collectors.system.sysfs: "), "{told}");
}

#[test]
fn neither_environment_nor_flags_hide_a_mistake_of_the_file() {
    let dir = written(&[("vigie.yaml", "agent: [shop]\nexporters: { otlp: { name: a } }\n")]);
    let variables = [("OTEL_SERVICE_NAME", "x"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318")];
    let flags = Flags { log_level: Some("warn".to_owned()), ..Flags::default() };
    let told = Origin { flags, ..origin(dir.path(), &variables) }.load().unwrap_err().to_string();
    let told = told.replace(&format!("{}/", dir.path().display()), "");
    assert_eq!(
        told,
        "vigie.yaml:1:1: agent: expected a mapping, found a list\n\
         vigie.yaml:2:14: exporters.otlp: expected a list, found a mapping"
    );
}

#[test]
fn the_directories_of_a_flag_take_the_place_of_those_of_the_file() {
    let dir = written(&[("vigie.yaml", "collectors: { system: { textfile: { directory: [/a, /b] } } }")]);
    let value = SettingValue::List(vec![dir.path().to_string_lossy().into_owned()]);
    let flags = Flags { settings: vec![setting("textfile", "directory", value)], ..Flags::default() };
    let system = Origin { flags, ..origin(dir.path(), &[]) }.load().unwrap().config.collectors.system;
    assert_eq!(system.textfile.directory.len(), 1);
    assert_eq!(&*system.textfile.directory[0], dir.path());
}

fn setting(group: &'static str, key: &str, value: SettingValue) -> Setting {
    let flag = format!("--collector.{group}.{}", key.replace('_', "-"));
    Setting { flag, group, key: key.to_owned(), value }
}

#[test]
fn a_setting_given_as_a_flag_is_checked_as_one_of_the_file() {
    let dir = written(&[("vigie.yaml", "collectors: { system: { netdev: { device_include: eth0 } } }")]);
    let load = |settings: Vec<Setting>| {
        let flags = Flags { settings, ..Flags::default() };
        Origin { flags, ..origin(dir.path(), &[]) }.load()
    };
    let loaded = load(vec![
        setting("netdev", "device_include", SettingValue::Text("lo".to_owned())),
        setting("netdev", "netlink", SettingValue::Switch(false)),
    ]);
    let netdev = loaded.unwrap().config.collectors.system.netdev;
    assert_eq!((netdev.device_include.as_str(), netdev.netlink), ("lo", false));
    let wrong = load(vec![setting("netdev", "device_include", SettingValue::Text("(".to_owned()))]);
    let told = wrong.unwrap_err().to_string();
    assert_eq!(
        told,
        "--collector.netdev.device-include: collectors.system.netdev.device_include: unclosed group"
    );
}
