"""A certificate authority for one test run, and certificates as good or as bad as a test wants.

authority.issue(valid=…, since=…, names=…, addresses=…, client=False)  # a good one, or what it is told to be
authority.expired()  authority.not_yet_valid()  authority.wrong_host()  authority.self_signed()
authority.client()                     # for a client, with no use as a server
authority.intermediate()               # an authority below this one: issues chains that end at this one
authority.revoke(certificate)          # from now on authority.crl_file lists it
"""

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ("127.0.0.1", "::1")
HOUR = datetime.timedelta(hours=1)


@dataclass
class Certificate:
    """A certificate with its key, as files; `expires` is the second its validity ends, Unix time."""

    cert_file: Path  # with the authorities between it and the root, where there are any
    key_file: Path
    ca_file: Path
    expires: int
    mutual: bool = False  # a server that shows it wants a certificate of the same authority from its clients

    @property
    def x509(self):
        return x509.load_pem_x509_certificate(self.cert_file.read_bytes())

    @property
    def serial(self):
        return self.x509.serial_number

    def server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert_file, self.key_file)
        if self.mutual:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca_file)
        return context

    def client_context(self):
        """Of a client that shows this certificate and trusts its authority alone."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.load_cert_chain(self.cert_file, self.key_file)
        return context

    def grpc_credentials(self):
        pair = (self.key_file.read_bytes(), self.cert_file.read_bytes())
        roots = self.ca_file.read_bytes() if self.mutual else None
        return grpc.ssl_server_credentials([pair], roots, self.mutual)


class Authority:
    """Issues certificates, for 127.0.0.1, ::1 and localhost unless told otherwise."""

    def __init__(self, directory, name="vigie test authority", above=None):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.above = above
        issuer = above or self
        now = datetime.datetime.now(datetime.UTC)
        builder = _builder(self.name, issuer, self.key, now - 400 * 24 * HOUR, now + 400 * 24 * HOUR)
        self.certificate = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=0 if above else 1), critical=True)
            .add_extension(_usage(sign=True), critical=True)
            .sign(issuer.key, hashes.SHA256())
        )
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)
        self.ca_file = above.ca_file if above else self.directory / "ca.pem"
        if not above:
            self.ca_file.write_bytes(self.pem)
        self.crl_file = self.directory / "crl.pem"
        self._issued = 0
        self._below = 0
        self._revoked = []
        self._write_crl()

    def issue(self, valid=HOUR, since=48 * HOUR, names=("localhost",), addresses=LOOPBACK, client=False, chain=True):
        """A certificate valid from `since` ago until `valid` from now; negative: until so long ago, from then on.

        `client`: for clients alone. `chain=False` leaves the authorities between it and the root out of its file.
        """
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        key = ec.generate_private_key(ec.SECP256R1())
        return self._certify(key, self, now - since, now + valid, names, addresses, client, chain)

    def expired(self, ago=HOUR, **kwargs):
        return self.issue(valid=-ago, **kwargs)

    def not_yet_valid(self, until=HOUR, **kwargs):
        return self.issue(valid=until + HOUR, since=-until, **kwargs)

    def wrong_host(self, name="elsewhere.example"):
        """For a name that is not where its server is."""
        return self.issue(names=(name,), addresses=())

    def client(self, name="vigie test client"):
        return self.issue(names=(name,), addresses=(), client=True)

    def self_signed(self, **names):
        """Signed by its own key; `ca_file` is that of the authority, which does not know it."""
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        key = ec.generate_private_key(ec.SECP256R1())
        return self._certify(key, None, now - HOUR, now + HOUR, **names)

    def intermediate(self, name="vigie test intermediate"):
        """An authority below this one."""
        self._below += 1
        return Authority(self.directory / f"below{self._below}", f"{name} {self._below}", above=self)

    def revoke(self, certificate):
        """Puts it on the list, `crl_file`, which is there and empty from the beginning on."""
        now = datetime.datetime.now(datetime.UTC)
        self._revoked.append(
            x509.RevokedCertificateBuilder().serial_number(certificate.serial).revocation_date(now - HOUR).build()
        )
        self._write_crl()

    def _write_crl(self):
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        builder = builder.last_update(now - HOUR).next_update(now + 24 * HOUR)
        # Every list has a number and says whose it is (RFC 5280, section 5.2).
        builder = builder.add_extension(x509.CRLNumber(len(self._revoked) + 1), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        for revoked in self._revoked:
            builder = builder.add_revoked_certificate(revoked)
        crl = builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        # Who checks a chain wants a list of every authority in it.
        self.crl_file.write_bytes(crl + (self.above.crl_file.read_bytes() if self.above else b""))

    def _certify(self, key, issuer, since, until, names=("localhost",), addresses=LOOPBACK, client=False, chain=True):
        self._issued += 1
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        alternatives = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        if not client:
            alternatives += [x509.DNSName(name) for name in names]
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH] + ([] if client else [ExtendedKeyUsageOID.SERVER_AUTH])
        builder = (
            _builder(subject, issuer, key, since, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        )
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        above = issuer
        while chain and above and above.above:
            pem += above.pem
            above = above.above
        cert_file = self.directory / f"{self._issued}.pem"
        key_file = self.directory / f"{self._issued}.key"
        cert_file.write_bytes(pem)
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return Certificate(cert_file, key_file, self.ca_file, int(until.timestamp()))


def _builder(subject, issuer, key, since, until):
    """What every certificate has; without an issuer it is its own."""
    issuer_key = issuer.key if issuer else key
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.name if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _usage(sign):
    """Key usage of an authority, or of a server."""
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=sign,
        crl_sign=sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
