//! `nvme`: the NVMe controllers and their namespaces.
//!
//! `/sys/class/nvme/<controller>` (the kernel's ABI/stable/sysfs-block and drivers/nvme/host/sysfs.c): what the controller
//! is, and for each namespace its size and what of it is used, in logical blocks.

use std::path::Path;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::class::{Class, Texts, is_numbered, text};
use super::file::{SmallFile, names_in};
use super::parse;
use crate::system::config::Roots;

static INFO: Family =
    Family::gauge("node_nvme_info", "Non-numeric data from /sys/class/nvme/<device>, value is always 1.");
static NAMESPACE_INFO: Family =
    Family::gauge("node_nvme_namespace_info", "Information about NVMe namespaces. Value is always 1");
static CAPACITY: Family = Family::gauge(
    "node_nvme_namespace_capacity_bytes",
    "Capacity of the NVMe namespace in bytes. Computed as namespace_size * namespace_logical_block_size",
);
static SIZE: Family = Family::gauge(
    "node_nvme_namespace_size_bytes",
    "Size of the NVMe namespace in bytes. Available in /sys/class/nvme/<device>/<namespace>/size",
);
static USED: Family = Family::gauge(
    "node_nvme_namespace_used_bytes",
    "Used space of the NVMe namespace in bytes. Available in /sys/class/nvme/<device>/<namespace>/nuse",
);
static BLOCK_SIZE: Family = Family::gauge(
    "node_nvme_namespace_logical_block_size_bytes",
    "Logical block size of the NVMe namespace in bytes. Usually 4Kb. Available in /sys/class/nvme/<device>/<namespace>/queue/logical_block_size",
);

pub(super) struct Nvme {
    controllers: Class<Controller>,
}

struct Controller {
    texts: Texts<5>,
    namespaces: Vec<Namespace>,
}

struct Namespace {
    id: String,
    state: SmallFile,
    size: SmallFile,
    used: SmallFile,
    block_size: SmallFile,
}

impl Nvme {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { controllers: Class::new(roots.sysfs.join("class/nvme")) }
    }
}

impl Controller {
    fn new(_: &str, dir: &Path) -> Self {
        let names = names_in(dir).unwrap_or_default();
        Self {
            texts: Texts::new(dir, ["cntlid", "firmware_rev", "model", "serial", "state"]),
            namespaces: names.iter().filter_map(|name| Namespace::new(name, &dir.join(name))).collect(),
        }
    }
}

impl Namespace {
    fn new(name: &str, dir: &Path) -> Option<Self> {
        let file = |name: &str| SmallFile::new(dir.join(name));
        Some(Self {
            id: namespace_id(name)?.to_owned(),
            state: file("ana_state"),
            size: file("size"),
            used: file("nuse"),
            block_size: file("queue/logical_block_size"),
        })
    }

    fn write(&mut self, page: &mut Page, device: &str, buffer: &mut Vec<u8>) {
        let state = text(&mut self.state, buffer).unwrap_or_else(|| "unknown".to_owned());
        let labels = page.labels(&[("ana_state", &state), ("device", device), ("nsid", &self.id)]);
        page.set(&NAMESPACE_INFO, labels, 1.0);
        let labels = page.labels(&[("device", device), ("nsid", &self.id)]);
        let Some(block) = self.block_size.number(buffer) else { return };
        page.set(&BLOCK_SIZE, labels, block);
        if let Some(blocks) = self.size.number(buffer) {
            page.set(&CAPACITY, labels, blocks * block);
            page.set(&SIZE, labels, blocks * block);
        }
        if let Some(blocks) = self.used.number(buffer) {
            page.set(&USED, labels, blocks * block);
        }
    }
}

/// `1` of `nvme0n1`, and of `nvme0c2n1`, as the paths of a namespace that has several are named.
fn namespace_id(name: &str) -> Option<&str> {
    let (controller, id) = name.strip_prefix("nvme")?.split_once('n')?;
    let (controller, path) = controller.split_once('c').unwrap_or((controller, "0"));
    let is_number = |text: &str| parse::whole(text.as_bytes()).is_some();
    [controller, path, id].into_iter().all(is_number).then_some(id)
}

impl Sampler for Nvme {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.controllers.each(
            |name| is_numbered(name, "nvme"),
            Controller::new,
            |name, controller, buffer| {
                let [id, firmware, model, serial, state] = controller.texts.read_or_empty(buffer);
                let labels = page.full_labels(&[
                    ("cntlid", &id),
                    ("device", name),
                    ("firmware_revision", &firmware),
                    ("model", &model),
                    ("serial", &serial),
                    ("state", &state),
                ]);
                page.set(&INFO, labels, 1.0);
                for namespace in &mut controller.namespaces {
                    namespace.write(page, name, buffer);
                }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn a_namespace_is_measured_in_its_own_blocks() {
        let dir = "sys/class/nvme/nvme0";
        let host = Fixture::new()
            .with(&format!("{dir}/model"), "Disk\n")
            .with(&format!("{dir}/nvme0c1n3/queue/logical_block_size"), "512\n")
            .with(&format!("{dir}/nvme0c1n3/size"), "1000\n")
            .with(&format!("{dir}/nvme0c1n3/nuse"), "10\n");
        let (series, result) = host.sample(&mut Nvme::new(host.roots()));
        result.unwrap();
        let labels = "{device=\"nvme0\",nsid=\"3\"}";
        assert_eq!(
            series[1..],
            [
                "node_nvme_namespace_info{ana_state=\"unknown\",device=\"nvme0\",nsid=\"3\"} 1".to_owned(),
                format!("node_nvme_namespace_logical_block_size_bytes{labels} 512"),
                format!("node_nvme_namespace_capacity_bytes{labels} 512000"),
                format!("node_nvme_namespace_size_bytes{labels} 512000"),
                format!("node_nvme_namespace_used_bytes{labels} 5120"),
            ]
        );
    }

    #[test]
    fn only_namespaces_are_namespaces() {
        assert_eq!(namespace_id("nvme0n1"), Some("1"));
        assert_eq!(namespace_id("nvme10c3n12"), Some("12"));
        for name in ["nvme0", "nvme0n", "nvmen1", "nvme0cn1", "hwmon1", "nvme-subsys0"] {
            assert_eq!(namespace_id(name), None, "{name}");
        }
    }

    survives_any_bytes!("sys/class/nvme/nvme0/nvme0n1/size", "1000\n", host => {
        host.write("sys/class/nvme/nvme0/nvme0n1/queue/logical_block_size", "512\n");
        Nvme::new(host.roots())
    });
}
