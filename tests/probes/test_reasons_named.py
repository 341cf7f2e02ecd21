"""No reason without a test: the set that the agent declares, against what the tests of this directory ask for."""

import ast
import re
from pathlib import Path

from harness.agent import ROOT

DECLARED = ROOT / "collectors/src/probes/failure.rs"

# What cannot be made from outside, with the test of the crate that makes it.
INSIDE = {}


def declared(name):
    """The labels of one closed set."""
    (members,) = re.findall(rf"^{name} {{\n(.*?)^}}", DECLARED.read_text(), re.M | re.S)
    return set(re.findall(r'^ +\w+ = "(\w+)",$', members, re.M))


def texts(node):
    """The texts that stand side by side in a tuple, a list or a call, or that something is compared with."""
    match node:
        case ast.Call():
            beside = node.args
        case ast.Compare():
            beside = node.comparators
        case _:
            beside = node.elts
    return {part.value for part in beside if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def cases(call):
    """What a table of cases with a column `reason` has in it."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "parametrize":
        return set()
    columns = call.args[0].value if isinstance(call.args[0], ast.Constant) else ""
    if "reason" not in columns.replace(",", " ").split():
        return set()
    return {text for row in ast.walk(call.args[1]) if isinstance(row, ast.Tuple) for text in texts(row)}


def asked_for(file, reasons, phases):
    """Reasons beside a phase, in a table of reasons, or compared with what was found: a mere mention is none."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Tuple | ast.List | ast.Call):
            beside = texts(node)
            if beside & phases:
                found |= beside & reasons
        if isinstance(node, ast.Call):
            found |= cases(node) & reasons
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Call):
            found |= texts(node) & reasons
    return found


def test_a_target_that_is_none_is_said_to_be(agent, tmp_path):
    modules = tmp_path / "blackbox.yml"
    modules.write_text("modules:\n  port:\n    prober: tcp\n")
    running = agent({"collectors": {"blackbox": str(modules)}})
    page = running.scrape("/probe?module=port&target=no-port")
    (found,) = page.series("probe_failure_info")
    assert (found.labels["reason"], found.labels["phase"]) == ("bad_target", "resolve")
    assert page.value("probe_success") == 0


def test_every_reason_of_a_failure_is_made_by_a_test():
    reasons, phases = declared("Reason"), declared("Phase")
    assert len(reasons) > 30 and len(phases) > 5, "the declaration is read"
    files = Path(__file__).parent.glob("test_*.py")
    found = set().union(*(asked_for(file, reasons, phases) for file in files))
    assert reasons - found - INSIDE.keys() == set(), "no test"
    assert found & INSIDE.keys() == set(), "these have a test here"
    for reason, test in INSIDE.items():
        file, name = test.split("::")
        assert f"fn {name}(" in (ROOT / file).read_text(), f"{reason}: {test} is not there"
