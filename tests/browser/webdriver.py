"""A browser for tests: Debian's Chromium through its own driver, with the standard library alone.

WebDriver is JSON over HTTP, so a client of the dozen calls that are needed is shorter than the
configuration of one. Everything goes to 127.0.0.1.
"""

import base64
import json
import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-prefers-reduced-motion",
)


class BrowserError(Exception):
    """What the driver refused to do, in its words."""


class Browser:
    """One session; every method is one or two calls."""

    def __init__(self, address: str, profile: Path) -> None:
        self._address = address
        options = {
            "binary": shutil.which("chromium"),
            "args": [*ARGUMENTS, f"--user-data-dir={profile}"],
        }
        wanted = {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
            "unhandledPromptBehavior": "ignore",
            "timeouts": {"script": 180_000, "pageLoad": 180_000},  # of a busy machine
        }
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{made['sessionId']}"

    def open(self, url: str) -> None:
        """Load a page, and wait until it is loaded."""
        self._ask("POST", f"{self._session}/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a function body."""
        body = {"script": script, "args": list(arguments)}
        return self._ask("POST", f"{self._session}/execute/sync", body)

    def run_async(self, script: str, *arguments: Any) -> Any:
        """The value that a function body hands to its last argument."""
        body = {"script": script, "args": list(arguments)}
        return self._ask("POST", f"{self._session}/execute/async", body)

    def command(self, name: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol."""
        body = {"cmd": name, "params": parameters}
        return self._ask("POST", f"{self._session}/goog/cdp/execute", body)

    def emulate(self, *, scheme: str = "light", media: str = "", contrast: str = "") -> None:
        """What the page is told about the reader's wishes."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        if contrast:
            features.append({"name": "prefers-contrast", "value": contrast})
        self.command("Emulation.setEmulatedMedia", media=media, features=features)

    def resize(self, width: int, height: int = 900, *, scale: float = 1) -> None:
        """The size of the view, in CSS pixels."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=False,
        )

    def press(self, *keys: str) -> None:
        """Type keys where the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        body = {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}
        self._ask("POST", f"{self._session}/actions", body)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Move the pointer with its button down, from one point of the view to another."""

        def move(to: tuple[float, float]) -> dict[str, Any]:
            return {"type": "pointerMove", "duration": 0, "x": round(to[0]), "y": round(to[1])}

        button = {"button": 0}
        actions = [
            move(start),
            {"type": "pointerDown", **button},
            move(((start[0] + end[0]) / 2, end[1])),
            move(end),
            {"type": "pointerUp", **button},
        ]
        pointer = {"type": "pointer", "id": "mouse", "actions": actions}
        self._ask("POST", f"{self._session}/actions", {"actions": [pointer]})

    def complaints(self) -> list[str]:
        """What the console said since the last question: refused styles, errors."""
        entries = self._ask("POST", f"{self._session}/se/log", {"type": "browser"})
        return [f"{one['level']} {one['message']}" for one in entries]

    def dialog(self) -> str | None:
        """The text of an open dialog, if there is one."""
        try:
            return str(self._ask("GET", f"{self._session}/alert/text"))
        except BrowserError:
            return None

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """The view, or the whole page, as a PNG."""
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self, path: Path) -> None:
        """The page as it is printed."""
        printed = self.command("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        path.write_bytes(base64.b64decode(printed["data"]))

    def quit(self) -> None:
        """End the browser."""
        self._ask("DELETE", self._session)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(
            self._address + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=200) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            with error:
                value = json.load(error)["value"]
            raise BrowserError(f"{path}: {value['error']}: {value['message']}") from None


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile, and its driver; both gone afterwards."""
    argv = [str(shutil.which("chromedriver")), "--port=0"]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as driver:
        assert driver.stdout
        try:
            port = next(
                found[1]
                for line in driver.stdout
                if (found := re.search(r"started successfully on port (\d+)", line))
            )
            session = Browser(f"http://127.0.0.1:{port}", profile)
            try:
                yield session
            finally:
                session.quit()
        finally:
            driver.terminate()


@contextmanager
def serve(pages: Mapping[str, str], headers: Mapping[str, str]) -> Iterator[str]:
    """The address of a server on 127.0.0.1 that answers with these pages and headers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            self.send_response(200 if page is not None else 404)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
