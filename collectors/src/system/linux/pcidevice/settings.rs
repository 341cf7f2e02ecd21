//! What can be set for `pcidevice`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;

/// Settings of the group `pcidevice`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PciDeviceSettings {
    /// Tell what the numbers of a device mean: the names of its vendor, of itself and of its class.
    pub names: bool,
    /// The `pci.ids` file that has the names; by default `/usr/share/misc/pci.ids` or `/usr/share/hwdata/pci.ids`.
    pub idsfile: FilePath,
}

impl Check for PciDeviceSettings {
    fn check(&self, at: &mut Place<'_>) {
        if !self.idsfile.as_os_str().is_empty() && !self.idsfile.is_file() {
            at.key("idsfile").wrong(format_args!("{} is not a file", self.idsfile.display()));
        }
    }
}
