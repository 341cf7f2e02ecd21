"""HTTP probes through a proxy, plain and in a tunnel."""

import pytest
from harness.nginx import TOKEN
from harness.ports import free_port
from harness.proxy import Proxy
from harness.sections import probing
from harness.wait import until


@pytest.fixture
def proxy(request):
    """`proxy(site)` starts one that leads everybody to `site`."""

    def start(site, **options):
        made = Proxy(site, **options)
        request.addfinalizer(made.close)
        return made

    return start


def probed(started):
    until(lambda: started.value("vigie_probe_runs_total", probe="home"), "it was probed")
    return started.scrape()


def failure(page):
    (sample,) = page.series("probe_failure_info", probe="home")
    return sample.labels["reason"], sample.labels["phase"]


def test_a_plain_request_is_handed_over_whole(agent, nginx, proxy):
    site = nginx()
    between = proxy(site)
    http = {"url": "http://127.0.0.9/echo?q=1", "proxy_url": between.url("me:secret@")}
    started = agent(probing({"name": "home", "http": http}))
    page = probed(started)
    assert page.value("probe_success", probe="home") == 1
    assert between.asked[0] == ("GET", "http://127.0.0.9/echo?q=1", "Basic bWU6c2VjcmV0")
    assert site.wait_requests(1)[0]["host"] == "127.0.0.9"
    assert "secret" not in started.log + started.get("/metrics").text


def test_tls_goes_through_a_tunnel(agent, nginx, proxy, authority):
    site = nginx(authority.issue())
    between = proxy(site)
    http = {
        "url": f"https://localhost:{site.port}/",
        "proxy_url": between.url(),
        "skip_resolve_phase_with_proxy": True,
        "tls_config": {"ca_file": str(authority.ca_file)},
    }
    page = probed(agent(probing({"name": "home", "http": http})))
    assert page.value("probe_success", probe="home") == 1
    assert page.value("probe_http_ssl", probe="home") == 1
    assert between.asked[0] == ("CONNECT", f"localhost:{site.port}", None)


def test_the_environment_names_the_proxy_only_if_it_is_asked(agent, nginx, proxy):
    between = proxy(nginx())
    environment = {"HTTP_PROXY": between.url(), "NO_PROXY": "192.0.2.2"}
    over = {"url": "http://192.0.2.1/", "proxy_from_environment": True}
    page = probed(agent(probing({"name": "home", "http": over}), env=environment))
    assert page.value("probe_success", probe="home") == 1
    asked = len(between.asked)
    exempt = {"name": "home", "http": {"url": "http://192.0.2.2/", "proxy_from_environment": True}, "timeout": "300ms"}
    page = probed(agent(probing(exempt), env=environment))
    assert page.value("probe_success", probe="home") == 0
    assert {target for _, target, _ in between.asked[asked:]} <= {"http://192.0.2.1:80/", "http://192.0.2.1/"}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_told_from_a_target_that_is_not(agent, scheme):
    http = {"url": f"{scheme}://127.0.0.1/", "proxy_url": f"http://127.0.0.1:{free_port()}"}
    page = probed(agent(probing({"name": "home", "http": http})))
    assert failure(page) == ("proxy_unreachable", "connect")


def test_a_proxy_that_opens_no_tunnel_is_told(agent, nginx, proxy, authority):
    between = proxy(nginx(authority.issue()), refuses=True)
    http = {"url": "https://127.0.0.1/", "proxy_url": between.url()}
    page = probed(agent(probing({"name": "home", "http": http})))
    assert failure(page) == ("proxy_refused", "connect")
    plain = {"url": "http://127.0.0.1/", "proxy_url": between.url()}
    page = probed(agent(probing({"name": "home", "http": plain})))
    assert failure(page) == ("http_status", "processing")


def test_a_proxy_leads_nobody_past_what_may_be_probed(pair, nginx, proxy):
    site = nginx()
    between = proxy(site)
    through = {"preferred_ip_protocol": "ip4", "proxy_url": between.url()}
    modules = {
        "resolved": {"prober": "http", "timeout": "5s", "http": through},
        "left": {"prober": "http", "timeout": "5s", "http": through | {"skip_resolve_phase_with_proxy": True}},
    }
    target = "192.0.2.1"
    both = pair(modules, access={"targets": [target, "*.example"]})

    def forbidden(module, url):
        return 'reason="target_forbidden"' in both.ask(f"module={module}&target={url}").text

    # The proxy itself is not on the list: it is the configuration that names it.
    assert not forbidden("resolved", f"http://{target}/")
    assert not forbidden("left", "http://shop.example/")
    asked = len(between.asked)
    assert asked == 2
    for module, url in [
        ("resolved", "http://192.0.2.2/"),
        ("left", "http://169.254.169.254/"),
        ("left", "http://other.test/"),
        ("left", "https://other.test/"),
    ]:
        assert forbidden(module, url), (module, url)
    assert len(between.asked) == asked
    assert forbidden("left", f"http://{target}/to?url=http://169.254.169.254/")
    assert len(between.asked) == asked + 1


def test_who_asks_for_a_probe_does_not_choose_where_tokens_come_from(pair, nginx):
    site, tokens = nginx(), nginx(host="127.0.0.2")
    oauth2 = {"client_id": "me", "client_secret": "hunter2", "token_url": tokens.url + "/token"}
    module = {"prober": "http", "http": {"preferred_ip_protocol": "ip4", "oauth2": oauth2}}
    both = pair({"token": module}, access={"targets": ["127.0.0.1"]})
    answer = both.ask(f"module=token&target={site.url}/bearer&debug=true")
    assert "probe_success 1" in answer.text
    assert "hunter2" not in answer.text and TOKEN not in answer.text
