"""Several processes train one release: what torchrun starts, and what becomes of the others when one is killed."""
import json
import os
import subprocess
import sys
import time
import unittest

from penchant import BIN, OwnHome, free_port, run
from small_shop import PER_GENRE, write_part

TORCHRUN = os.path.join(os.path.dirname(sys.executable), "torchrun")
EXACT = ["--preset", "tiny", "--no-promote", "--set", "epochs=4", "--set", "generator_epochs=1",
         "--set", "dropout=0", "--set", "input_dropout=0", "--set", "id_dropout=0"]


class Ranks(OwnHome):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        part = os.path.join(cls.folder.name, "part")
        write_part(part, 0, PER_GENRE, 12, 1)
        run("import", part, home=cls.home, check=0)

    def epochs(self, release):
        with open(os.path.join(self.home, "models", release, "card.json"), encoding="utf-8") as card:
            return json.load(card)["training"]["epochs"]

    def test_two_ranks_train_the_release_of_one(self):
        run("--threads", "1", "train", "--name", "one", *EXACT, home=self.home, check=0, timeout=600)
        subprocess.run([TORCHRUN, "--nproc-per-node", "2", "--master-port", str(free_port()), "--no-python", BIN, "--home", self.home,
                        "--threads", "1", "train", "--name", "two", *EXACT], check=True, capture_output=True, timeout=600)
        one, two = self.epochs("one"), self.epochs("two")
        self.assertEqual(len(one), len(two))
        for a, b in zip(one, two):
            self.assertAlmostEqual(a["loss"], b["loss"], delta=0.005 * a["loss"])
        listed = json.loads(run("--json", "models", "list", home=self.home, check=0).stdout)
        self.assertEqual([r["name"] for r in listed].count("two"), 1, listed)

    def test_a_killed_rank_ends_the_others_and_resume_goes_on(self):
        def start(*more):
            port = free_port()
            return [subprocess.Popen([BIN, "--home", self.home, "--threads", "1", "train", "--name", "cut", "--preset", "tiny", "--no-promote",
                                      "--set", "epochs=60", "--set", "patience=0", "--set", "generator_epochs=0", *more],
                                     env={**os.environ, "WORLD_SIZE": "2", "RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
                                     start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for rank in (0, 1)]

        checkpoint = os.path.join(self.home, "training.checkpoint")
        leader, follower = start()
        end = time.monotonic() + 300
        while not os.path.exists(checkpoint) and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(1)
        os.killpg(follower.pid, 9)
        message = leader.communicate(timeout=120)[1]
        follower.communicate(timeout=60)
        self.assertNotEqual(leader.returncode, 0)
        self.assertIn("another rank of this training is gone", message)
        self.assertIn("--resume", message)
        self.assertTrue(os.path.exists(checkpoint))
        resumed = start("--resume")
        for rank in resumed:
            _, message = rank.communicate(timeout=600)
            self.assertEqual(rank.returncode, 0, message)
        self.assertEqual(len(self.epochs("cut")), 60)


if __name__ == "__main__":
    unittest.main()
