//! The page at `/`: what is here, and where.

use std::fmt::Write;
use std::sync::Arc;

/// Links everything else. What it shows comes from the configuration and is escaped.
pub(super) fn page(metrics: &str, not_ready: &[String], collectors: &[Arc<str>]) -> String {
    let state = if not_ready.is_empty() {
        "ready".to_owned()
    } else {
        format!("not ready: {}", not_ready.join(", "))
    };
    let mut groups = String::new();
    for name in collectors {
        let _ = write!(groups, "<a href=\"{}?collect[]={1}\">{1}</a> ", escape(metrics), escape(name));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>vigie</title>\n\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}}</style>\n\
         </head><body>\n<h1>vigie {version}</h1>\n<p>{state}</p>\n<ul>\n\
         <li><a href=\"{metrics}\">{metrics}</a>: every series, for Prometheus</li>\n\
         <li><a href=\"/-/healthy\">/-/healthy</a>: whether the process lives</li>\n\
         <li><a href=\"/-/ready\">/-/ready</a>: whether it is ready, or why not</li>\n\
         <li><a href=\"/-/ready/dependencies\">/-/ready/dependencies</a>: whether what the application depends on is there</li>\n\
         <li><code>/probe?target=&amp;module=</code>: one probe, by a module of <code>collectors.blackbox</code></li>\n\
         <li><code>POST /-/reload</code>: reads the configuration again</li>\n\
         </ul>\n<p>One collector at a time: {groups}</p>\n</body></html>\n",
        version = env!("CARGO_PKG_VERSION"),
        state = escape(&state),
        metrics = escape(metrics),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
