"""Prometheus metrics of a memcached server.

Each scrape opens one connection, asks for `stats` and translates the answer, so
the exporter keeps nothing between scrapes.
"""

import argparse
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Each statistic that is shown: metric, type, help.
METRICS = {
    "uptime": ("memcached_uptime_seconds", "counter", "Seconds since the start."),
    "curr_connections": ("memcached_current_connections", "gauge", "Open connections."),
    "total_connections": ("memcached_connections_total", "counter", "Connections since the start."),
    "curr_items": ("memcached_current_items", "gauge", "Items kept."),
    "total_items": ("memcached_items_total", "counter", "Items stored since the start."),
    "bytes": ("memcached_current_bytes", "gauge", "Bytes of the items kept."),
    "limit_maxbytes": ("memcached_limit_bytes", "gauge", "Bytes that items may take."),
    "evictions": ("memcached_items_evicted_total", "counter", "Items removed to make room."),
    "reclaimed": ("memcached_items_reclaimed_total", "counter", "Items stored in the place of an expired one."),
    "cmd_set": ("memcached_sets_total", "counter", "Values stored."),
    "get_hits": ("memcached_get_hits_total", "counter", "Reads that found a value."),
    "get_misses": ("memcached_get_misses_total", "counter", "Reads that found none."),
    "bytes_read": ("memcached_read_bytes_total", "counter", "Bytes received."),
    "bytes_written": ("memcached_written_bytes_total", "counter", "Bytes sent."),
}


def fetch_stats(address, timeout):
    """Asks the server for its statistics, as a dictionary of text."""
    stats = {}
    with socket.create_connection(address, timeout) as connection:
        connection.sendall(b"stats\r\n")
        with connection.makefile("r", encoding="ascii", errors="replace", newline="\r\n") as lines:
            for line in lines:
                match line.split():
                    case ["STAT", name, value]:
                        stats[name] = value
                    case ["END"]:
                        return stats
                    case _:
                        raise OSError(f"unexpected answer: {line.strip()!r}")
    raise OSError("the answer ends too early")


def render(stats):
    """Gives the text of a scrape; `None` stands for a server that did not answer."""
    lines = []

    def add(metric, kind, explanation, value):
        lines.append(f"# HELP {metric} {explanation}")
        lines.append(f"# TYPE {metric} {kind}")
        lines.append(f"{metric} {value}")

    add("memcached_up", "gauge", "Whether the server answered.", 0 if stats is None else 1)
    for name, (metric, kind, explanation) in METRICS.items():
        if stats is not None and name in stats:
            add(metric, kind, explanation, stats[name])
    return "\n".join(lines) + "\n"


def handler(address, timeout):
    """Makes the class that answers requests about the server at `address`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            match self.path.partition("?")[0]:
                case "/metrics":
                    self.answer(200, render(self.stats()))
                case "/healthz":
                    self.answer(200, "ok\n")
                case _:
                    self.answer(404, "metrics are at /metrics\n")

        def stats(self):
            try:
                return fetch_stats(address, timeout)
            except OSError as error:
                print(f"memcached at {address[0]}:{address[1]}: {error}", file=sys.stderr)
                return None

        def answer(self, status, text):
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *_):
            """Scrapes are not worth a line each."""

    return Handler


class Server(ThreadingHTTPServer):
    """Listens on an address of IPv4 or IPv6, whichever it is given."""

    def __init__(self, address, handler):
        self.address_family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        super().__init__(address, handler)


def parse_address(text):
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise argparse.ArgumentTypeError(f"not HOST:PORT: {text}")
    return host.strip("[]"), int(port)


def main():
    parser = argparse.ArgumentParser(description="Prometheus metrics of a memcached server")
    parser.add_argument("--memcached", type=parse_address, default="127.0.0.1:11211", metavar="HOST:PORT")
    parser.add_argument("--listen", type=parse_address, default="0.0.0.0:9150", metavar="HOST:PORT")
    parser.add_argument("--timeout", type=float, default=2, metavar="SECONDS")
    arguments = parser.parse_args()

    # As process 1 of a container, a program gets no default for SIGTERM.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Server(arguments.listen, handler(arguments.memcached, arguments.timeout)).serve_forever()
