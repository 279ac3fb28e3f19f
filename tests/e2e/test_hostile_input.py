"""Broken and hostile input: a clear message, a documented exit code or status, nothing lost."""
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

from penchant import MOVIELENS_HOME, ServerCase, copied_home, free_port, run


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="penchant-hostile-")
        self.home = os.path.join(self.folder, "home")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return path

    def assert_clear(self, done, codes, *words):
        self.assertIn(done.returncode, codes, done.stdout + done.stderr)
        message = (done.stdout + done.stderr).strip()
        self.assertTrue(message)
        self.assertNotIn("internal error", message)
        for word in words:
            self.assertIn(word, message)

    def test_files_that_are_not_data(self):
        self.assert_clear(run("import", self.write("x.csv", os.urandom(5000)), home=self.home), (1, 4), "x.csv")
        self.assert_clear(run("import", self.write("x.parquet", b"PAR1" + os.urandom(100)), home=self.home), (1, 4), "x.parquet")
        self.assert_clear(run("import", self.write("x.csv.gz", b"\x1f\x8b\x08" + os.urandom(50)), home=self.home), (1, 4), "x.csv.gz")
        self.assert_clear(run("import", self.write("empty.csv", b""), home=self.home), (1, 4), "empty.csv")
        self.assert_clear(run("import", os.path.join(self.folder, "absent.csv"), home=self.home), (1, 3), "absent.csv")

    def test_wrong_columns_say_what_was_found_and_how_to_map(self):
        done = run("import", self.write("events.csv", "alpha,beta\n1,2\n"), home=self.home)
        self.assert_clear(done, (1,), "alpha", "--map")

    def test_bad_rows_are_kept_aside_with_row_and_reason(self):
        path = self.write("events.csv", "user_id,item_id,timestamp\nu1,i1,100\nu1,,200\nu2,i2,notatime\nu2,i1,300\n")
        done = run("import", path, home=self.home, check=0)
        rejects = [os.path.join(r, f) for r, _, fs in os.walk(self.home) for f in fs if "reject" in f]
        self.assertTrue(rejects, done.stdout)
        with open(rejects[0], encoding="utf-8") as file:
            text = file.read()
        self.assertIn("3", text)
        self.assertIn("4", text)

    def test_one_user_one_item_and_an_empty_home(self):
        self.assert_clear(run("train", home=self.home), (3,), "import")
        self.assert_clear(run("recommend", "--user", "u", home=self.home), (3,), "import")
        run("import", self.write("events.csv", "user_id,item_id,timestamp\nu1,i1,100\n"), home=self.home, check=0)
        self.assert_clear(run("train", home=self.home), (1,))
        done = run("recommend", "--user", "u1", home=self.home)
        self.assert_clear(done, (0,))
        run("describe", home=self.home, check=0)
        run("validate", home=self.home)

    def test_ten_megabyte_titles(self):
        items = self.write("items.csv", "item_id,title\ni1," + "x" * 10_000_000 + "\ni2,short\n")
        events = self.write("events.csv", "user_id,item_id,timestamp\nu1,i1,100\nu1,i2,200\n")
        run("import", events, "--items", items, home=self.home, check=0)
        run("search", "short", home=self.home, check=0)

    def test_wrong_usage_is_two(self):
        for args in (("nonsense",), ("import",), ("recommend", "--n-o", "3"), ()):
            self.assertEqual(run(*args).returncode, 2, args)

    def test_a_foreign_database_and_a_damaged_release(self):
        os.makedirs(self.home)
        with open(os.path.join(self.home, "penchant.db"), "wb") as file:
            file.write(os.urandom(4096))
        self.assert_clear(run("describe", home=self.home), (4,), "penchant.db")
        with copied_home() as home:
            name = os.listdir(os.path.join(home, "models"))[0]
            model = os.path.join(home, "models", name, "model.safetensors")
            with open(model, "r+b") as file:
                file.seek(5000)
                file.write(b"\xff\xff\xff\xff")
            done = run("models", "promote", name, home=home)
            self.assert_clear(done, (4,), "model.safetensors")
            # The live release is damaged: the server says so instead of answering from it.
            self.assert_clear(run("serve", "--port", free_port(), home=home, timeout=60), (4,), "model.safetensors")

    def test_a_full_disk_loses_nothing(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to mount a small tmpfs")
        small = os.path.join(self.folder, "small")
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", small], capture_output=True).returncode:
            self.skipTest("tmpfs cannot be mounted here")
        try:
            rows = "".join(f"u{i % 50},i{i % 300},{i}\n" for i in range(200_000))
            done = run("import", self.write("big.csv", "user_id,item_id,timestamp\n" + rows), home=small)
            self.assert_clear(done, (5,), "full")
            done = run("describe", home=small)
            self.assertIn(done.returncode, (0, 3), done.stderr)
        finally:
            subprocess.run(["umount", small], check=False)

    def test_a_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = run("serve", "--port", port, home=MOVIELENS_HOME, timeout=60)
        self.assert_clear(done, (6,), str(port))


class Http(ServerCase):
    def assert_refused(self, answer, status, *words):
        self.assertEqual(answer[0], status, answer)
        message = str(answer[1])
        for word in words:
            self.assertIn(word, message)

    def test_malformed_requests_name_the_problem(self):
        post = self.server.post
        self.assert_refused(post("/v1/recommend", "{"), 400)
        self.assert_refused(post("/v1/recommend", "[]"), 400)
        self.assert_refused(post("/v1/recommend", {"user": "196", "nn": 5}), 400, "nn")
        self.assert_refused(post("/v1/recommend", {"user": "196", "n": -5}), 400, "n")
        self.assert_refused(post("/v1/recommend", {"user": "196", "n": 1e9}), 400, "n")
        self.assert_refused(post("/v1/recommend", {"user": "196", "filter": "class IN ("}), 400, "filter")
        self.assert_refused(post("/v1/recommend", {"user": "196", "filter": "clas = 'x'"}), 400, "class")
        self.assert_refused(post("/v1/recommend", "[" * 100_000), 400)
        self.assert_refused(post("/v1/recommend", b'{"user":"\xff\xfe"}'), 400)
        self.assert_refused(post("/v1/events", {"user": "u", "item": "no-such-item"}), 400, "no-such-item")
        self.assert_refused(self.server.get("/v1/items/no-such-item"), 404, "no-such-item")
        self.assert_refused(self.server.get("/nowhere"), 404)
        self.assert_refused(self.server.request("DELETE", "/v1/recommend"), 405)

    def test_a_filter_that_selects_nothing_is_an_empty_list(self):
        answer = self.server.recommend(user="196", filter="release_year > 3000")
        self.assertEqual(answer["items"], [])

    def test_a_body_of_a_hundred_megabytes_is_refused_without_memory(self):
        before = self.server.resident_mb()
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as client:
            client.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n")
            try:
                for _ in range(100):
                    client.sendall(b" " * 1048576)
            except OSError:
                pass
            try:
                answer = client.recv(200)
            except OSError:
                answer = b""
        self.assertTrue(answer == b"" or b" 413 " in answer, answer)
        self.assertLess(self.server.resident_mb() - before, 80)
        self.assertEqual(self.server.get("/healthz")[0], 200)

    def test_raw_rubbish_does_not_stop_the_server(self):
        for data in (b"\x00" * 1000, b"GET / HTTP/9.9\r\n\r\n", b"GET " + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
                     b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as client:
                try:
                    client.sendall(data)
                    client.shutdown(socket.SHUT_WR)
                    client.recv(100)
                except OSError:
                    pass
        self.assertEqual(self.server.get("/healthz")[0], 200)


if __name__ == "__main__":
    unittest.main()
