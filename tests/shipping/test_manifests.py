"""What is shipped for containers: checked against the schemas of those who read it, and by the agent itself."""

import json
import re
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml
from harness.agent import ROOT, vigie

PACKAGING = ROOT / "packaging"
KUBERNETES = sorted((PACKAGING / "kubernetes").glob("*.yaml"))
# The first version in which a native sidecar needs no feature gate, and the newest that is known.
VERSIONS = ["1.29", kubernetes_validate.latest_version()]


def documents(path):
    return list(yaml.safe_load_all(path.read_text()))


def pods(path):
    """Pod specifications in a manifest."""
    return [
        document["spec"]["template"]["spec"]
        for document in documents(path)
        if document["kind"] in ("Deployment", "DaemonSet")
    ]


def agents(path):
    """The agent's containers, wherever they stand."""
    for pod in pods(path):
        for container in pod.get("initContainers", []) + pod["containers"]:
            if container["image"].startswith("vigie:"):
                yield pod, container


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_manifests_follow_the_schema(path, version):
    for document in documents(path):
        kubernetes_validate.validate(document, version, strict=True)


def test_the_schema_check_sees_a_misspelt_key():
    document = documents(PACKAGING / "kubernetes/daemonset.yaml")[-1]
    document["spec"]["template"]["spec"]["containers"][0]["securityContexts"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
def test_the_agent_accepts_the_configuration_in_a_manifest(path, tmp_path):
    maps = [document for document in documents(path) if document["kind"] == "ConfigMap"]
    assert maps
    for config in maps:
        (tmp_path / "vigie.yaml").write_text(config["data"]["vigie.yaml"])
        env = {name: "x" for name in re.findall(r"\$\{(\w+)\}", config["data"]["vigie.yaml"])}
        done = vigie("check", "--config.file", tmp_path, env=env)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
def test_containers_run_without_privilege(path):
    found = list(agents(path))
    assert found
    for pod, container in found:
        security = container["securityContext"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
def test_liveness_does_not_depend_on_what_is_watched(path):
    for _, container in agents(path):
        assert container["livenessProbe"]["httpGet"]["path"] == "/-/healthy"


def test_the_sidecar_is_a_native_one():
    (pod,) = pods(PACKAGING / "kubernetes/sidecar.yaml")
    (sidecar,) = [container for container in pod["initContainers"] if container["name"] == "vigie"]
    assert sidecar["restartPolicy"] == "Always"
    assert pod["shareProcessNamespace"] is True


def test_the_compose_file_follows_the_schema():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*command, PACKAGING / "compose/compose.yaml"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_the_compose_file_names_are_there():
    services = yaml.safe_load((PACKAGING / "compose/compose.yaml").read_text())["services"]
    build = services["vigie"]["build"]
    context = (PACKAGING / "compose" / build["context"]).resolve()
    assert context == ROOT and (context / build["dockerfile"]).is_file()
    mounted = [volume.split(":")[0] for volume in services["prometheus"]["volumes"]]
    files, rules = [PACKAGING / "compose" / path for path in mounted if path.startswith(".")]
    assert files.is_file() and list(rules.glob("*.yaml"))


def test_promtool_accepts_the_scrape_configuration():
    done = subprocess.run(
        ["promtool", "check", "config", PACKAGING / "compose/prometheus.yml"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_the_binary_alone_and_not_run_by_root():
    lines = (PACKAGING / "Dockerfile").read_text().splitlines()
    final = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert final[0] == "FROM scratch"
    (user,) = [line.split()[1] for line in final if line.startswith("USER ")]
    assert user.split(":")[0] not in ("0", "root")
    (entry,) = [line.removeprefix("ENTRYPOINT ") for line in final if line.startswith("ENTRYPOINT ")]
    assert json.loads(entry) == ["/usr/bin/vigie"]


def test_the_image_is_built_from_all_that_the_workspace_needs():
    ignore = (PACKAGING / "Dockerfile.dockerignore").read_text().splitlines()
    kept = {line[1:] for line in ignore if line.startswith("!")}
    members = re.search(r"members = \[([^]]*)\]", (ROOT / "Cargo.toml").read_text()).group(1)
    for member in re.findall(r'"([^"]+)"', members):
        assert any(member == path or member.startswith(path + "/") for path in kept), member
    assert {"Cargo.toml", "Cargo.lock"} <= kept
