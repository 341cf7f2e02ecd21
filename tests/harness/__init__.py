"""The little language the black-box tests are written in: an agent, its peers, and conditions to wait for.

Real servers to probe and to send to, each with its table in its module: nginx.py, postgres.py, redis.py, mariadb.py,
unbound.py (DNS), smtp.py, grpc_health.py, websocket.py, shop.py (a traced application), prometheus.py, exporters.py.
What no real server does: peer.py, faulty.py, silence.py, network.py. Certificates, good and bad: certs.py. Clients
that are not ours: curl.py. `../conftest.py` has a fixture for each, `test_*.py` here show that they do what they say.
"""
