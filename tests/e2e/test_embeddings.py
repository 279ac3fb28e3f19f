"""The user model inside other models: pushed with a stamp, kept in its coordinates across a retrain, fine-tuned, judged."""
import json
import os
import random
import unittest

from penchant import OwnHome, Server, run

GENRES, PER_GENRE, USERS, DAYS = 4, 12, 60, 20
TIME = ("--holdout", "time", "--validation-from", "0.4", "--test-from", "0.5")


def write_shop(folder):
    """People who watch their genre two times in three and like it, others seldom; two films a day."""
    rng = random.Random(5)
    with open(os.path.join(folder, "items.jsonl"), "w", encoding="utf-8") as items:
        for i in range(GENRES * PER_GENRE):
            vector = [round((3.0 if k % GENRES == i % GENRES else 0.0) + rng.gauss(0, 0.4), 4) for k in range(8)]
            items.write(json.dumps({"item_id": f"i{i}", "title": f"film {i}", "attributes": {"genre": f"g{i % GENRES}"},
                                    "vectors": {"visual": vector}}) + "\n")
    with open(os.path.join(folder, "events.csv"), "w", encoding="utf-8") as events:
        events.write("user_id,item_id,rating,timestamp\n")
        for day in range(DAYS):
            for user in range(USERS):
                for k in range(2):
                    genre = user % GENRES if rng.random() < 0.67 else rng.randrange(GENRES)
                    likes = rng.random() < (0.85 if genre == user % GENRES else 0.2)
                    item = rng.randrange(PER_GENRE) * GENRES + genre
                    events.write(f"u{user},i{item},{5 if likes else 2},{1_600_041_600 + day * 86_400 + user * 60 + k}\n")


class Embeddings(OwnHome):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        write_shop(cls.folder.name)
        run("import", cls.folder.name, home=cls.home, check=0)
        for seed in ("1", "2"):
            run("train", "--name", "r" + seed, "--seed", seed, "--preset", "tiny", "--set", "epochs=4", *TIME, home=cls.home, check=0, timeout=600)

    def json(self, *args):
        return json.loads(run("--json", *args, home=self.home, check=0, timeout=300).stdout)

    def test_a_retrain_keeps_the_coordinates_and_every_vector_says_how_old_it_is(self):
        self.assertEqual(run("embeddings", "export", os.path.join(self.folder.name, "none"), home=self.home).returncode, 3)
        first = self.json("embeddings", "push", "--release", "r1")
        self.assertEqual((first["release"], first["space"], first["users"]), ("r1", "r1", USERS))
        second = self.json("embeddings", "push", "--release", "r2")
        self.assertEqual((second["release"], second["space"], second["users"]), ("r2", "r1", USERS))
        self.assertGreater(second["alignment"]["cosine"], second["alignment"]["cosine_before"] + 0.3)
        shown = self.json("embeddings", "show", "u7")
        self.assertEqual((shown["release"], shown["space"], shown["events"], shown["events_since"]), ("r2", "r1", 2 * DAYS, 0))
        with Server(self.home) as server:
            status, read = server.get("/v1/users/u7/embedding")
            self.assertEqual(status, 200, read)
            self.assertEqual(read["vector"], shown["vector"])
            self.assertEqual(read["degraded"], [])
        run("embeddings", "export", os.path.join(self.folder.name, "users"), home=self.home, check=0)
        with open(os.path.join(self.folder.name, "users.ids"), encoding="utf-8") as ids:
            self.assertEqual(len(ids.read().split()), USERS)

    def test_three_ways_and_a_retrain_are_judged_on_days_that_no_release_saw(self):
        run("finetune", "--release", "r1", "--name", "likes", "--positive", "rating>=4", "--validation-from", "0.5", "--test-from", "0.6",
            "--set", "epochs=3", home=self.home, check=0, timeout=300)
        self.assertEqual(run("models", "promote", "likes", home=self.home).returncode, 3, "its lists are no recommendations")
        found = self.json("embeddings", "evaluate", "--release", "r1", "--finetuned", "likes", "--retrained", "r2", "--positive", "rating>=4",
                          "--seeds", "1", "--refresh", "1", "--history", "0")
        self.assertEqual([v["name"] for v in found["variants"]], ["none", "pushed every day", "inline", "fine-tuned"])
        self.assertEqual([(r["release"], r["way"]) for r in found["retrained"]], [("r2", "pushed every day"), ("r2", "inline")])
        inline = found["variants"][2]["slices"]["all"]
        self.assertGreater(inline["against_none"]["low"], 0, inline)
        refused = run("embeddings", "evaluate", "--release", "r1", "--positive", "rating>=4", "--validation-from", "0.2", "--test-from", "0.3", home=self.home)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("--holdout time", refused.stderr)


if __name__ == "__main__":
    unittest.main()
