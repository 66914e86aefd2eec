"""A headless Chromium, driven over its debugging pipe: pages opened, their complaints and screenshots."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time


def find():
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)


class Browser:
    """with Browser() as browser: browser.open("file:///...", 390, 800, dark=True)"""

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="orrery-browser-")
        self.number, self.rest, self.events = 0, b"", []
        commands, self.to = os.pipe()
        self.back, answers = os.pipe()
        # The browser reads commands from descriptor 3 and answers on 4.
        words = [find(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 "--remote-debugging-pipe", "--user-data-dir=" + self.profile, "about:blank"]  # fmt: skip
        shell = 'from="$1" to="$2"; shift 2; eval "exec 3<&$from 4>&$to"; exec "$@"'
        self.process = subprocess.Popen(["bash", "-c", shell, "bash", str(commands), str(answers), *words],
                                        pass_fds=(commands, answers), stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)  # fmt: skip
        os.close(commands)
        os.close(answers)
        targets = self.ask("Target.getTargets")["targetInfos"]
        target = next(each["targetId"] for each in targets if each["type"] == "page")
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.ask(domain + ".enable", self.session)
        return self

    def __exit__(self, *_):
        os.close(self.to)
        self.process.kill()
        self.process.wait()
        os.close(self.back)
        shutil.rmtree(self.profile, ignore_errors=True)

    def message(self, deadline):
        while b"\0" not in self.rest:
            if not select.select([self.back], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError("the browser does not answer")
            part = os.read(self.back, 1 << 16)
            if not part:
                raise AssertionError("the browser ended")
            self.rest += part
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def ask(self, method, session=None, **parameters):
        self.number += 1
        command = {"id": self.number, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        os.write(self.to, json.dumps(command).encode() + b"\0")
        deadline = time.monotonic() + 60
        while True:
            answer = self.message(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise AssertionError("%s: %r" % (method, answer["error"]))
                return answer["result"]
            self.events.append(answer)

    def open(self, address, width, height, dark):
        """Show a page; returns every complaint: of scripts, of the page, and of what could not be loaded."""
        self.events = []
        self.ask("Emulation.setDeviceMetricsOverride", self.session, width=width, height=height,
                 deviceScaleFactor=1, mobile=width < 600)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", self.session, features=[scheme])
        self.ask("Page.navigate", self.session, url=address)
        deadline = time.monotonic() + 60
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.message(deadline))
        self.value("0")
        kinds = ["Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled", "Network.loadingFailed"]
        return [event for event in self.events if event.get("method") in kinds]

    def value(self, expression):
        """What an expression of JavaScript comes to in the page."""
        result = self.ask("Runtime.evaluate", self.session, expression=expression, returnByValue=True)
        return result["result"].get("value")

    def screenshot(self, path, whole=True):
        answer = self.ask("Page.captureScreenshot", self.session, format="png", captureBeyondViewport=whole)
        with open(path, "wb") as file:
            file.write(base64.b64decode(answer["data"]))
