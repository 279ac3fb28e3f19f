"""Starts the real programs for the end-to-end tests: the command line, and a server on a free port."""
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BIN = os.environ["PENCHANT_BIN"]
SOURCE = os.environ["PENCHANT_SOURCE"]
MOVIELENS_HOME = os.environ["PENCHANT_MOVIELENS_HOME"]
CACHE = os.environ.get("PENCHANT_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "penchant")
MOVIELENS = os.path.join(CACHE, "data", "ml-100k")


def run(*args, home=None, timeout=300, check=None, **kwargs):
    """One command; `check` is the exit code it must end with."""
    command = [BIN] + (["--home", home] if home else []) + [str(a) for a in args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, errors="replace", **kwargs)
    if check is not None and done.returncode != check:
        raise AssertionError(f"{command} ended with {done.returncode}, expected {check}\n{done.stdout}\n{done.stderr}")
    return done


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def copied_home():
    """A private copy of the trained MovieLens home, so that tests may write."""
    with tempfile.TemporaryDirectory(prefix="penchant-e2e-") as folder:
        home = os.path.join(folder, "home")
        shutil.copytree(MOVIELENS_HOME, home)
        yield home


class OwnHome(unittest.TestCase):
    """A class of tests with an empty home of its own, and a folder beside it for files to import."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="penchant-e2e-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.home = os.path.join(cls.folder.name, "home")


class Server:
    """`penchant serve` on a free port; use as a context manager."""

    def __init__(self, home, *args):
        self.home, self.args, self.port = home, args, free_port()
        self.process, self.ready_seconds = None, None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        started = time.monotonic()
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen([BIN, "--home", self.home, "serve", "--port", str(self.port), *self.args],
                                        stdout=self.log, stderr=self.log)
        while True:
            try:
                if self.get("/readyz")[0] == 200:
                    break
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() - started > 60:
                self.log.seek(0)
                raise AssertionError("the server did not come up: " + self.log.read())
            time.sleep(0.01)
        self.ready_seconds = time.monotonic() - started

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)
        self.log.close()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=30)
        self.log.close()

    def resident_mb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS"):
                    return int(line.split()[1]) / 1024
        return None

    def request(self, method, path, body=None, headers=None, timeout=60):
        """(status, parsed JSON or text)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            connection.request(method, path, body=body, headers=headers or {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            try:
                return answer.status, json.loads(text)
            except ValueError:
                return answer.status, text
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body, **kwargs):
        return self.request("POST", path, body, **kwargs)

    def put(self, path, body):
        return self.request("PUT", path, body)

    def recommend(self, **body):
        status, answer = self.post("/v1/recommend", body)
        if status != 200:
            raise AssertionError(f"recommend {body} answered {status}: {answer}")
        return answer


class ServerCase(unittest.TestCase):
    """Tests that share one server on a private copy of the trained home, in `self.server`."""

    @classmethod
    def setUpClass(cls):
        cls.copy = copied_home()
        cls.server = Server(cls.copy.__enter__())
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.copy.__exit__(None, None, None)
