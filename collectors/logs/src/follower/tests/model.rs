//! Whatever is done to the files, in any order, with crashes in between: no line is missing.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Append(u8),
    /// Renames, and makes the next one: a path that is empty for long is not looked for by its rotated names.
    Rotate,
    /// Copies and truncates, after everything was read and settled: what is lost is what is written in between.
    CopyTruncate,
    /// Removes the oldest rotated file, after everything was read, settled and saved.
    Remove,
    Look,
    Settle,
    Save,
    Crash,
    Pass,
    /// So long that what is read is closed.
    Idle,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u8..60).prop_map(Step::Append),
        2 => Just(Step::Rotate),
        1 => Just(Step::CopyTruncate),
        1 => Just(Step::Remove),
        3 => Just(Step::Look),
        2 => Just(Step::Settle),
        2 => Just(Step::Save),
        1 => Just(Step::Crash),
        1 => Just(Step::Pass),
        1 => Just(Step::Idle),
    ]
}

struct Model {
    rig: Rig,
    written: u32,
    rotated: Vec<String>,
    /// How many files were rotated ever, for their names.
    made: u32,
    /// How often each line was settled.
    settled: BTreeMap<String, u32>,
    waiting: Vec<String>,
    crashes: u32,
}

impl Model {
    fn look(&mut self) {
        let bodies = self.rig.bodies();
        self.waiting.extend(bodies);
    }

    fn settle(&mut self) {
        for body in self.waiting.drain(..) {
            *self.settled.entry(body).or_default() += 1;
        }
        self.rig.settle_all();
    }

    fn next_name(&mut self) -> String {
        self.made += 1;
        self.rotated.push(format!("app.log.{}", self.made));
        self.rotated[self.rotated.len() - 1].clone()
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Append(lines) => {
                let next = self.written + u32::from(lines);
                self.rig.append("app.log", numbered(self.written..next));
                self.written = next;
            }
            Step::Rotate => {
                let name = self.next_name();
                self.rig.rename("app.log", &name);
                self.take(Step::Append(1));
            }
            Step::CopyTruncate => {
                self.look();
                self.settle();
                let name = self.next_name();
                fs::copy(self.rig.path("app.log"), self.rig.path(&name)).unwrap();
                fs::write(self.rig.path("app.log"), "").unwrap();
            }
            Step::Remove if !self.rotated.is_empty() => {
                self.look();
                self.settle();
                self.rig.save();
                let name = self.rotated.remove(0);
                fs::remove_file(self.rig.path(&name)).unwrap();
            }
            Step::Look => self.look(),
            Step::Settle => self.settle(),
            Step::Save => self.rig.save(),
            Step::Crash => {
                self.crashes += 1;
                self.waiting.clear();
                self.rig.kill();
                self.rig.start();
            }
            Step::Pass => self.rig.pass(Duration::from_secs(100)),
            Step::Idle => {
                self.look();
                self.settle();
                self.rig.pass(Duration::from_secs(400));
                self.look();
            }
            Step::Remove => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn no_line_is_missing_and_without_a_crash_none_comes_twice(
        steps in proptest::collection::vec(step(), 1..40), style in 0u8..3
    ) {
        let rig = Rig::new(if style == 2 { "app.log*" } else { "app.log" }, StartAt::Beginning);
        let mut model = Model {
            rig, written: 0, rotated: Vec::new(), made: 0, settled: BTreeMap::new(), waiting: Vec::new(), crashes: 0,
        };
        model.take(Step::Append(1));
        model.look();
        model.rig.save();
        for step in steps {
            // Copies beside a path that is also rotated by renaming are read again, unless they are followed.
            match (style, step) {
                (0, Step::CopyTruncate) | (1, Step::Rotate) => continue,
                _ => model.take(step),
            }
        }
        for _ in 0..3 {
            model.look();
            model.settle();
            model.rig.balances();
            model.rig.pass(Duration::from_secs(10));
        }
        for number in 0..model.written {
            let times = model.settled.get(&format!("line {number}")).copied().unwrap_or(0);
            prop_assert!(times > 0, "line {} is missing", number);
            prop_assert!(times == 1 || style == 2 || model.crashes > 0, "line {} came {} times", number, times);
        }
        prop_assert_eq!(model.settled.len() as u32, model.written, "lines that nobody wrote");
    }
}
