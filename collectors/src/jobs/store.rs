//! How jobs stand, on disk: `jobs/state` under `state_dir`, sealed, in two [`generations`], with a JSON object per job.

use std::io;
use std::path::Path;

use super::standing::Standing;
use vigie_pipeline::generations::{self, Broken};

/// What the file is called.
const NAME: &str = "state";
/// Its kind and version.
const KIND: &str = "vigie jobs 1";

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
enum Damage {
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("line {0}: {1}")]
    Line(usize, serde_json::Error),
}

/// The jobs that were kept; `None` if there is no file that is whole.
pub(super) fn load(state_dir: &Path) -> Option<Vec<Standing>> {
    generations::load(&state_dir.join("jobs"), NAME, read).map(|(_, jobs)| jobs)
}

/// Keeps what was written. Returns when it is on the disk.
pub(super) fn save(state_dir: &Path, text: &[u8]) -> io::Result<()> {
    generations::save(&state_dir.join("jobs"), NAME, text)
}

/// All jobs, as they are kept.
pub(super) fn write<'a>(jobs: impl Iterator<Item = &'a Standing>) -> Vec<u8> {
    let mut body = Vec::new();
    for job in jobs {
        serde_json::to_writer(&mut body, job).expect("texts and numbers are always JSON");
        body.push(b'\n');
    }
    generations::seal(KIND, &body)
}

fn read(text: &[u8]) -> Result<Vec<Standing>, Damage> {
    let lines = generations::open(KIND, text)?.split(|byte| *byte == b'\n').enumerate();
    let jobs = lines.filter(|(_, line)| !line.is_empty()).map(|(at, line)| {
        // The first line is the seal.
        serde_json::from_slice(line).map_err(|error| Damage::Line(at + 2, error))
    });
    jobs.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use jiff::Timestamp;

    use super::*;

    #[test]
    fn whatever_happens_to_the_file_the_generation_before_is_there() {
        let state_dir = tempfile::tempdir().unwrap();
        let keep = |names: &[&str]| {
            let job = |name: &&str| Standing::new(name.parse().unwrap(), Timestamp::UNIX_EPOCH);
            let jobs: Vec<_> = names.iter().map(job).collect();
            save(state_dir.path(), &write(jobs.iter())).unwrap();
        };
        let names = || {
            let jobs = load(state_dir.path())?;
            Some(jobs.into_iter().map(|job| job.name.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(names(), None);
        keep(&["a"]);
        keep(&["a", "b"]);
        assert_eq!(names(), Some(vec!["a".to_owned(), "b".to_owned()]));
        let current = state_dir.path().join("jobs/state");
        let whole = fs::read(&current).unwrap();
        for at in 0..whole.len() {
            let mut wrong = whole.clone();
            wrong[at] ^= 1;
            for damaged in [&whole[..at], &wrong] {
                fs::write(&current, damaged).unwrap();
                assert_eq!(names(), Some(vec!["a".to_owned()]), "at byte {at}");
            }
        }
    }

    #[test]
    fn a_line_that_is_no_job_is_damage() {
        let text = generations::seal(KIND, b"{\"name\":\"a/b\"}\n");
        assert!(read(&text).unwrap_err().to_string().starts_with("line 2: "));
    }
}
