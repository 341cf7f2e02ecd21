//! The files of one control group: which it has, and what is read from them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::super::file::{FileError, SmallFile, read_once};
use super::place::Place;
use super::series::{Limit, Limits, Reading, Usage};
use super::{legacy, unified};

/// A file that is read each time: its name (the first of these that is there), and what takes its content; `None` if
/// some of it is not understood.
#[derive(Debug)]
pub(super) struct UsageFile {
    pub(super) names: &'static [&'static str],
    pub(super) take: fn(&[u8], &mut Reading) -> Option<()>,
}

/// A file that is read when the tree is looked through.
#[derive(Debug)]
pub(super) struct LimitFile {
    pub(super) name: &'static str,
    pub(super) take: fn(&[u8], &mut Limits) -> Option<()>,
}

/// The files of a control group that are read each time.
#[derive(Debug)]
pub(super) struct Sources(Vec<Source>);

#[derive(Debug)]
struct Source {
    file: SmallFile,
    take: fn(&[u8], &mut Reading) -> Option<()>,
}

impl Sources {
    /// Those that are there: which ones depends on the controllers that are on for it. On a machine with both versions
    /// the one with the controller is read, the other for what only that one has.
    pub(super) fn new(place: &Place, below: &Path) -> Self {
        let in_legacy =
            |controller: &str| place.legacy(controller).is_some_and(|dir| dir.join(below).is_dir());
        let is_in_legacy = |name: &str| match name {
            "cpu.stat" => in_legacy("cpuacct"),
            "cgroup.procs" => in_legacy("memory"),
            _ => false,
        };
        let dir = place.unified().map(|dir| dir.join(below));
        let unified =
            dir.into_iter().flat_map(|dir| unified::USAGE.iter().map(move |file| (dir.clone(), file)));
        let unified = unified.filter(|(_, file)| !file.names.iter().any(|name| is_in_legacy(name)));
        let legacy = legacy::USAGE.iter().filter_map(|(controller, files)| {
            let dir = place.legacy(controller)?.join(below);
            Some(files.iter().map(move |file| (dir.clone(), file)))
        });
        let present = |(dir, file): (PathBuf, &UsageFile)| {
            let path = file.names.iter().map(|name| dir.join(name)).find(|path| path.exists())?;
            Some(Source { file: SmallFile::new(path), take: file.take })
        };
        Self(unified.chain(legacy.flatten()).filter_map(present).collect())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Reads them all. `false` if none of them is there any more: the control group has gone.
    ///
    /// # Errors
    /// The first thing that went wrong; the others are read all the same.
    pub(super) fn read(&mut self, to: &mut Reading, buffer: &mut Vec<u8>) -> (bool, Result<(), FileError>) {
        let (mut is_there, mut result) = (false, Ok(()));
        for source in &mut self.0 {
            let problem = match source.file.read(buffer) {
                Ok(text) => {
                    is_there = true;
                    if (source.take)(text, to).is_some() {
                        None
                    } else {
                        Some(source.file.malformed("not as the kernel writes it"))
                    }
                }
                Err(error) => Some(error).filter(|error| !is_nothing(error)),
            };
            if let (Some(problem), true) = (problem, result.is_ok()) {
                result = Err(problem);
            }
        }
        complete(to);
        (is_there, result)
    }
}

/// What follows from several files.
fn complete(to: &mut Reading) {
    if let Some(usage) = to.get(Usage::MemoryCurrent) {
        let inactive = to.get(Usage::MemoryInactiveFile).unwrap_or_default();
        to.set(Usage::MemoryWorkingSet, (usage - inactive).max(0.0));
    }
}

/// Whether the kernel says that there is nothing to read: the control group has gone (ENOENT, ENODEV), it is one of threads
/// only, or pressure is not measured (both EOPNOTSUPP).
fn is_nothing(error: &FileError) -> bool {
    const NO_SUCH_DEVICE: i32 = 19;
    match error {
        FileError::Open { source, .. } | FileError::Read { source, .. } => {
            matches!(source.kind(), ErrorKind::NotFound | ErrorKind::Unsupported)
                || source.raw_os_error() == Some(NO_SUCH_DEVICE)
        }
        FileError::Malformed { .. } => false,
    }
}

/// The limits of a control group, and the first thing that went wrong with them.
pub(super) fn limits(place: &Place, below: &Path, buffer: &mut Vec<u8>) -> (Limits, Result<(), FileError>) {
    let (mut limits, mut result) = (Limits::default(), Ok(()));
    let mut take = |dir: &Path, files: &[LimitFile]| {
        for file in files {
            let path = dir.join(file.name);
            let problem = match read_once(&path, buffer) {
                Ok(text) if (file.take)(text, &mut limits).is_some() => None,
                Ok(_) => Some(FileError::Malformed { path, what: "not as the kernel writes it".into() }),
                Err(error) => Some(error).filter(|error| !is_nothing(error)),
            };
            if let (Some(problem), true) = (problem, result.is_ok()) {
                result = Err(problem);
            }
        }
    };
    if let Some(dir) = place.unified() {
        take(&dir.join(below), unified::LIMITS);
    }
    for (controller, files) in legacy::LIMITS {
        if let Some(dir) = place.legacy(controller) {
            take(&dir.join(below), files);
        }
    }
    (limits, result)
}

/// What a quota that is not set has done is not told.
pub(super) fn without_quota(reading: &mut Reading, limits: &Limits) {
    if limits.get(Limit::CpuQuota).is_none() {
        for usage in [
            Usage::CfsPeriods,
            Usage::CfsThrottledPeriods,
            Usage::CfsThrottledSeconds,
            Usage::CfsBurstPeriods,
            Usage::CfsBurstSeconds,
        ] {
            reading.forget(usage);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::mangled;
    use super::*;
    use proptest::prelude::*;

    const NUMBERS: &str =
        "usage_usec 3000000\nanon 400000\npgfault 90\noom_kill 1\ntotal_cache 7\nuser 12\nmax 3\n";
    const DEVICES: &str =
        "8:0 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0\n8:0 Read 17\nTotal 17\n";

    fn any_content() -> impl Strategy<Value = Vec<u8>> {
        let bytes = proptest::collection::vec(any::<u8>(), 0..60);
        prop_oneof![
            bytes,
            mangled(NUMBERS),
            mangled(DEVICES),
            mangled("50000 100000\n"),
            mangled("1048576\n")
        ]
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_file_are_read_or_refused(text in any_content()) {
            let legacy = legacy::USAGE.iter().flat_map(|(_, files)| *files);
            let mut reading = Reading::default();
            for file in unified::USAGE.iter().chain(legacy) {
                let _ = (file.take)(&text, &mut reading);
            }
            complete(&mut reading);
            prop_assert!(reading.get(Usage::MemoryWorkingSet).is_none_or(|bytes| bytes >= 0.0 && bytes.is_finite()));
            let legacy = legacy::LIMITS.iter().flat_map(|(_, files)| *files);
            for file in unified::LIMITS.iter().chain(legacy) {
                let _ = (file.take)(&text, &mut Limits::default());
            }
        }
    }
}
