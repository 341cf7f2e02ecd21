//! What the command line says; it wins over files and environment.

use std::path::PathBuf;

use crate::layers::Layers;
use crate::source::Source;
use crate::tree::{Node, Value};

/// The flags that stand for keys. They are read as the file is: what is wrong is told with the flag and the key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--web.listen-address`
    pub listen_address: Option<String>,
    /// `--web.config.file`
    pub web_config_file: Option<PathBuf>,
    /// `--log.level`
    pub log_level: Option<String>,
    /// `--log.format`
    pub log_format: Option<String>,
    /// `--path.procfs`
    pub procfs: Option<PathBuf>,
    /// `--path.sysfs`
    pub sysfs: Option<PathBuf>,
    /// `--path.rootfs`
    pub rootfs: Option<PathBuf>,
    /// `--path.udev.data`
    pub udev_data: Option<PathBuf>,
    /// The names of `--collector.<name>`.
    pub enable: Vec<String>,
    /// The names of `--no-collector.<name>`.
    pub disable: Vec<String>,
    /// `--collector.<name>.<setting>`
    pub settings: Vec<Setting>,
}

/// A flag that stands for a setting of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The flag, with its dashes.
    pub flag: String,
    /// The group.
    pub group: &'static str,
    /// The key in the group's section.
    pub key: String,
    /// What it says.
    pub value: SettingValue,
}

/// What such a flag says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue {
    /// Yes or no.
    Switch(bool),
    /// One text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// All that were said.
    List(Vec<String>),
}

impl Flags {
    pub(crate) fn apply(&self, layers: &mut Layers<'_>) {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        for (flag, keys, value) in [
            ("--web.listen-address", &["server", "listen"][..], self.listen_address.clone()),
            ("--web.config.file", &["server", "web_config"], path(&self.web_config_file)),
            ("--log.level", &["agent", "log", "level"], self.log_level.clone()),
            ("--log.format", &["agent", "log", "format"], self.log_format.clone()),
            ("--path.procfs", &["collectors", "system", "procfs"], path(&self.procfs)),
            ("--path.sysfs", &["collectors", "system", "sysfs"], path(&self.sysfs)),
            ("--path.rootfs", &["collectors", "system", "rootfs"], path(&self.rootfs)),
            ("--path.udev.data", &["collectors", "system", "udev_data"], path(&self.udev_data)),
        ] {
            if let Some(value) = value {
                let source = layers.source(Source::Flag(flag.to_owned()));
                layers.root().set(keys, Node::new(Value::text(value), source));
            }
        }
        for name in &self.enable {
            switch(layers, &format!("--collector.{name}"), name, "enable", "disable");
        }
        for name in &self.disable {
            switch(layers, &format!("--no-collector.{name}"), name, "disable", "enable");
        }
        for setting in &self.settings {
            let source = layers.source(Source::Flag(setting.flag.clone()));
            let keys = ["collectors", "system", setting.group, &setting.key];
            layers.root().set(&keys, Node::new(setting.value.tree(source), source));
        }
    }
}

impl SettingValue {
    fn tree(&self, source: usize) -> Value {
        match self {
            Self::Switch(on) => Value::Bool(*on),
            Self::Text(text) => Value::text(text),
            Self::Number(number) => Value::Integer((*number).into()),
            Self::List(texts) => {
                Value::List(texts.iter().map(|text| Node::new(Value::text(text), source)).collect())
            }
        }
    }
}

/// Puts a group of system metrics on one list and takes it from the other.
fn switch(layers: &mut Layers<'_>, flag: &str, name: &str, on: &str, off: &str) {
    let source = layers.source(Source::Flag(flag.to_owned()));
    let root = layers.root();
    for (list, add) in [(on, true), (off, false)] {
        let keys = ["collectors", "system", list];
        let Some(Node { value: Value::List(elements), .. }) = root.get_mut(&keys) else {
            if add {
                let element = Node::new(Value::text(name), source);
                root.set(&keys, Node::new(Value::List(vec![element]), source));
            }
            continue;
        };
        elements.retain(|element| !matches!(&element.value, Value::Text(text) if text.value == name));
        if add {
            elements.push(Node::new(Value::text(name), source));
        }
    }
}
