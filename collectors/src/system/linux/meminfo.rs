//! `meminfo`: where the memory is.
//!
//! Each line of `/proc/meminfo` (proc_meminfo(5)) becomes a family: `Active(anon):  12 kB` is
//! `node_memory_Active_anon_bytes`. Lines in kB are bytes in the metric; those without a unit are counts.

use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::exhaustion::Forecast;
use super::file::KeptFile;
use super::names::Names;
use super::parse;
use crate::system::config::Roots;
use crate::system::group::Around;

pub(super) struct MemInfo {
    file: KeptFile,
    names: Names,
    forecast: Forecast,
}

impl MemInfo {
    pub(super) fn new(roots: &Roots, around: &Around) -> Self {
        let file = KeptFile::new(roots.procfs.join("meminfo"));
        Self { file, names: Names::default(), forecast: Forecast::new("memory", around) }
    }
}

impl Sampler for MemInfo {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.names.rewind();
        let mut unread = None;
        for line in parse::lines(self.file.read()?) {
            let field = parse(line);
            let family = field
                .as_ref()
                .and_then(|field| self.names.family(field.name, |name| family(name, field.unit)));
            match (&field, family) {
                (Some(field), Some(family)) => {
                    page.set(family, Labels::NONE, field.value());
                    if field.name == b"MemAvailable" {
                        self.forecast.tell(field.value());
                        self.forecast.write(page, "host");
                    }
                }
                _ => unread = unread.or_else(|| Some(parse::label(line).into_owned())),
            }
        }
        match unread {
            Some(line) => Err(self.file.malformed(format!("`{line}`")).into()),
            None => Ok(()),
        }
    }
}

struct Field<'t> {
    /// As in the file, parentheses included.
    name: &'t [u8],
    number: u64,
    unit: Unit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Kibibytes,
    Count,
}

impl Field<'_> {
    fn value(&self) -> f64 {
        match self.unit {
            Unit::Kibibytes => self.number as f64 * 1024.0,
            Unit::Count => self.number as f64,
        }
    }
}

/// One line: `MemTotal:  3742148 kB`, `HugePages_Total:  0`.
fn parse(line: &[u8]) -> Option<Field<'_>> {
    let colon = memchr::memchr(b':', line)?;
    let mut words = parse::words(&line[colon + 1..]);
    let number = parse::whole(words.next()?)?;
    let unit = if words.next().is_some() { Unit::Kibibytes } else { Unit::Count };
    Some(Field { name: &line[..colon], number, unit })
}

/// `Active(anon)` in kB → `node_memory_Active_anon_bytes`.
fn family(name: &str, unit: Unit) -> Option<Family> {
    let mut key = match name.split_once('(') {
        Some((head, tail)) => format!("{head}_{}", tail.strip_suffix(')')?),
        None => name.to_owned(),
    };
    if unit == Unit::Kibibytes {
        key.push_str("_bytes");
    }
    Some(Family::met(format!("node_memory_{key}"), Kind::Gauge, format!("Memory information field {key}.")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kilobytes_become_bytes_and_counts_stay_counts() {
        let text = "MemTotal:        3742148 kB\nActive(anon):    2020004 kB\nHugePages_Total:       0\n";
        let host = Fixture::new().with("proc/meminfo", text);
        let mut meminfo = MemInfo::new(host.roots(), &host.around());
        for _ in 0..2 {
            let (series, result) = host.sample(&mut meminfo);
            result.unwrap();
            assert_eq!(
                series,
                [
                    "node_memory_MemTotal_bytes 3831959552",
                    "node_memory_Active_anon_bytes 2068484096",
                    "node_memory_HugePages_Total 0"
                ]
            );
        }
    }

    #[test]
    fn a_line_that_is_not_understood_is_named_and_the_others_are_kept() {
        let host = Fixture::new().with("proc/meminfo", "MemTotal: 1 kB\nMemFree: -1 kB\nBuffers: 2 kB\n");
        let (series, result) = host.sample(&mut MemInfo::new(host.roots(), &host.around()));
        assert_eq!(series, ["node_memory_MemTotal_bytes 1024", "node_memory_Buffers_bytes 2048"]);
        assert!(result.unwrap_err().to_string().contains("`MemFree: -1 kB`"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Some(field) = parse(&line) {
                prop_assert!(field.value() >= 0.0);
                let _ = family(&parse::label(field.name), field.unit);
            }
        }

        #[test]
        fn any_name_makes_a_family_or_none(name in "\\PC{0,20}") {
            let _ = family(&name, Unit::Kibibytes);
        }
    }
}
