"""Programs that fail, in each language whose runtime is at hand: what they write into a log is what users have.

A program takes a directory to be deployed to, a value for its messages, and how many lines stand before it: the same
error is the same whatever they are.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PYTHON = """\
import logging, sys
logging.basicConfig(stream=sys.stdout, level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
class Declined(Exception): pass
def charge(order):
    try: {}[order]
    except KeyError as gone:
        raise Declined(f"order {order} of 'bob'") from gone
def refund(order):
    return int("none of " + order)
def first(order): charge(order)
def second(order): first(order)
logging.info("started")
for call in CALLS:
    try: globals()[call](sys.argv[1])
    except Exception: logging.exception("order %s failed", sys.argv[1])
logging.info("done")
"""

JAVA = """\
import java.util.logging.*;
public class Shop {
    static class Declined extends RuntimeException { Declined(String m, Throwable c) { super(m, c); } }
    static void query(String order) { throw new IllegalArgumentException("no " + order); }
    static void charge(String order) {
        try { query(order); } catch (RuntimeException gone) { throw new Declined("order " + order, gone); }
    }
    static void refund(String order) { Object none = null; none.hashCode(); }
    public static void main(String[] args) {
        Logger logger = Logger.getLogger("shop");
        logger.info("started");
        for (String call : new String[] { CALLS })
            try { if (call.equals("charge")) { Runnable go = () -> charge(args[0]); go.run(); } else refund(args[0]); }
            catch (RuntimeException thrown) { logger.log(Level.SEVERE, "order " + args[0], thrown); }
        logger.info("done");
    }
}
"""

NODE = """\
function query(order) { throw new TypeError(`no ${order}`); }
function charge(order) {
  try { query(order); } catch (cause) { throw new Error(`order ${order}`, { cause }); }
}
function refund(order) { return null.length; }
console.log("INFO started");
for (const call of CALLS)
  try { eval(call)(process.argv[2]); } catch (error) { console.log(`${new Date().toISOString()} ERROR order failed:`, error); }
console.log("INFO done");
"""

RUST = """\
fn charge(order: &str) { panic!("order {order}"); }
fn refund(order: &str) { format!("none of {order}").parse::<u32>().unwrap(); }
fn main() {
    let order = std::env::args().nth(1).unwrap();
    eprintln!("INFO started");
    for call in [CALLS] {
        let order = order.clone();
        let _ = std::thread::spawn(move || if call == "charge" { charge(&order) } else { refund(&order) }).join();
    }
    eprintln!("INFO done");
}
"""

RUBY = """\
require "logger"
$stdout.sync = true
class Declined < StandardError; end
def query(order) = raise(KeyError, "no #{order}")
def charge(order)
  query(order)
rescue KeyError
  raise Declined, "order #{order}"
end
def refund(order) = nil.fetch(order)
def said(error) = error.cause ? error.full_message(highlight: false) : error
logger = Logger.new($stdout)
logger.info("started")
CALLS.each do |call|
  send(call, ARGV[0])
rescue StandardError => error
  logger.error(said(error))
end
logger.info("done")
"""

SOURCES = {
    "python": (PYTHON, "shop.py", "#"),
    "java": (JAVA, "Shop.java", "//"),
    "javascript": (NODE, "shop.js", "//"),
    "rust": (RUST, "shop.rs", "//"),
    "ruby": (RUBY, "shop.rb", "#"),
}

NEEDS = {"python": sys.executable, "java": "java", "javascript": "node", "rust": "rustc", "ruby": "ruby"}


def is_here(language):
    return shutil.which(NEEDS[language]) is not None


def output(language, directory, value, calls=("charge",), lines=0, env=None):
    """Deploys a program, runs it with `value` and returns what it wrote."""
    source, name, comment = SOURCES[language]
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    listed = ", ".join(f'"{call}"' for call in calls)
    before = f"{comment} a line\n" * lines
    path = directory / name
    path.write_text(before + source.replace("CALLS", listed if language in ("java", "rust") else f"[{listed}]"))
    command = {
        "python": [sys.executable, path, value],
        "java": ["java", "-Xshare:auto", path, value],
        "javascript": ["node", path, value],
        "rust": [directory / "shop", value],
        "ruby": ["ruby", path, value],
    }[language]
    if language == "rust":
        subprocess.run(
            ["rustc", "--edition", "2021", "-g", "-o", directory / "shop", path],
            check=True,
            capture_output=True,
            timeout=120,
        )
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env={"PATH": os.environ["PATH"]} | (env or {})
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr
