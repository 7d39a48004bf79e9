//! Which cloud a machine is of, by what its firmware says of itself. Every virtual machine of these clouds says it, to
//! everybody on the machine, without a packet being sent.

use std::{io::Read as _, path::Path};

use muster_protocol::latest::CloudProvider;

/// No honest word is longer.
const MOST_BYTES: u64 = 256;
/// By which Azure's machines are told from others on Hyper-V.
const AZURE_ASSET_TAG: &str = "7783-7084-3265-9085-8269-3286-77";

/// The firmware's words; one that is missing is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dmi {
    /// Who made the machine.
    pub sys_vendor: String,
    /// What it is.
    pub product_name: String,
    /// The owner's tag on its case.
    pub chassis_asset_tag: String,
    /// Who made the firmware.
    pub bios_vendor: String,
    /// Its version.
    pub bios_version: String,
}

impl Dmi {
    /// Reads them.
    pub fn read(dir: &Path) -> Self {
        let read = |name: &str| {
            let mut text = String::new();
            let file = std::fs::File::open(dir.join(name));
            match file.and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text)) {
                Ok(_) => text.trim().to_owned(),
                Err(_) => String::new(),
            }
        };
        Self {
            sys_vendor: read("sys_vendor"),
            product_name: read("product_name"),
            chassis_asset_tag: read("chassis_asset_tag"),
            bios_vendor: read("bios_vendor"),
            bios_version: read("bios_version"),
        }
    }

    /// The cloud that they name, if it is one that we know.
    pub fn cloud(&self) -> Option<CloudProvider> {
        if self.sys_vendor == "Amazon EC2"
            || self.bios_vendor == "Amazon EC2"
            // Older types, on Xen: `4.11.amazon`.
            || (self.sys_vendor == "Xen" && self.bios_version.ends_with("amazon"))
        {
            Some(CloudProvider::Aws)
        } else if self.sys_vendor == "Alibaba Cloud" || self.product_name == "Alibaba Cloud ECS" {
            Some(CloudProvider::Aliyun)
        } else if self.sys_vendor == "Tencent Cloud" {
            Some(CloudProvider::Tencent)
        // Their notebooks are made by Google, too.
        } else if self.product_name == "Google Compute Engine" {
            Some(CloudProvider::Gcp)
        } else if self.chassis_asset_tag == AZURE_ASSET_TAG {
            Some(CloudProvider::Azure)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(sys_vendor: &str, product_name: &str) -> Dmi {
        Dmi {
            sys_vendor: sys_vendor.to_owned(),
            product_name: product_name.to_owned(),
            ..Dmi::default()
        }
    }

    #[test]
    fn clouds_are_known_by_what_their_firmware_says() {
        let dir = tempfile::tempdir().unwrap();
        let cloud = |files: &[(&str, &str)]| {
            for name in [
                "sys_vendor",
                "product_name",
                "chassis_asset_tag",
                "bios_vendor",
                "bios_version",
            ] {
                let said = files.iter().find(|(file, _)| *file == name);
                std::fs::write(dir.path().join(name), said.map_or("\n", |(_, text)| text)).unwrap();
            }
            Dmi::read(dir.path()).cloud()
        };
        let aws = Some(CloudProvider::Aws);
        assert_eq!(
            cloud(&[("sys_vendor", "Amazon EC2\n"), ("product_name", "t3.large\n")]),
            aws
        );
        assert_eq!(
            cloud(&[("sys_vendor", "Xen\n"), ("bios_version", "4.11.amazon\n")]),
            aws
        );
        let aliyun = [
            ("sys_vendor", "Alibaba Cloud\n"),
            ("product_name", "Alibaba Cloud ECS\n"),
        ];
        assert_eq!(cloud(&aliyun), Some(CloudProvider::Aliyun));
        let tencent = [("sys_vendor", "Tencent Cloud\n"), ("product_name", "CVM\n")];
        assert_eq!(cloud(&tencent), Some(CloudProvider::Tencent));
        let gcp = [
            ("sys_vendor", "Google\n"),
            ("product_name", "Google Compute Engine\n"),
        ];
        assert_eq!(cloud(&gcp), Some(CloudProvider::Gcp));
        let azure = [
            ("sys_vendor", "Microsoft Corporation\n"),
            ("chassis_asset_tag", AZURE_ASSET_TAG),
        ];
        assert_eq!(cloud(&azure), Some(CloudProvider::Azure));
    }

    #[test]
    fn other_machines_are_of_no_cloud() {
        for (vendor, product) in [
            ("", ""),
            ("Dell Inc.", "PowerEdge R650"),
            ("Microsoft Corporation", "Virtual Machine"),
            ("Xen", "HVM domU"),
            ("Google", "Pixelbook"),
            ("QEMU", "Standard PC (Q35 + ICH9, 2009)"),
        ] {
            assert_eq!(machine(vendor, product).cloud(), None, "{vendor}");
        }
        let nowhere = Path::new("/nowhere/at/all");
        assert_eq!(Dmi::read(nowhere), Dmi::default());
    }
}
