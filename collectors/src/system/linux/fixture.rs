//! A made-up host for tests: a directory with `proc`, `sys`, `udev` and the root below it.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::commons::Commons;
use vigie_pipeline::page::{Page, number};
use vigie_pipeline::plug::{Error, Sampler};

use crate::system::config::Roots;
use crate::system::group::Around;

pub(super) struct Fixture {
    dir: tempfile::TempDir,
    roots: Roots,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let roots = Roots {
            procfs: dir.path().join("proc").into(),
            sysfs: dir.path().join("sys").into(),
            rootfs: dir.path().into(),
            udev_data: dir.path().join("udev").into(),
        };
        Self { dir, roots }
    }

    /// Writes a file, and its directories where they are missing.
    pub(super) fn with(self, file: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(file, content);
        self
    }

    pub(super) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.dir.path().join(file);
        std::fs::create_dir_all(path.parent().expect("a file in the fixture")).expect("create directories");
        std::fs::write(path, content).expect("write a fixture");
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn around(&self) -> Around {
        Around {
            clock: Clock::system(),
            deadline: Duration::from_secs(5),
            exhaustion_window: Duration::from_secs(3600),
            commons: Commons::default(),
        }
    }

    pub(super) fn roots(&self) -> &Roots {
        &self.roots
    }

    /// What a sampler writes, line by line as an exposition has it, and how it ended.
    pub(super) fn sample(&self, sampler: &mut dyn Sampler) -> (Vec<String>, Result<(), Error>) {
        let mut page = Page::default();
        let result = sampler.sample(&mut page);
        (lines(&page), result)
    }
}

/// A page's series as an exposition has them, without HELP and TYPE.
pub(super) fn lines(page: &Page) -> Vec<String> {
    let line = |name: &str, labels: &str, value: f64| match labels {
        "" => format!("{name} {}", number(value)),
        _ => format!("{name}{{{labels}}} {}", number(value)),
    };
    page.families()
        .flat_map(|(family, rows)| {
            rows.map(|row| line(&family.name, row.labels, row.value)).collect::<Vec<_>>()
        })
        .collect()
}

/// A sample as a broken kernel module, a truncated read or a hostile mount could have it: cut off, some bytes replaced
/// by any others, something else behind it.
pub(super) fn mangled(sample: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let replaced = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6);
    let tail = proptest::collection::vec(any::<u8>(), 0..30);
    (0..=sample.len(), replaced, tail).prop_map(move |(cut, replaced, tail)| {
        let mut bytes = sample.as_bytes()[..cut].to_vec();
        for (at, byte) in replaced.iter().filter(|_| cut > 0) {
            bytes[at.index(cut)] = *byte;
        }
        bytes.extend(tail);
        bytes
    })
}

/// Makes the property test that a sampler reads or refuses whatever bytes one of its files holds, and that what it
/// writes stays finite.
macro_rules! survives_any_bytes {
    ($file:expr, $sample:expr, $host:ident => $sampler:expr) => {
        proptest::proptest! {
            #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
            #[test]
            fn any_bytes_are_read_or_refused(text in $crate::system::linux::fixture::mangled($sample)) {
                let $host = $crate::system::linux::fixture::Fixture::new().with($file, text);
                let mut sampler = $sampler;
                for _ in 0..2 {
                    let (series, _) = $host.sample(&mut sampler);
                    proptest::prop_assert!(series.iter().all(|line| !line.ends_with("NaN") && !line.ends_with("Inf")));
                }
            }
        }
    };
}
pub(super) use survives_any_bytes;
