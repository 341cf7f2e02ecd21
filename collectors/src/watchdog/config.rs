//! The `collectors.watchdog` section.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::units::{ByteSize, HumanDuration};

use super::actions::Action;
use super::entry::Expectation;
use super::kind::Kind;
use super::sensitive;

/// The `collectors.watchdog` section: what is expected of this machine. What is expected of groups of processes stands
/// with them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The time from one look to the next.
    pub interval: HumanDuration,
    /// Units of systemd that are active.
    pub units: Vec<Unit>,
    /// Ports that somebody listens on.
    pub ports: Vec<Port>,
    /// Files that are as they should be.
    pub files: Vec<WatchedFile>,
    /// Files whose every change is told.
    pub sensitive: sensitive::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval: HumanDuration::secs(5),
            units: Vec::new(),
            ports: Vec::new(),
            files: Vec::new(),
            sensitive: sensitive::Config::default(),
        }
    }
}

/// A unit of systemd that is to be active.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Unit {
    /// (required) Unique among units; the label `name`.
    pub name: String,
    /// (required) The unit: `nginx.service`.
    pub unit: String,
    /// For so long it may be inactive, or on its way.
    #[serde(rename = "for")]
    pub patience: HumanDuration,
    /// What is done if it is not active.
    pub actions: Vec<Action>,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// A listening TCP socket.
    #[default]
    Tcp,
    /// A UDP socket that takes datagrams from anybody.
    Udp,
}

/// A port that somebody is to listen on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Port {
    /// (required) Unique among ports; the label `name`.
    pub name: String,
    /// (required) The port.
    pub port: u16,
    /// The transport protocol.
    pub protocol: Protocol,
    /// At this address, or at all addresses of its kind; any address will do if none is given.
    pub address: Option<IpAddr>,
    /// For so long nobody may listen.
    #[serde(rename = "for")]
    pub patience: HumanDuration,
    /// What is done if nobody listens.
    pub actions: Vec<Action>,
}

/// A file that is to be as it should.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WatchedFile {
    /// (required) Unique among files; the label `name`.
    pub name: String,
    /// (required) The file or directory, below the host's root.
    pub path: FilePath,
    /// Whether it is there.
    pub exists: bool,
    /// It was written to not longer ago.
    pub max_age: Option<HumanDuration>,
    /// It is at least so large.
    pub min_size: Option<ByteSize>,
    /// It is at most so large.
    pub max_size: Option<ByteSize>,
    /// The SHA-256 of its content, in hexadecimal.
    pub sha256: Option<String>,
    /// Its permissions, in octal: `"0640"`.
    pub mode: Option<String>,
    /// The user it belongs to: a name of the host's `/etc/passwd`, or a number.
    pub owner: Option<String>,
    /// The group of users it belongs to: a name of the host's `/etc/group`, or a number.
    pub group: Option<String>,
    /// For so long it may be otherwise.
    #[serde(rename = "for")]
    pub patience: HumanDuration,
    /// What is done if it is otherwise.
    pub actions: Vec<Action>,
}

impl Default for WatchedFile {
    fn default() -> Self {
        Self {
            name: String::new(),
            path: FilePath::default(),
            exists: true,
            max_age: None,
            min_size: None,
            max_size: None,
            sha256: None,
            mode: None,
            owner: None,
            group: None,
            patience: HumanDuration::default(),
            actions: Vec::new(),
        }
    }
}

impl Unit {
    pub(super) fn expectations(&self) -> Vec<Expectation> {
        vec![Expectation::new(Kind::Unit, self.patience.0)]
    }
}

impl Port {
    pub(super) fn expectations(&self) -> Vec<Expectation> {
        vec![Expectation::new(Kind::Port, self.patience.0)]
    }
}

impl WatchedFile {
    /// Each expectation, in the order in which [`super::files`] looks at them.
    pub(super) fn expectations(&self) -> Vec<Expectation> {
        let patience = self.patience.0;
        let size = |kind, size: Option<ByteSize>| {
            size.map(|size| Expectation::bounded(kind, patience, size.0 as f64))
        };
        let plain = |kind, text: &Option<String>| text.as_ref().map(|_| Expectation::new(kind, patience));
        [
            Some(Expectation::new(Kind::Exists, patience)),
            self.max_age.map(|age| Expectation::bounded(Kind::MaxAge, patience, age.0.as_secs_f64())),
            size(Kind::MinSize, self.min_size),
            size(Kind::MaxSize, self.max_size),
            plain(Kind::Sha256, &self.sha256),
            plain(Kind::Mode, &self.mode),
            plain(Kind::Owner, &self.owner),
            plain(Kind::Group, &self.group),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The permissions that are expected, if any; [`Check`] has seen that they are some.
    pub(super) fn permissions(&self) -> Option<u32> {
        u32::from_str_radix(self.mode.as_ref()?, 8).ok().filter(|mode| *mode <= 0o7777)
    }
}

/// More looks than this are not for a watchdog.
const SHORTEST: HumanDuration = HumanDuration::millis(100);

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if self.interval < SHORTEST {
            at.key("interval").wrong(format_args!("less than {SHORTEST}"));
        }
        let (units, ports, files) = (at.key("units"), at.key("ports"), at.key("files"));
        units.unique("name", self.units.iter().map(|unit| unit.name.as_str()));
        units.check_each(&self.units);
        ports.unique("name", self.ports.iter().map(|port| port.name.as_str()));
        ports.check_each(&self.ports);
        files.unique("name", self.files.iter().map(|file| file.name.as_str()));
        files.check_each(&self.files);
        self.sensitive.check(&mut at.key("sensitive"));
    }
}

fn check_name(name: &str, at: &Place<'_>) {
    if name.is_empty() {
        at.key("name").wrong("required");
    }
}

impl Check for Unit {
    fn check(&self, at: &mut Place<'_>) {
        check_name(&self.name, at);
        if let Err(what) = check_unit(&self.unit) {
            at.key("unit").wrong(what);
        }
        super::actions::check(&self.actions, &self.expectations(), false, at);
    }
}

/// The kinds of units that systemd knows.
const UNITS: [&str; 11] = [
    "service",
    "socket",
    "timer",
    "mount",
    "automount",
    "swap",
    "target",
    "path",
    "slice",
    "scope",
    "device",
];

/// What is wrong with the name of a unit.
pub(super) fn check_unit(unit: &str) -> Result<(), &'static str> {
    let known = |kind| UNITS.contains(&kind);
    match unit.rsplit_once('.') {
        _ if unit.is_empty() => Err("required"),
        // systemd's own bound, and its characters.
        Some((stem, kind)) if !stem.is_empty() && known(kind) && unit.len() <= 255 => {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
            if unit.bytes().all(fits) { Ok(()) } else { Err("has a character that no unit has") }
        }
        _ => Err("not the name of a unit: write for example `nginx.service`"),
    }
}

impl Check for Port {
    fn check(&self, at: &mut Place<'_>) {
        check_name(&self.name, at);
        if self.port == 0 {
            at.key("port").wrong("required");
        }
        super::actions::check(&self.actions, &self.expectations(), false, at);
    }
}

impl Check for WatchedFile {
    fn check(&self, at: &mut Place<'_>) {
        check_name(&self.name, at);
        if self.path.as_os_str().is_empty() {
            at.key("path").wrong("required");
        }
        if let (Some(min), Some(max)) = (self.min_size, self.max_size)
            && min > max
        {
            at.key("max_size").wrong(format_args!("less than min_size, which is {min}"));
        }
        if let Some(digest) = &self.sha256
            && !(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            at.key("sha256").wrong("not 64 hexadecimal digits");
        }
        if self.mode.is_some() && self.permissions().is_none() {
            at.key("mode").wrong("not permissions in octal: write for example `\"0640\"`");
        }
        for (key, name) in [("owner", &self.owner), ("group", &self.group)] {
            if name.as_ref().is_some_and(|name| name.is_empty() || name.contains([':', '\n'])) {
                at.key(key).wrong("not a name or number");
            }
        }
        if !self.exists && self.expectations().len() > 1 {
            at.key("exists").wrong("nothing else can be expected of a file that is not to be there");
        }
        super::actions::check(&self.actions, &self.expectations(), false, at);
    }
}
