"""A shop that trains again every night: new events and items, the live release goes on, and no semantic ID changes."""
import json
import os
import unittest

from penchant import OwnHome, Server, run
from small_shop import GENRES, PER_GENRE, write_part


class WarmStart(OwnHome):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for seed, first, last, events in ((1, 0, PER_GENRE, 12), (2, PER_GENRE, PER_GENRE + 3, 6)):
            part = os.path.join(cls.folder.name, f"part{seed}")
            write_part(part, first, last, events, seed)
            run("import", part, home=cls.home, check=0)
            args = ("--name", "monday", "--preset", "tiny", "--set", "epochs=6") if seed == 1 else ("--name", "tuesday", "--warm-start", "live")
            run("train", *args, home=cls.home, check=0, timeout=600)

    def test_no_semantic_id_changed_and_every_new_item_has_its_own(self):
        diff = json.loads(run("--json", "sids", "diff", "monday", "tuesday", home=self.home, check=0).stdout)
        self.assertTrue(diff["same_codebooks"])
        self.assertEqual((diff["common"], diff["added"], diff["removed"], diff["changed"]), (80, 12, 0, 0), diff)

    def test_the_card_says_what_it_started_from(self):
        with open(os.path.join(self.home, "models", "tuesday", "card.json"), encoding="utf-8") as card:
            training = json.load(card)["training"]
        started = training["started_from"]
        self.assertEqual((started["release"], started["items_kept"], started["items_added"], started["items_gone"]), ("monday", 80, 12, 0))
        self.assertGreaterEqual(training["best_valid_ndcg10"], started["valid_ndcg10"])
        self.assertLessEqual(len(training["epochs"]), 10)

    def test_the_new_release_is_live_and_proposes_new_items(self):
        with Server(self.home) as server:
            answer = server.recommend(user="u1", n=92)
        self.assertEqual(answer["applied"]["release"], "tuesday")
        self.assertTrue(any(int(item["id"][1:]) >= PER_GENRE * GENRES for item in answer["items"][:10]), answer["items"][:10])

    def test_what_does_not_fit_is_refused_by_name(self):
        done = run("train", "--name", "x", "--warm-start", "sunday", home=self.home, check=3)
        self.assertIn("--warm-start sunday: there is no such release", " ".join(done.stderr.split()))
        done = run("train", "--name", "x", "--warm-start", "live", "--quantiser", "pq", home=self.home, check=1)
        self.assertIn("leave out quantiser", " ".join(done.stderr.split()))
        done = run("train", "--name", "x", "--warm-start", "live", "--preset", "base", home=self.home, check=1)
        self.assertIn('dim: release "tuesday" has 32, this training 128', " ".join(done.stderr.split()))
        done = run("train", "--name", "x", "--warm-start", "live", "--holdout", "time", home=self.home, check=1)
        self.assertIn("--holdout time keeps back", " ".join(done.stderr.split()))


if __name__ == "__main__":
    unittest.main()
