//! What only the file system itself knows of its devices: how much of each is given out, and the errors it has met.
//!
//! It is asked by ioctl(2) on a directory in it (linux/btrfs.h), so it has to be mounted where the agent can see it; of
//! several mounts of one file system one is enough.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::super::file::{FileError, KeptFile};
use super::super::filesystem::parse_mount;
use super::super::netlink::{text, u64_at};
use super::super::parse;
use crate::system::config::Roots;

/// Sizes of the structures, which are also part of what is asked, and where their members stand.
const DEV_INFO: usize = 4096;
const FS_INFO: usize = 1024;
const DEV_STATS: usize = 1032;
const BYTES_USED: usize = 24;
const TOTAL_BYTES: usize = 32;
const PATH: usize = 3072;
const VALUES: usize = 24;

/// `_IOC_READ`, and with `_IOC_WRITE`.
const READ: u32 = 2;
const READ_WRITE: u32 = 3;

/// The highest number of a device that is asked for: they are given in order and never again.
const HIGHEST: u64 = 4096;

/// The kinds of error, in the kernel's order.
pub(super) const ERRORS: [&str; 5] = ["write", "read", "flush", "corruption", "generation"];

/// One device.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Device {
    /// Its name without the directory.
    pub(super) name: String,
    pub(super) uuid: String,
    pub(super) size: u64,
    pub(super) unused: u64,
    /// In the order of [`ERRORS`].
    pub(super) errors: [u64; ERRORS.len()],
}

/// The file systems that are mounted.
#[derive(Debug)]
pub(super) struct Mounted {
    /// The mounts of the host's first process, and of this one where nobody may look at those.
    files: [KeptFile; 2],
    roots: Roots,
}

impl Mounted {
    pub(super) fn new(roots: &Roots) -> Self {
        let files = ["1/mountinfo", "self/mountinfo"].map(|file| KeptFile::new(roots.procfs.join(file)));
        Self { files, roots: roots.clone() }
    }

    /// The devices of each file system that answers, by its UUID.
    pub(super) fn devices(&mut self) -> Result<HashMap<String, Vec<Device>>, FileError> {
        let mut found = HashMap::new();
        let [of_init, of_self] = &mut self.files;
        for line in parse::lines(of_init.read().or_else(|_| of_self.read())?) {
            let mount = parse_mount(line, &self.roots.rootfs).filter(|mount| mount.fs_type == "btrfs");
            // One that is mounted elsewhere too may answer there.
            let Some(Ok(dir)) = mount.map(|mount| open(&mount.path)) else { continue };
            let Ok((uuid, highest, count)) = file_system(&dir) else { continue };
            if found.contains_key(&uuid) {
                continue;
            }
            if let Ok(devices) = devices(&dir, highest, count) {
                found.insert(uuid, devices);
            }
        }
        Ok(found)
    }
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// UUID, highest number of a device, how many devices there are.
fn file_system(dir: &OwnedFd) -> io::Result<(String, u64, u64)> {
    let answer = ask(dir, READ, 31, [0; FS_INFO])?;
    Ok((uuid(&answer[16..]), u64_at(&answer), u64_at(&answer[8..])))
}

/// All devices; the numbers of those that were removed are nobody's.
fn devices(dir: &OwnedFd, highest: u64, count: u64) -> io::Result<Vec<Device>> {
    let mut devices = Vec::new();
    for number in 0..=highest.min(HIGHEST) {
        match device(dir, number) {
            Ok(device) => devices.push(device),
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {}
            Err(error) => return Err(error),
        }
        if devices.len() as u64 >= count {
            break;
        }
    }
    Ok(devices)
}

fn device(dir: &OwnedFd, number: u64) -> io::Result<Device> {
    let (mut info, mut statistics) = ([0; DEV_INFO], [0; DEV_STATS]);
    info[..8].copy_from_slice(&number.to_ne_bytes());
    statistics[..8].copy_from_slice(&number.to_ne_bytes());
    statistics[8..16].copy_from_slice(&(ERRORS.len() as u64).to_ne_bytes());
    let info = ask(dir, READ_WRITE, 30, info)?;
    let statistics = ask(dir, READ_WRITE, 52, statistics)?;
    Ok(read(&info, &statistics))
}

fn read(info: &[u8; DEV_INFO], statistics: &[u8; DEV_STATS]) -> Device {
    let (size, used) = (u64_at(&info[TOTAL_BYTES..]), u64_at(&info[BYTES_USED..]));
    let path = parse::label(text(&info[PATH..]));
    Device {
        name: path.rsplit('/').next().unwrap_or_default().to_owned(),
        uuid: uuid(&info[8..]),
        size,
        unused: size.saturating_sub(used),
        errors: std::array::from_fn(|at| u64_at(&statistics[VALUES + 8 * at..])),
    }
}

/// As sysfs writes one: `7874c754-0c82-421b-b374-959385e83eba`.
fn uuid(bytes: &[u8]) -> String {
    let number = bytes.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes));
    let digits = format!("{number:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

/// Asks for a structure of `N` bytes.
#[allow(unsafe_code)]
fn ask<const N: usize>(
    dir: &OwnedFd,
    direction: u32,
    number: u32,
    mut memory: [u8; N],
) -> io::Result<[u8; N]> {
    const MAGIC: u32 = 0x94;
    let request = direction << 30 | (N as u32) << 16 | MAGIC << 8 | number;
    // SAFETY: the size is part of the request, so what the kernel reads and writes are the `N` bytes of the memory.
    let answer = unsafe { libc::ioctl(dir.as_raw_fd(), request as _, memory.as_mut_ptr()) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(memory) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::super::fixture::Fixture;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_device_is_read_from_what_the_kernel_fills_in() {
        let (mut info, mut statistics) = ([0; DEV_INFO], [0; DEV_STATS]);
        let bytes: Vec<u8> = (0..16).map(|number| 0x11 * number).collect();
        info[8..24].copy_from_slice(&bytes);
        info[24..32].copy_from_slice(&30_u64.to_ne_bytes());
        info[32..40].copy_from_slice(&100_u64.to_ne_bytes());
        info[3072..3085].copy_from_slice(b"/dev/mapper/x");
        for (at, value) in [5_u64, 4, 3, 2, 1].iter().enumerate() {
            statistics[24 + 8 * at..][..8].copy_from_slice(&value.to_ne_bytes());
        }
        let expected = Device {
            name: "x".to_owned(),
            uuid: "00112233-4455-6677-8899-aabbccddeeff".to_owned(),
            size: 100,
            unused: 70,
            errors: [5, 4, 3, 2, 1],
        };
        assert_eq!(read(&info, &statistics), expected);
    }

    #[test]
    fn a_directory_of_another_file_system_has_no_devices() {
        let mountinfo = "1 0 0:1 / / rw - btrfs /dev/sda rw\n2 1 0:2 / /gone rw - btrfs /dev/sdb rw\n";
        let host = Fixture::new().with("proc/1/mountinfo", mountinfo);
        let dir = open(host.path()).unwrap();
        // Where the tests run on btrfs it answers.
        if file_system(&dir).is_err() {
            assert_eq!(Mounted::new(host.roots()).devices().unwrap(), HashMap::new());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(info in proptest::collection::vec(any::<u8>(), 64), statistics in any::<[u8; 32]>()) {
            let (mut whole, mut counts) = ([0xff; DEV_INFO], [0; DEV_STATS]);
            whole[..64].copy_from_slice(&info);
            counts[..32].copy_from_slice(&statistics);
            prop_assert!(read(&whole, &counts).uuid.len() == 36);
        }
    }
}
