//! `os`: the operating system's name and version, from os-release(5) below the root.

use jiff::civil::Date;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, NoData, Sampler};

use super::file::CachedFile;
use crate::system::config::Roots;
use crate::system::os_release::{FILES, OsRelease};

static INFO: Family = Family::gauge(
    "node_os_info",
    "A metric with a constant '1' value labeled by build_id, id, id_like, image_id, image_version, name, \
     pretty_name, variant, variant_id, version, version_codename, version_id.",
);
static VERSION: Family =
    Family::gauge("node_os_version", "Metric containing the major.minor part of the OS version.");
static SUPPORT_END: Family = Family::gauge(
    "node_os_support_end_timestamp_seconds",
    "Metric containing the end-of-life date timestamp of the OS.",
);

/// The labels of `node_os_info` and the variables that they show.
const INFO_LABELS: [(&str, &str); 12] = [
    ("build_id", "BUILD_ID"),
    ("id", "ID"),
    ("id_like", "ID_LIKE"),
    ("image_id", "IMAGE_ID"),
    ("image_version", "IMAGE_VERSION"),
    ("name", "NAME"),
    ("pretty_name", "PRETTY_NAME"),
    ("variant", "VARIANT"),
    ("variant_id", "VARIANT_ID"),
    ("version", "VERSION"),
    ("version_codename", "VERSION_CODENAME"),
    ("version_id", "VERSION_ID"),
];
const VERSION_LABELS: [(&str, &str); 3] = [("id", "ID"), ("id_like", "ID_LIKE"), ("name", "NAME")];

pub(super) struct Os {
    files: [CachedFile<OsRelease>; 2],
}

impl Os {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { files: FILES.map(|file| CachedFile::new(roots.rootfs.join(file))) }
    }
}

impl Sampler for Os {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        for file in &mut self.files {
            match file.get(OsRelease::parse) {
                Ok(release) => return write(page, release),
                Err(error) if error.is_absent() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(NoData("no os-release file".into()).into())
    }
}

fn write(page: &mut Page, release: &OsRelease) -> Result<(), Error> {
    let labels = page.full_labels(&INFO_LABELS.map(|(label, variable)| (label, release.get(variable))));
    page.set(&INFO, labels, 1.0);
    if let Some(version) = release.version().filter(|version| *version > 0.0) {
        let labels =
            page.full_labels(&VERSION_LABELS.map(|(label, variable)| (label, release.get(variable))));
        page.set(&VERSION, labels, version);
    }
    match release.get("SUPPORT_END") {
        "" => {}
        date => {
            let wrong = |error| format!("parse SUPPORT_END of os-release: {error}");
            let end = date.parse::<Date>().and_then(|date| date.in_tz("UTC")).map_err(wrong)?;
            page.set(&SUPPORT_END, Labels::NONE, end.timestamp().as_second() as f64);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;

    const DEBIAN: &str = "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n";

    #[test]
    fn every_label_is_there_even_if_its_variable_is_not() {
        let host = Fixture::new().with("etc/os-release", DEBIAN);
        let (series, result) = host.sample(&mut Os::new(host.roots()));
        result.unwrap();
        assert_eq!(
            series,
            [
                "node_os_info{build_id=\"\",id=\"debian\",id_like=\"\",image_id=\"\",image_version=\"\",\
                 name=\"Debian GNU/Linux\",pretty_name=\"\",variant=\"\",variant_id=\"\",version=\"\",\
                 version_codename=\"\",version_id=\"12\"} 1",
                "node_os_version{id=\"debian\",id_like=\"\",name=\"Debian GNU/Linux\"} 12"
            ]
        );
    }

    #[test]
    fn the_second_file_counts_where_the_first_is_missing() {
        let host = Fixture::new().with("usr/lib/os-release", "ID=arch\nSUPPORT_END=2026-05-31\n");
        let (series, result) = host.sample(&mut Os::new(host.roots()));
        result.unwrap();
        assert_eq!(series[1], "node_os_support_end_timestamp_seconds 1780185600");
        host.write("etc/os-release", DEBIAN);
        let (series, _) = host.sample(&mut Os::new(host.roots()));
        assert!(series[0].contains("id=\"debian\""));
    }

    #[test]
    fn a_date_that_is_none_is_an_error_that_keeps_the_rest() {
        let host = Fixture::new().with("etc/os-release", "ID=x\nSUPPORT_END=soon\n");
        let (series, result) = host.sample(&mut Os::new(host.roots()));
        assert_eq!(series.len(), 1);
        assert!(result.unwrap_err().to_string().starts_with("parse SUPPORT_END"));
    }

    #[test]
    fn a_host_without_the_file_has_no_data() {
        let host = Fixture::new();
        assert!(host.sample(&mut Os::new(host.roots())).1.unwrap_err().is::<NoData>());
    }
}
