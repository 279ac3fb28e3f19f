"""A shop that trains again every night: new events and items, the live release goes on, and no semantic ID changes."""
import json
import os
import random
import unittest

from penchant import OwnHome, Server, run

GENRES, PER_GENRE, USERS = 4, 20, 120


def write_part(folder, first, last, events, seed):
    """Items first..last of each genre, and events on them: people keep to a genre."""
    rng = random.Random(seed)
    os.makedirs(folder)
    with open(os.path.join(folder, "items.jsonl"), "w", encoding="utf-8") as out:
        for i in range(first * GENRES, last * GENRES):
            vector = [round((3.0 if k % GENRES == i % GENRES else 0.0) + rng.gauss(0, 0.4), 4) for k in range(12)]
            out.write(json.dumps({"item_id": f"i{i}", "title": f"clip {i}", "vectors": {"visual": vector}}) + "\n")
    with open(os.path.join(folder, "events.csv"), "w", encoding="utf-8") as out:
        out.write("user_id,item_id,timestamp\n")
        for user in range(USERS):
            for at in range(events):
                genre = user % GENRES if rng.random() < 0.9 else rng.randrange(GENRES)
                pick = rng.randrange(last) if seed == 1 or rng.random() < 0.5 else rng.randrange(first, last)
                out.write(f"u{user},i{pick * GENRES + genre},{1_600_000_000 + seed * 10_000_000 + at * 3600 + user}\n")


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
