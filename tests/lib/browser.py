"""A headless Chromium that does what it is told, a line a command on standard input:

    look [WIDTH [light|dark [still]]]       how it shows pages; `still`: prefers no motion
    open URL            goes there
    eval EXPRESSION     what it is worth in the page, as JSON
    key NAME            presses that key: Tab, Enter, Space, ArrowLeft, a letter ...
    shot FILE [view]    a picture of the whole page, or of what is in view
    tree                what assistive technology sees: [role, name, whether it takes the focus] of each
    problems            what was complained of since it was asked for last, and requests elsewhere
    misses              requests that failed since it was asked for last
    quit

Each is answered with a line: "ok", and what came of it, or "no", and why. Chromium is driven by its
DevTools protocol over a pipe.

    browser.py CHROMIUM FOLDER      FOLDER is its own, and new
"""
import base64
import json
import os
import select
import subprocess
import sys
import time
from urllib.parse import urlsplit

PATIENCE = float(os.environ.get("PATIENCE", "30"))
OPTIONS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync
    --disable-background-networking --disable-component-update --disable-default-apps
    --disable-extensions --disable-dev-shm-usage --hide-scrollbars --mute-audio
    --remote-debugging-pipe""".split()
CODES = {"Tab": 9, "Enter": 13, "Space": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39,
         "ArrowDown": 40, "Home": 36, "End": 35}
TEXTS = {"Enter": "\r", "Space": " "}


class Failed(Exception):
    """What could not be done, and why."""


class Pipe:
    """Commands to Chromium and what it says: JSON, each ended by a zero byte."""

    def __init__(self, chromium, folder):
        self.said, self.number, self.on_event = b"", 0, lambda method, params: None
        to_read, self.to = os.pipe()
        self.out, from_write = os.pipe()
        with open(os.path.join(folder, "log"), "wb") as log:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", 'exec "$0" "$@" 3<&%d 4>&%d' % (to_read, from_write), chromium,
                 *OPTIONS, "--user-data-dir=" + os.path.join(folder, "profile"), "about:blank"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=(to_read, from_write))
        os.close(to_read)
        os.close(from_write)

    def next(self, end):
        """The next message; None if none has come by END."""
        while b"\0" not in self.said:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.out], [], [], left)[0]:
                return None
            data = os.read(self.out, 1 << 20)
            if not data:
                raise Failed("chromium is gone")
            self.said += data
        message, _, self.said = self.said.partition(b"\0")
        return json.loads(message)

    def call(self, method, session=None, **params):
        """Has it done and returns the result; what happens meanwhile goes to on_event."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while True:
            answer = self.next(end)
            if answer is None:
                raise Failed(f"{method}: no answer")
            if answer.get("id") != self.number:
                self.event(answer)
            elif "error" in answer:
                raise Failed(f"{method}: {answer['error']['message']}")
            else:
                return answer["result"]

    def event(self, message):
        if "method" in message:
            self.on_event(message["method"], message["params"])

    def close(self):
        """Without the pipe Chromium ends."""
        os.close(self.to)
        os.close(self.out)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Browser:
    """One page."""

    def __init__(self, chromium, folder):
        self.pipe = Pipe(chromium, folder)
        self.pipe.on_event = self.on_event
        self.complaints, self.failures, self.origin = [], [], None
        target = self.pipe.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.pipe.call(
            "Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in "Page", "Runtime", "Log", "Network", "Accessibility":
            self.call(domain + ".enable")
        self.do_look()

    def call(self, method, **params):
        return self.pipe.call(method, self.session, **params)

    def on_event(self, method, params):
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", details).get("description", "exception"))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append("console: " + json.dumps(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.log_entry(params["entry"])
        elif method == "Network.requestWillBeSent":
            self.request(params["request"]["url"])

    def log_entry(self, entry):
        kept = self.failures if entry["source"] == "network" else self.complaints
        kept.append(f"{entry['text']} {entry.get('url', '')}")

    def request(self, url):
        parts = urlsplit(url)
        if parts.scheme != "data" and (parts.scheme, parts.netloc) != self.origin:
            self.complaints.append(f"request elsewhere: {url}")

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            raise Failed(result["exceptionDetails"]["exception"].get("description", "exception"))
        return result["result"].get("value")

    def do_look(self, width="1280", scheme="light", motion=""):
        self.call("Emulation.setDeviceMetricsOverride", width=int(width), height=900,
                  deviceScaleFactor=1, mobile=int(width) < 600)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce" if motion else "no-preference"}])

    def do_open(self, url):
        self.origin = urlsplit(url)[:2]
        result = self.call("Page.navigate", url=url)
        if "errorText" in result:
            raise Failed(result["errorText"])

    def do_eval(self, *words):
        return json.dumps(self.evaluate(" ".join(words)), ensure_ascii=False)

    def do_key(self, name):
        event = {"key": TEXTS.get(name, name), "code": name,
                 "windowsVirtualKeyCode": CODES.get(name, ord(name[0].upper()))}
        if name == "Enter":
            event["key"] = "Enter"
        text = TEXTS.get(name, name if len(name) == 1 else "")
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown",
                  **event, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def do_shot(self, file, part=""):
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=not part)
        with open(file, "wb") as out:
            out.write(base64.b64decode(picture["data"]))

    def do_tree(self):
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return json.dumps([self.node(node) for node in nodes if not node["ignored"]])

    @staticmethod
    def node(node):
        focusable = any(each["name"] == "focusable" and each["value"]["value"]
                        for each in node["properties"])
        return [node["role"]["value"], node.get("name", {}).get("value", ""), focusable]

    def do_problems(self):
        said, self.complaints = self.complaints, []
        return json.dumps(said)

    def do_misses(self):
        said, self.failures = self.failures, []
        return json.dumps(said)


def obey(browser, line):
    name, *arguments = line.split(" ")
    command = getattr(browser, "do_" + name, None)
    if command is None:
        return f"no such command: {name}"
    try:
        return f"ok {command(*arguments) or ''}".rstrip()
    except Failed as failed:
        return "no " + str(failed).replace("\n", " ")


def main():
    chromium, folder = sys.argv[1:]
    os.mkdir(folder)
    browser = Browser(chromium, folder)
    try:
        for line in sys.stdin:
            if line == "quit\n":
                break
            print(obey(browser, line.rstrip("\n")), flush=True)
    finally:
        browser.pipe.close()


main()
