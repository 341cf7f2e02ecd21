//! `pcidevice`: the devices on the PCI bus, and how fast they are linked.
//!
//! `/sys/bus/pci/devices/<segment>:<bus>:<device>.<function>` (the kernel's ABI/testing/sysfs-bus-pci); the link leads to
//! a directory in that of the device's parent. With `pcidevice.names` the numbers of a device are looked up ([`names`]).

mod names;
mod settings;

use std::path::{Path, PathBuf};

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use self::names::{Names, Numbers};
pub(super) use self::settings::PciDeviceSettings;
use super::attributes::{Attribute, Attributes};
use super::class::{Class, Texts, text};
use super::file::{SmallFile, read_once};
use super::parse;
use crate::system::config::Roots;

static INFO: Family = Family::gauge(
    "node_pcidevice_info",
    "Non-numeric data from /sys/bus/pci/devices/<location>, value is always 1.",
);
static NUMA_NODE: Family = Family::gauge(
    "node_pcidevice_numa_node",
    "NUMA node number for the PCI device. -1 indicates unknown or not available.",
);
static POWER_STATE: Family = Family::gauge(
    "node_pcidevice_power_state",
    "PCIe device power state, one of: D0, D1, D2, D3hot, D3cold, unknown or error.",
);
static CURRENT_SPEED: Family = Family::gauge(
    "node_pcidevice_current_link_transfers_per_second",
    "Value of current link's transfers per second (T/s)",
);
static MAX_SPEED: Family = Family::gauge(
    "node_pcidevice_max_link_transfers_per_second",
    "Value of maximum link's transfers per second (T/s)",
);

#[rustfmt::skip] // one line each, however long
static NUMBERS: [Attribute; 7] = [
    Attribute::plain("current_link_width", Family::gauge("node_pcidevice_current_link_width", "Value of current link's width (number of lanes)")),
    Attribute::plain("max_link_width", Family::gauge("node_pcidevice_max_link_width", "Value of maximum link's width (number of lanes)")),
    Attribute::plain("d3cold_allowed", Family::gauge("node_pcidevice_d3cold_allowed", "Whether the PCIe device supports D3cold power state (0/1).")),
    Attribute::plain("sriov_drivers_autoprobe", Family::gauge("node_pcidevice_sriov_drivers_autoprobe", "Whether SR-IOV drivers autoprobe is enabled for the device (0/1).")),
    Attribute::plain("sriov_numvfs", Family::gauge("node_pcidevice_sriov_numvfs", "Number of Virtual Functions (VFs) currently enabled for SR-IOV.")),
    Attribute::plain("sriov_totalvfs", Family::gauge("node_pcidevice_sriov_totalvfs", "Total number of Virtual Functions (VFs) supported by the device.")),
    Attribute::plain("sriov_vf_total_msix", Family::gauge("node_pcidevice_sriov_vf_total_msix", "Total number of MSI-X vectors for Virtual Functions.")),
];

const POWER_STATES: [&str; 7] = ["D0", "D1", "D2", "D3hot", "D3cold", "unknown", "error"];

/// Where distributions have the names.
const IDS_FILES: [&str; 2] = ["usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids"];

pub(super) struct PciDevice {
    devices: Class<Option<Device>>,
    names: Option<IdsFile>,
}

/// The file that has the names. It is large, and read only where a device is met: its text is not kept.
struct IdsFile {
    candidates: Vec<PathBuf>,
    text: Option<Vec<u8>>,
}

struct Device {
    address: Address,
    parent: Option<Address>,
    texts: Texts<6>,
    numbers: Attributes,
    numa_node: SmallFile,
    power_state: SmallFile,
    current_speed: SmallFile,
    max_speed: SmallFile,
    /// Once they were looked up: which numbers, and their names.
    named: Option<(Numbers, Names)>,
}

/// `0000:00:02.1`
#[derive(Debug, PartialEq, Eq)]
struct Address {
    segment: String,
    bus: String,
    device: String,
    function: String,
}

impl Address {
    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.splitn(3, ':');
        let (segment, bus) = (parts.next()?, parts.next()?);
        let (device, function) = parts.next()?.split_once('.')?;
        let hex = |part: &&str| parse::hex(part.as_bytes()).is_some();
        let parts = [segment, bus, device, function];
        let [segment, bus, device, function] = parts.iter().all(hex).then(|| parts.map(str::to_owned))?;
        Some(Self { segment, bus, device, function })
    }
}

impl PciDevice {
    pub(super) fn new(roots: &Roots, settings: &PciDeviceSettings) -> Self {
        let candidates = match settings.idsfile.as_os_str().is_empty() {
            true => IDS_FILES.map(|file| roots.rootfs.join(file)).to_vec(),
            false => vec![settings.idsfile.to_path_buf()],
        };
        Self {
            devices: Class::new(roots.sysfs.join("bus/pci/devices")),
            names: settings.names.then_some(IdsFile { candidates, text: None }),
        }
    }
}

impl IdsFile {
    fn names(&mut self, numbers: &Numbers) -> Names {
        if self.text.is_none() {
            self.text = Some(self.read());
        }
        Names::find(self.text.as_deref().unwrap_or_default(), numbers)
    }

    /// The first file that there is; nothing if there is none.
    fn read(&self) -> Vec<u8> {
        let mut wrong = None;
        for path in &self.candidates {
            match read_once(path, &mut Vec::new()) {
                Ok(text) => return text.to_vec(),
                Err(error) => wrong = Some(error),
            }
        }
        if let Some(error) = wrong {
            tracing::warn!(collector = "pcidevice", "devices have no names: {error}");
        }
        Vec::new()
    }
}

impl Device {
    fn new(name: &str, dir: &Path) -> Option<Self> {
        let file = |name: &str| SmallFile::new(dir.join(name));
        let real = std::fs::canonicalize(dir).ok();
        let parent =
            real.as_deref().and_then(|real| real.parent()?.file_name()?.to_str().map(Address::parse));
        let texts = ["class", "device", "revision", "subsystem_device", "subsystem_vendor", "vendor"];
        Some(Self {
            address: Address::parse(name)?,
            parent: parent.flatten(),
            texts: Texts::new(dir, texts),
            numbers: Attributes::new(dir, &NUMBERS),
            numa_node: file("numa_node"),
            power_state: file("power_state"),
            current_speed: file("current_link_speed"),
            max_speed: file("max_link_speed"),
            named: None,
        })
    }

    fn write(&mut self, page: &mut Page, buffer: &mut Vec<u8>, ids: Option<&mut IdsFile>) {
        let Address { segment, bus, device, function } = &self.address;
        let parent = self.parent.as_ref();
        let of_parent = |part: fn(&Address) -> &String| parent.map_or("*", |address| part(address).as_str());
        let [class, id, revision, subsystem, subsystem_vendor, vendor] = self.texts.read_or_empty(buffer);
        let mut pairs = vec![
            ("bus", bus.as_str()),
            ("class_id", &class),
            ("device", device),
            ("device_id", &id),
            ("function", function),
            ("parent_bus", of_parent(|address| &address.bus)),
            ("parent_device", of_parent(|address| &address.device)),
            ("parent_function", of_parent(|address| &address.function)),
            ("parent_segment", of_parent(|address| &address.segment)),
            ("revision", &revision),
            ("segment", segment),
            ("subsystem_device_id", &subsystem),
            ("subsystem_vendor_id", &subsystem_vendor),
            ("vendor_id", &vendor),
        ];
        if let Some(ids) = ids {
            let plain = |number: &String| number.trim_start_matches("0x").to_ascii_lowercase();
            let numbers = Numbers {
                vendor: plain(&vendor),
                device: plain(&id),
                subsystem_vendor: plain(&subsystem_vendor),
                subsystem_device: plain(&subsystem),
                class: plain(&class),
            };
            let known = self.named.take().filter(|(known, _)| *known == numbers);
            let (_, names) = self.named.insert(known.unwrap_or_else(|| {
                let names = ids.names(&numbers);
                (numbers, names)
            }));
            pairs.extend([
                ("class_name", names.class.as_str()),
                ("device_name", &names.device),
                ("subsystem_device_name", &names.subsystem_device),
                ("subsystem_vendor_name", &names.subsystem_vendor),
                ("vendor_name", &names.vendor),
            ]);
        }
        let labels = page.full_labels(&pairs);
        page.set(&INFO, labels, 1.0);
        let pairs = [("bus", bus.as_str()), ("device", device), ("function", function), ("segment", segment)];
        let labels = page.labels(&pairs);
        self.numbers.write(page, labels, buffer);
        // -1 is no node at all.
        if let Some(node) = self.numa_node.number(buffer).filter(|node| *node >= 0.0) {
            page.set(&NUMA_NODE, labels, node);
        }
        for (file, family) in [(&mut self.current_speed, &CURRENT_SPEED), (&mut self.max_speed, &MAX_SPEED)] {
            if let Some(speed) = text(file, buffer).as_deref().and_then(transfers) {
                page.set(family, labels, speed);
            }
        }
        if let Some(state) = text(&mut self.power_state, buffer) {
            for known in POWER_STATES {
                let labels = page.labels_after(labels, &[("state", known)]);
                page.set(&POWER_STATE, labels, f64::from(known == state));
            }
        }
    }
}

/// `8.0 GT/s PCIe`, per second; `Unknown` where there is no link.
fn transfers(text: &str) -> Option<f64> {
    Some(parse::number(text.split_once(" GT/s")?.0.as_bytes())? * 1e9)
}

impl Sampler for PciDevice {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let Self { devices, names } = self;
        let visited = devices.each(
            |_| true,
            Device::new,
            |_, device, buffer| {
                if let Some(device) = device {
                    device.write(page, buffer, names.as_mut());
                }
            },
        );
        if let Some(ids) = names {
            ids.text = None;
        }
        visited
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn a_device_knows_its_parent_and_its_link() {
        let real = "sys/devices/pci0000:00/0000:00:02.1/0000:01:00.0";
        let host = Fixture::new()
            .with(&format!("{real}/vendor"), "0x8086\n")
            .with(&format!("{real}/max_link_speed"), "16.0 GT/s PCIe\n")
            .with(&format!("{real}/current_link_speed"), "Unknown\n")
            .with(&format!("{real}/numa_node"), "-1\n")
            .with(&format!("{real}/power_state"), "D3hot\n");
        let devices = host.path().join("sys/bus/pci/devices");
        std::fs::create_dir_all(&devices).unwrap();
        std::os::unix::fs::symlink(host.path().join(real), devices.join("0000:01:00.0")).unwrap();
        let (series, result) = host.sample(&mut PciDevice::new(host.roots(), &PciDeviceSettings::default()));
        result.unwrap();
        assert!(
            series[0].contains("parent_bus=\"00\",parent_device=\"02\",parent_function=\"1\""),
            "{series:?}"
        );
        let labels = "bus=\"01\",device=\"00\",function=\"0\",segment=\"0000\"";
        assert_eq!(
            series[1],
            format!("node_pcidevice_max_link_transfers_per_second{{{labels}}} 16000000000")
        );
        assert_eq!(series[5], format!("node_pcidevice_power_state{{{labels},state=\"D3hot\"}} 1"));
        assert_eq!(series.len(), 2 + POWER_STATES.len());
    }

    #[test]
    fn a_device_is_told_by_name_where_the_file_knows_it() {
        let dir = "sys/bus/pci/devices/0000:01:00.0";
        let host = Fixture::new()
            .with(&format!("{dir}/vendor"), "0x144d\n")
            .with(&format!("{dir}/device"), "0xA808\n")
            .with(&format!("{dir}/class"), "0x010802\n")
            .with("usr/share/hwdata/pci.ids", "144d  Samsung\n\ta808  SSD\nC 01  Mass storage\n");
        let settings = PciDeviceSettings { names: true, ..PciDeviceSettings::default() };
        let mut sampler = PciDevice::new(host.roots(), &settings);
        let (series, result) = host.sample(&mut sampler);
        result.unwrap();
        for label in ["class_name=\"Mass storage\"", "device_name=\"SSD\"", "vendor_name=\"Samsung\""] {
            assert!(series[0].contains(label), "{series:?}");
        }
        std::fs::remove_dir_all(host.path().join("usr")).unwrap();
        assert_eq!(host.sample(&mut sampler).0, series);
        host.write(&format!("{dir}/device"), "0xa809\n");
        assert!(host.sample(&mut sampler).0[0].contains("device_name=\"a809\""));
    }

    #[test]
    fn only_addresses_are_addresses() {
        for name in ["", "pci0000:00", "0000:00:02", "0000:00:xx.1", "a.b"] {
            assert_eq!(Address::parse(name), None, "{name}");
        }
    }

    survives_any_bytes!("sys/bus/pci/devices/0000:01:00.0/max_link_speed", "16.0 GT/s PCIe\n", host => {
        PciDevice::new(host.roots(), &PciDeviceSettings::default())
    });
}
