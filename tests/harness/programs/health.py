"""A gRPC server with the standard health service, or without it. Options: `services`, `health`, `code`, `late`."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import HealthServicer

from . import OPTIONS, obey, tell


class Told(grpc.ServerInterceptor):
    """Tells of each call, also of those to what is not there."""

    def intercept_service(self, continuation, details):
        pairs = {key: text if isinstance(text, str) else text.hex() for key, text in details.invocation_metadata}
        tell("call", method=details.method, metadata=pairs)
        return continuation(details)


class Health(HealthServicer):
    """Late, or failing with a code, where it is told to."""

    def Check(self, request, context):
        tell("check", service=request.service, remaining=context.time_remaining())
        time.sleep(OPTIONS["late"])
        if OPTIONS["code"]:
            context.abort(grpc.StatusCode[OPTIONS["code"]], "told to fail")
        return super().Check(request, context)


def main():
    server = grpc.server(ThreadPoolExecutor(8), interceptors=[Told()], options=[("grpc.so_reuseport", 0)])
    health = Health()

    def change(service, status):
        health.set(service, health_pb2.HealthCheckResponse.ServingStatus.Value(status))

    for service, status in OPTIONS["services"].items():
        change(service, status)
    if OPTIONS["health"]:
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
    files = OPTIONS["certificate"]
    if files:
        pair = (Path(files["key_file"]).read_bytes(), Path(files["cert_file"]).read_bytes())
        roots = Path(files["ca_file"]).read_bytes() if files["mutual"] else None
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair], roots, files["mutual"]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    obey(change)
    tell("listening", port=port)
    server.wait_for_termination()


main()
