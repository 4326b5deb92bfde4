"""Runs a mail server that stores what it gets: one JSON file per mail, written whole.

Usage: smtp_server.py OPTIONS, a JSON object with `folder` (where mails go; with TLS also `ca.pem`), `tls` (`none`,
`starttls`, `implicit`), `user` and `password` (login wanted if set), `answers` (what the first mails get in place of
acceptance, such as `451 later`; an empty text accepts), `recipients` (recipient -> answer) and `delay_ms`.
Prints the port once it listens.
"""

import asyncio
import datetime
import email
import email.policy
import ipaddress
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

OPTIONS = json.loads(sys.argv[1])
FOLDER = OPTIONS["folder"]


def body_of(message: email.message.EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    return part.get_content() if part is not None else None


class Handler:
    """Stores mails, answering what the options say."""

    def __init__(self) -> None:
        self.answers = list(OPTIONS.get("answers", []))
        self.stored = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = OPTIONS.get("recipients", {}).get(address)
        if answer is not None:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        await asyncio.sleep(OPTIONS.get("delay_ms", 0) / 1000)
        answer = self.answers.pop(0) if self.answers else ""
        if answer:
            return answer
        self.store(session, envelope)
        return "250 Message accepted for delivery"

    def store(self, session, envelope) -> None:
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name: str(value) for name, value in message.items()},
            "subject": str(message.get("Subject", "")),
            "text": body_of(message, "plain"),
            "html": body_of(message, "html"),
            "raw": envelope.content.decode("utf-8", "replace"),
            "tls": session.ssl is not None or OPTIONS["tls"] == "implicit",
            "user": session.auth_data if session.authenticated else None,
        }
        self.stored += 1
        path = os.path.join(FOLDER, f"{self.stored:06}.json")
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(mail, file)
        os.rename(path + ".part", path)


def authenticate(server, session, envelope, mechanism, data):
    fits = data.login == OPTIONS["user"].encode() and data.password == OPTIONS["password"].encode()
    # `handled` must be false for a refusal: else the server leaves the client without an answer.
    return AuthResult(success=fits, handled=fits, auth_data=data.login.decode() if fits else None)


def tls_context() -> ssl.SSLContext:
    """A server certificate for this machine, signed by a fresh authority whose certificate goes to `ca.pem`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def name(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    now = datetime.datetime.now(datetime.timezone.utc)

    def certificate(subject, key, issuer, issuer_key, extensions):
        builder = x509.CertificateBuilder(name(issuer), name(subject), key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=2))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_constraints = (x509.BasicConstraints(ca=True, path_length=0), True)
    ca_name, host = "driftsentry test authority", "localhost"
    names = x509.SubjectAlternativeName([x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    ca_pem = certificate(ca_name, ca_key, ca_name, ca_key, [ca_constraints])
    server_pem = certificate(host, key, ca_name, ca_key, [(names, False), (x509.BasicConstraints(False, None), True)])
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with open(os.path.join(FOLDER, "ca.pem"), "wb") as file:
        file.write(ca_pem)
    server_file = os.path.join(FOLDER, "server.pem")
    with open(server_file, "wb") as file:
        file.write(key_pem + server_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server_file)
    return context


async def main() -> None:
    tls = OPTIONS["tls"]
    context = None if tls == "none" else tls_context()
    login = OPTIONS.get("user") is not None
    handler = Handler()

    def session():
        return SMTP(
            handler,
            hostname="localhost",
            tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            authenticator=authenticate if login else None,
            auth_required=login,
            auth_require_tls=False,
        )

    server = await asyncio.get_running_loop().create_server(
        session, "127.0.0.1", 0, ssl=context if tls == "implicit" else None
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
