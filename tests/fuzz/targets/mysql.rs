//! Any bytes that a server of MySQL says: the session ends, and what is shown of it can be shown.

#![cfg_attr(fuzzing, no_main)]

use libfuzzer_sys::fuzz_target;
use vigie_collectors::probes::mysql::converse;

fuzz_target!(|data: &[u8]| converse(data));
