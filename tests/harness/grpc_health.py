"""A real gRPC server with the standard health service.

    GrpcHealth(directory, certificate=None, services=SERVICES, health=True, code=None, late=0)   # or `grpc_health`
    server.host, server.port, server.address
    server.set("shop.Orders", "NOT_SERVING")    # from now on
    server.calls                         # [{"method": "/grpc.health.v1.Health/Check", "metadata": {…}}, …]
    server.recorded("check")             # service, remaining (seconds until the client's deadline, or None)

What is not among the services is NOT_FOUND. `health=False`: no health service (UNIMPLEMENTED). `code`: each check
fails with it, as `UNAVAILABLE`. `late`: seconds before the answer. A mutual certificate wants the client's.
"""

from .program import Program

SERVICES = {"": "SERVING", "shop.Orders": "SERVING", "shop.Stock": "NOT_SERVING", "shop.New": "UNKNOWN"}


class GrpcHealth(Program):
    """See the module."""

    def __init__(self, directory, certificate=None, services=None, health=True, code=None, late=0):
        services = SERVICES if services is None else services
        options = {"services": services, "health": health, "code": code, "late": late}
        super().__init__(directory, "health", certificate, **options)

    @property
    def calls(self):
        return self.recorded("call")

    def set(self, service, status):
        self.tell(service=service, status=status)
