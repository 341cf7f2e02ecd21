#!/usr/bin/env python3
"""Holds the dependencies to the project's rules, from what cargo itself says, offline:

- Cargo.lock fits the manifests;
- every licence lets the binary be distributed under Apache-2.0;
- a crate stands in two versions only where it is listed here, with the reason;
- our crates depend on each other in one direction: agent -> config -> {collectors -> logs, exporters} -> pipeline.
"""

import json
import re
import subprocess
import sys

TARGET = "x86_64-unknown-linux-gnu"

LICENCES = {
    "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Zlib",
    "BSL-1.0", "CC0-1.0", "Unicode-3.0", "Unlicense",
}  # fmt: skip

# Crates that may stand in two versions, and whose old version keeps them so.
DUPLICATES = {
    "base64": "tonic asks for 0.22",
    "cpufeatures": "const-hex asks for 0.2, chacha20 (of rand 0.10) for 0.3",
    "getrandom": "ring asks for 0.2, rand_core 0.9 for 0.3",
    "rand": "opentelemetry_sdk asks for 0.9, hickory for 0.10",
    "rand_core": "follows rand",
    "syn": "build time only: derive macros move to 3 one by one",
    "synstructure": "build time only: x509-parser's derive macros",
}

# Which of our crates each may use.
DIRECTION = {
    "vigie-pipeline": set(),
    "vigie-logs": {"vigie-pipeline"},
    "vigie-collectors": {"vigie-pipeline", "vigie-logs"},
    "vigie-exporters": {"vigie-pipeline"},
    "vigie-config": {"vigie-pipeline", "vigie-logs", "vigie-collectors", "vigie-exporters"},
    "vigie": {"vigie-pipeline", "vigie-logs", "vigie-collectors", "vigie-exporters", "vigie-config"},
    "vigie-bench": set(),
    "vigie-fuzz": {"vigie-pipeline", "vigie-logs", "vigie-collectors", "vigie-exporters"},
}


def cargo(*args):
    done = subprocess.run(["cargo", *args], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"cargo {' '.join(args)}:\n{done.stderr}")
    return done.stdout


def permitted(expression):
    """Whether an SPDX expression can be met by the licences above ("/" is the old way to write OR)."""
    tokens = re.findall(r"\(|\)|[^()\s]+(?: WITH [^()\s]+)?", expression.replace("/", " OR "))
    python = {"(": "(", ")": ")", "OR": "or", "AND": "and"}
    return eval(" ".join(python.get(token) or str(token in LICENCES) for token in tokens))


def main():
    metadata = json.loads(cargo("metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET))
    wrong = []

    ours = {package["name"]: package for package in metadata["packages"] if package["source"] is None}
    for package in metadata["packages"]:
        if package["name"] not in ours and not permitted(package["license"] or "none"):
            wrong.append(f"{package['name']} {package['version']}: licence {package['license']} is not permitted")

    for name, package in ours.items():
        if name not in DIRECTION:
            wrong.append(f"{name}: a crate without a place in the direction of dependencies")
            continue
        used = {dependency["name"] for dependency in package["dependencies"]} & ours.keys()
        for against in sorted(used - DIRECTION[name]):
            wrong.append(f"{name} depends on {against}: against the direction of dependencies")

    tree = cargo(
        "tree", "--workspace", "--locked", "--duplicates", "--depth", "0", "--prefix", "none", "--target", TARGET
    )
    versions = {}
    for line in filter(None, tree.splitlines()):
        name, version = line.split()[:2]
        versions.setdefault(name, set()).add(version)
    # cargo also lists one version built twice, for a build script and for the binary: that is no duplicate.
    for name, found in sorted(versions.items()):
        if len(found) > 1 and name not in DUPLICATES:
            wrong.append(f"{name} stands in {', '.join(sorted(found))}: unify, or list it with the reason")
    for name in DUPLICATES:
        if len(versions.get(name, ())) < 2:
            wrong.append(f"{name} stands in one version now: take it off the list")

    for line in wrong:
        print(line, file=sys.stderr)
    print(f"dependencies: {len(metadata['packages'])} packages, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
