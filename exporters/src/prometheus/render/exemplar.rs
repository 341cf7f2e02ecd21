//! Exemplars, as OpenMetrics has them behind a bucket: ` # {trace_id="…",span_id="…"} 0.067 1520879607.789`.
//!
//! The names and values of its labels are 63 characters of the 128 that they may be.

use vigie_pipeline::page::{Exemplar, write_number};

/// Appends it. The time is to the millisecond, which is what Prometheus keeps.
pub(super) fn write(out: &mut String, exemplar: &Exemplar) {
    out.push_str(" # {trace_id=\"");
    write_hex(out, &exemplar.trace_id);
    if exemplar.span_id != [0; 8] {
        out.push_str("\",span_id=\"");
        write_hex(out, &exemplar.span_id);
    }
    out.push_str("\"} ");
    write_number(out, exemplar.value);
    out.push(' ');
    let milliseconds = exemplar.at / 1_000_000;
    out.push_str(itoa::Buffer::new().format(milliseconds / 1000));
    let thousandths = milliseconds % 1000;
    out.push('.');
    out.extend([100, 10, 1].map(|unit| char::from(b'0' + (thousandths / unit % 10) as u8)));
}

fn write_hex(out: &mut String, bytes: &[u8]) {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}
