"""Traffic that a test makes by itself, inside two instances, so that no fault vouches for itself.

`db` answers: what comes to port 7007, TCP or UDP, goes back. `web` asks, and prints what it saw.
"""

import json
import statistics
from dataclasses import dataclass

PORT, OTHER_PORT = 7007, 7008

ANSWERING = f"""
import socket, threading
def talk(one):
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with one:
        while data := one.recv(65536): one.sendall(data)
def streams(port):
    server = socket.create_server(("", port), backlog=100)
    while True:
        threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()
def datagrams(port):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    one.bind(("", port))
    while True: one.sendto(*one.recvfrom(2048))
for port in ({PORT}, {OTHER_PORT}):
    for work in (streams, datagrams):
        threading.Thread(target=work, args=(port,), daemon=True).start()
threading.Event().wait()
"""

ASKING = """
import json, select, socket, sys, threading, time
address, port, datagrams, gap_s, size = sys.argv[1], *map(eval, sys.argv[2:])
found = dict(connect_s=[], stream_s=[], datagram_s=[])
def pinged(one):
    sent_s = time.monotonic(); one.sendall(b"x"); one.recv(1)
    return time.monotonic() - sent_s
for _ in range(5):
    began_s = time.monotonic()
    one = socket.create_connection((address, port), timeout=8)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found["connect_s"].append(time.monotonic() - began_s)
    found["stream_s"] += [pinged(one) for _ in range(3)]
block = bytes(range(256)) * (size // 256)
began_s = time.monotonic()
threading.Thread(target=one.sendall, args=(block,), daemon=True).start()
back = b""
while len(back) < len(block) and (data := one.recv(65536)): back += data
found["transfer_s"] = time.monotonic() - began_s
found["whole"] = back == block
ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
sent, seen, altered = {}, [], 0
def listen(wait_s):
    global altered
    end_s = time.monotonic() + wait_s
    while select.select([ear], [], [], max(0, end_s - time.monotonic()))[0]:
        text = ear.recv(2048)
        if text not in sent: altered += 1; continue
        if text not in seen: found["datagram_s"].append(time.monotonic() - sent[text])
        seen.append(text)
for number in range(datagrams):
    text = b"%08d" % number * 8
    sent[text] = time.monotonic()
    ear.sendto(text, (address, port))
    listen(gap_s)
listen(0.6)
numbers = [int(one[:8]) for one in dict.fromkeys(seen)]
found["datagrams"], found["altered"] = len(numbers), altered
found["copies"] = len(seen) - len(numbers)
found["overtaken"] = sum(a < max(numbers[:at], default=0) for at, a in enumerate(numbers))
print(json.dumps(found))
"""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the asking instance saw."""

    connect_s: float  # medians
    stream_s: float  # of a byte and its echo on an open connection
    datagram_s: float
    whole: bool  # whether all bytes came back as they were sent
    transfer_s: float
    datagrams: int  # different ones that came back unharmed
    altered: int
    copies: int
    overtaken: int


def ask(asker, address, *, port=PORT, datagrams=20, gap_s=0.002, size=65_536):
    """Send TCP and UDP from one instance to the answering one."""
    words = [address, str(port), str(datagrams), str(gap_s), str(size)]
    done = asker.exec_run(["python3", "-c", ASKING, *words])
    assert done.exit_code == 0, done.output.decode()
    found = json.loads(done.output)
    for name in ("connect_s", "stream_s", "datagram_s"):
        found[name] = statistics.median(found[name] or [float("nan")])
    return Seen(**found)
