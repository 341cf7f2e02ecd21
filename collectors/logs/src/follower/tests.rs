#![allow(clippy::unwrap_used)]
mod asleep;
mod bytes;
mod discovery;
mod fork;
mod joining;
mod lines;
mod model;
mod restart;
mod rotation;
mod routing;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ScopeLogs};
use prost::Message;
use vigie_pipeline::instruments::Instruments;

use super::*;
use crate::config::Config;
use crate::patterns::{Exclusion, Pattern};
use crate::store::Store;

/// A directory of logs, a state directory, and a follower that can be killed and started again.
struct Rig {
    root: tempfile::TempDir,
    config: Config,
    follower: Option<Follower>,
    instruments: Instruments,
    began: Instant,
    seconds: u64,
    /// Offered and not settled.
    open: Vec<u64>,
}

/// In memory, where there is such a place: of a file system that is nearly full no deleted file is held.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

impl Rig {
    fn new(include: &str, start_at: StartAt) -> Self {
        let root = directory();
        fs::create_dir(root.path().join("logs")).unwrap();
        let include = vec![root.path().join("logs").join(include).into()];
        let config = Config { name: "app".into(), include, start_at, ..Config::default() };
        let mut rig = Self {
            root,
            config,
            follower: None,
            instruments: Instruments::default(),
            began: Instant::now(),
            seconds: 0,
            open: Vec::new(),
        };
        rig.start();
        rig
    }

    fn start(&mut self) {
        let meters = Meters::new(&self.instruments, &self.config.name);
        let include = self.config.include.iter().map(|glob| Pattern::new(glob.to_str().unwrap()).unwrap());
        let exclude = self.config.exclude.iter().map(|glob| Exclusion::new(glob).unwrap());
        self.follower = Some(Follower::new(Parts {
            patterns: Patterns { include: include.collect(), exclude: exclude.collect() },
            start_at: self.config.start_at,
            recorder: Recorder::new(&self.config, meters.clone()).unwrap(),
            claim: Store::open(&self.root.path().join("state")).claim(&self.config.name),
            meters,
            envelope: Arc::default(),
            batch_bytes: 4096,
            most_waiting: 1 << 20,
            buffers: vigie_pipeline::budget::Budget::new(64 << 20).buffers,
        }));
    }

    /// As kill -9 does: what was not saved is forgotten, and counters begin at 0.
    fn kill(&mut self) {
        self.follower = None;
        self.instruments = Instruments::default();
        self.open.clear();
    }

    fn save(&self) {
        self.follower.as_ref().unwrap().parts.claim.store().save().unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("logs").join(name)
    }

    fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Scans and reads all that is there; the records that came.
    fn records(&mut self) -> Vec<LogRecord> {
        self.seconds += 1;
        let now = self.began + Duration::from_secs(self.seconds);
        let touched = Touched { scan: true, ..Touched::default() };
        let told = Told { touched, now, observed: self.seconds * 1_000_000_000 };
        let follower = self.follower.as_mut().unwrap();
        follower.scan(&told);
        let mut offers = follower.tend_gone(&told);
        follower.look_at_due(&told);
        while follower.is_ready() {
            offers.extend(follower.read(&told, 10_000));
            offers.extend(follower.flush_due(&told));
        }
        offers.extend(follower.flush_due(&told));
        let mut records = Vec::new();
        for offer in offers {
            let scope = ScopeLogs::decode(&offer.batch.records[..]).unwrap();
            assert_eq!(scope.log_records.len(), offer.batch.count as usize);
            records.extend(scope.log_records);
            self.open.push(offer.token);
        }
        records
    }

    /// Scans and reads nothing, as while nobody takes anything.
    fn scan_only(&mut self) {
        self.seconds += 1;
        let now = self.began + Duration::from_secs(self.seconds);
        let told = Told { touched: Touched::default(), now, observed: self.seconds * 1_000_000_000 };
        let follower = self.follower.as_mut().unwrap();
        follower.scan(&told);
        follower.give_up_held(&told);
    }

    /// Tells of notifications; whether they ask for a scan.
    fn touch(&mut self, touched: Touched) -> bool {
        let now = self.began + Duration::from_secs(self.seconds);
        let told = Told { touched, now, observed: self.seconds * 1_000_000_000 };
        self.follower.as_mut().unwrap().touch(&told)
    }

    fn bodies(&mut self) -> Vec<String> {
        self.records().iter().map(body).collect()
    }

    fn settle_all(&mut self) {
        for token in self.open.drain(..) {
            self.follower.as_mut().unwrap().settled(token, "", self.seconds);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.seconds += time.as_secs();
    }

    /// Checks that what was written is read, skipped, lost, or still to be read.
    fn balances(&self) {
        let meters = &self.follower.as_ref().unwrap().parts.meters;
        let page = |counter: &prometheus::IntCounter| counter.get();
        assert_eq!(
            page(&meters.written_bytes),
            page(&meters.read_bytes)
                + page(&meters.hole_bytes)
                + meters.all_lost()
                + page(&meters.copied_bytes)
                + self.follower.as_ref().unwrap().lag()
        );
    }

    fn counter(&self, pick: impl Fn(&Meters) -> &prometheus::IntCounter) -> u64 {
        pick(&self.follower.as_ref().unwrap().parts.meters).get()
    }
}

fn body(record: &LogRecord) -> String {
    match record.body.clone().unwrap().value.unwrap() {
        Value::StringValue(text) => text,
        other => panic!("{other:?}"),
    }
}

fn attribute(record: &LogRecord, key: &str) -> Option<Value> {
    record.attributes.iter().find(|a| a.key == key)?.value.clone()?.value
}

fn numbered(range: std::ops::Range<u32>) -> String {
    range.map(|n| format!("line {n}\n")).collect()
}
