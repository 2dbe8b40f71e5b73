"""Enough of a WebSocket, from the server's side, for exec and port-forward."""

import base64
import contextlib
import hashlib
import json
import socket
import struct
import subprocess
import threading

from tests.cluster.store import Refusal

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Socket:
    """One upgraded connection; frames of a channel byte and data."""

    def __init__(self, handler):
        self.handler, self.lock = handler, threading.Lock()
        key = handler.headers.get("Sec-WebSocket-Key")
        if key is None:
            raise Refusal(400, "BadRequest", "Upgrade request required")
        accept = base64.b64encode(hashlib.sha1((key + _MAGIC).encode()).digest()).decode()
        handler.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"),
                            ("Sec-WebSocket-Accept", accept),
                            ("Sec-WebSocket-Protocol", "v4.channel.k8s.io")):  # fmt: skip
            handler.send_header(name, value)
        handler.end_headers()
        handler.close_connection = True

    def send(self, channel, data):
        payload = bytes([channel]) + data
        head = b"\x82"
        if len(payload) < 126:
            head += bytes([len(payload)])
        elif len(payload) < 65536:
            head += b"\x7e" + struct.pack(">H", len(payload))
        else:
            head += b"\x7f" + struct.pack(">Q", len(payload))
        with self.lock:
            self.handler.wfile.write(head + payload)
            self.handler.wfile.flush()

    def frame(self):
        """(opcode, data), or None at the end."""
        head = self.handler.rfile.read(2)
        if len(head) < 2 or head[0] & 15 == 8:
            return None
        length = head[1] & 127
        if length == 126:
            (length,) = struct.unpack(">H", self.handler.rfile.read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self.handler.rfile.read(8))
        mask = self.handler.rfile.read(4)
        data = bytes(one ^ mask[at % 4] for at, one in enumerate(self.handler.rfile.read(length)))
        return head[0] & 15, data

    def take(self, frame, hear):
        """Answer a ping; whatever else was said goes to `hear`, with its channel."""
        opcode, data = frame
        if opcode == 9:
            with self.lock:
                self.handler.wfile.write(bytes([0x8A, len(data)]) + data)
                self.handler.wfile.flush()
        elif opcode == 2 and len(data) > 1 and not data[0] % 2:
            hear(data[0], data[1:])

    def close(self):
        with self.lock:
            try:
                self.handler.wfile.write(b"\x88\x02\x03\xe8")
                self.handler.wfile.flush()
                self.handler.connection.shutdown(socket.SHUT_RDWR)
            except (OSError, ValueError):  # it is closed already
                pass


def execute(kubelet, denied, handler, namespace, pod, _body):
    """`exec`: a real process with the container's environment."""
    if not kubelet.alive():
        raise Refusal(500, "InternalError", "the kubelet does not answer")
    words = handler.words
    command = [one for key, one in words if key == "command"]
    container = next((one for key, one in words if key == "container"), "")
    _, environment, _ = kubelet.container_process(namespace, pod, container)
    environment["FAKE_DENIED"] = " ".join(denied())
    command = kubelet.in_its_time(command)
    channel = Socket(handler)
    if ("stdin", "true") in words:
        _converse(handler, channel, command, environment)
        return
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    for number, data in ((1, done.stdout), (2, done.stderr)):
        if data:
            channel.send(number, data)
    status = {"status": "Success"}
    if done.returncode:
        causes = [{"reason": "ExitCode", "message": str(done.returncode)}]
        status = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}
    channel.send(3, json.dumps(status).encode())
    channel.close()


def _converse(handler, channel, command, environment):
    """With standard input: until one of both ends. Its process hears of the end, as a real one does."""
    process = subprocess.Popen(
        command, env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip

    def out(number, stream):
        with stream, contextlib.suppress(OSError, ValueError):
            while data := stream.read1(65536):
                channel.send(number, data)

    readers = [threading.Thread(target=out, args=one, daemon=True)
               for one in ((1, process.stdout), (2, process.stderr))]  # fmt: skip

    def ended():
        for one in readers:
            one.join()
        code = process.wait()
        status = {"status": "Success"}
        if code:
            causes = [{"reason": "ExitCode", "message": str(code)}]
            status = {
                "status": "Failure",
                "reason": "NonZeroExitCode",
                "details": {"causes": causes},
            }
        with contextlib.suppress(OSError, ValueError):
            channel.send(3, json.dumps(status).encode())
        channel.close()

    for one in (*readers, threading.Thread(target=ended, daemon=True)):
        one.start()
    handler.api.conversations.add(handler)

    def said(number, data):
        if number == 0:
            process.stdin.write(data)
            process.stdin.flush()

    with contextlib.suppress(OSError, IndexError, ValueError, struct.error):
        while (frame := channel.frame()) is not None:
            channel.take(frame, said)
    handler.api.conversations.discard(handler)
    with contextlib.suppress(OSError):
        process.stdin.close()
