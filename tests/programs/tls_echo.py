# SPDX-License-Identifier: BSL-1.0

"""examples/tls_echo with `openssl s_client` as its client: several at once, one that goes
without a word, one that speaks no TLS."""

import pathlib
import socket
import subprocess
import tempfile

from program import LIMIT_S, Server, main, require

CLIENTS = 4
LINES = 2000


def make_certificate(folder):
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        + ["-nodes", "-days", "1", "-subj", "/CN=localhost"]
        + ["-keyout", str(key), "-out", str(certificate)],
        check=True,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=LIMIT_S,
    )
    return certificate, key


def start_client(port, certificate):
    return subprocess.Popen(
        ["openssl", "s_client", "-quiet", "-verify_quiet", "-verify_return_error"]
        + ["-no_ign_eof", "-CAfile", str(certificate), "-connect", f"localhost:{port}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def converse(client, lines):
    """Sends everything, reads it back, and leaves the client without its input."""
    client.stdin.write(lines)
    client.stdin.flush()
    received = b""
    while len(received) < len(lines):
        step = client.stdout.read1(len(lines) - len(received))
        if not step:
            break
        received += step
    require(received == lines, f"{len(received)} of {len(lines)} bytes came back")


def test(program):
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = make_certificate(pathlib.Path(folder))
        command = [program, "--port", 0, "--certificate", certificate, "--key", key]
        with Server(command) as server:
            clients = [start_client(server.port, certificate) for _ in range(CLIENTS)]
            try:
                # A client that says something else, and one that leaves in the handshake.
                with socket.create_connection(("127.0.0.1", server.port), LIMIT_S) as plain:
                    plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    while plain.recv(1000):
                        pass
                socket.create_connection(("127.0.0.1", server.port), LIMIT_S).close()
                for index, client in enumerate(clients):
                    lines = b"".join(
                        b"client %d line %d\n" % (index, line) for line in range(LINES)
                    )
                    converse(client, lines)
                for client in clients:
                    client.stdin.close()
                    require(client.wait(LIMIT_S) == 0, "a client did not end in peace")
            finally:
                for client in clients:
                    client.kill()
                    client.wait(LIMIT_S)
                    client.stdout.close()
            seen = server.stop()
            require(seen["connections"] == CLIENTS + 2, f"the server counted {seen}")


main(test)
