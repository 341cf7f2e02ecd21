"""Fixtures: each starts something real for one test and ends it afterwards."""

import pytest
from harness.agent import BINARY, Agent
from harness.certs import Authority
from harness.exporters import Blackbox
from harness.grpc_health import GrpcHealth
from harness.mariadb import MariaDb
from harness.mounts import Tmpfs
from harness.network import Namespace
from harness.nginx import Nginx
from harness.peer import Peer, Refused
from harness.postgres import Postgres
from harness.producing import Django, Gunicorn, Uvicorn
from harness.prometheus import Prometheus
from harness.receiver import GrpcReceiver, HttpReceiver
from harness.redis import Redis
from harness.rsyslog import Rsyslog
from harness.scheduling import Scheduling, order
from harness.shop import Shop
from harness.smtp import Smtp
from harness.unbound import Unbound
from harness.websocket import Websocket


def pytest_configure(config):
    if not BINARY.exists():
        raise pytest.UsageError(f"{BINARY} is not there: cargo build --release, or set VIGIE_BIN")


def pytest_collection_modifyitems(items):
    order(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)


def _starter(request, directory, make, name):
    """A function that makes things named name0, name1, … and a finalizer that stops them all."""
    made = []

    def start(*args, **kwargs):
        made.append(make(directory / f"{name}{len(made)}", *args, **kwargs))
        return made[-1]

    def stop_all():
        for thing in reversed(made):
            thing.stop()

    request.addfinalizer(stop_all)
    return start


@pytest.fixture
def unstarted(request, tmp_path):
    """An agent that is configured and not started: `unstarted(config, args=[…], env={…})`."""
    # Older than the agent, they outlive it: it would spend its grace on what it cannot deliver any more.
    for name in {"http_receiver", "grpc_receiver", "receiver"}.intersection(request.fixturenames):
        request.getfixturevalue(name)

    def make(directory, config=None, args=(), env=None):
        agent = Agent(directory, config, args, env)
        request.addfinalizer(lambda: print(f"\n{agent.log_file.name} of {agent.directory.name}:\n{agent.log[-6000:]}"))
        request.addfinalizer(agent.stop)
        request.addfinalizer(agent.check_ledgers)
        return agent

    return _starter(request, tmp_path, make, "agent")


@pytest.fixture
def agent(unstarted):
    """A started agent that is ready: `agent(config, args=[…], env={…})`."""

    def start(config=None, **kwargs):
        return unstarted(config, **kwargs).start()

    return start


@pytest.fixture
def http_receiver(request):
    """An OTLP/HTTP receiver on the default behaviour."""
    made = HttpReceiver()
    request.addfinalizer(made.down)
    return made


@pytest.fixture
def grpc_receiver(request):
    """An OTLP/gRPC receiver on the default behaviour."""
    made = GrpcReceiver()
    request.addfinalizer(made.down)
    return made


@pytest.fixture(params=[HttpReceiver, GrpcReceiver], ids=["http", "grpc"])
def receiver(request):
    """The test runs twice, with an OTLP/HTTP and with an OTLP/gRPC receiver."""
    made = request.param()
    request.addfinalizer(made.down)
    return made


@pytest.fixture
def tmpfs(request):
    """`tmpfs(path, size=…)` mounts one for the time of the test."""

    def make(path, **size):
        made = Tmpfs(path, **size)
        request.addfinalizer(made.unmount)
        return made

    return make


@pytest.fixture(scope="module")
def module_nginx(request, tmp_path_factory):
    """`module_nginx(…)` starts one that all tests of the file share."""
    return _starter(request, tmp_path_factory.mktemp("nginx"), Nginx, "nginx")


@pytest.fixture
def peer(request):
    """`peer(fault, certificate=…)` starts one, see harness/peer.py."""

    def start(*args, **kwargs):
        made = Peer(*args, **kwargs)
        request.addfinalizer(made.stop)
        return made

    return start


@pytest.fixture
def refused(request):
    """A port that refuses for as long as the test runs."""
    made = Refused()
    request.addfinalizer(made.stop)
    return made


@pytest.fixture
def namespace(request):
    """A network of one's own, see harness/network.py."""
    made = Namespace()
    request.addfinalizer(made.stop)
    return made


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """The certificate authority of this run."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def postgres(authority):
    """One PostgreSQL for all tests of a worker, see harness/postgres.py."""
    made = Postgres(authority.issue())
    yield made
    made.remove()


@pytest.fixture(scope="session")
def mariadb(authority):
    """One MariaDB for all tests of a worker, see harness/mariadb.py."""
    made = MariaDb(authority.issue())
    yield made
    made.remove()


@pytest.fixture(scope="session")
def unbound(authority, tmp_path_factory):
    """One DNS server for all tests of a worker, see harness/unbound.py."""
    made = Unbound(tmp_path_factory.mktemp("unbound"), authority.issue())
    yield made
    made.stop()


def _started(make, name):
    """A fixture that starts as many as a test likes in the test's directory, and ends them with it."""

    @pytest.fixture(name=name)
    def fixture(request, tmp_path):
        return _starter(request, tmp_path, make, name)

    return fixture


# What each takes is said where it is made, in harness/: `redis(password=…)` is Redis(directory, password=…).
nginx = _started(Nginx, "nginx")
prometheus = _started(Prometheus, "prometheus")
redis = _started(Redis, "redis")
smtp = _started(Smtp, "smtp")
grpc_health = _started(GrpcHealth, "grpc_health")
websocket = _started(Websocket, "websocket")
shop = _started(Shop, "shop")
gunicorn = _started(Gunicorn, "gunicorn")
uvicorn = _started(Uvicorn, "uvicorn")
django = _started(Django, "django")
blackbox = _started(Blackbox, "blackbox")
rsyslog = _started(Rsyslog, "rsyslog")
