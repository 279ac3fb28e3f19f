"""Two towers over several modalities, from files to a served list: trained, judged, served, and open to new items."""
import json
import os
import random
import tempfile
import unittest

from penchant import OwnHome, Server, run

GENRES, PER_GENRE, USERS = 4, 25, 160


def near(genre, dim, rng):
    """A vector of this genre: its direction and some noise."""
    return [round((3.0 if k % GENRES == genre else 0.0) + rng.gauss(0, 0.4), 4) for k in range(dim)]


def write_shop(folder):
    """Items whose look and sound tell the genre; every fifth has no sound, every seventh no look. People keep to a genre."""
    rng = random.Random(5)
    with open(os.path.join(folder, "items.jsonl"), "w", encoding="utf-8") as items:
        for i in range(GENRES * PER_GENRE):
            genre = i % GENRES
            vectors = {"visual": near(genre, 16, rng)} if i % 7 else {}
            if i % 5:
                vectors["acoustic"] = near(genre, 8, rng)
            items.write(json.dumps({"item_id": f"i{i}", "title": f"clip {i}", "attributes": {"genre": f"g{genre}"}, "vectors": vectors}) + "\n")
    with open(os.path.join(folder, "events.csv"), "w", encoding="utf-8") as events:
        events.write("user_id,item_id,timestamp\n")
        for user in range(USERS):
            picks = rng.sample(range(PER_GENRE), 12)
            for at, pick in enumerate(picks):
                genre = user % GENRES if rng.random() < 0.9 else rng.randrange(GENRES)
                events.write(f"u{user},i{pick * GENRES + genre},{1_600_000_000 + at * 3600 + user}\n")


class Towers(OwnHome):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        write_shop(cls.folder.name)
        run("import", cls.folder.name, home=cls.home, check=0)
        run("train", "--name", "clips", "--towers", "--preset", "tiny", "--set", "epochs=3",
            "--set", "towers.epochs=12", "--set", "towers.dim=16", "--set", "towers.clusters=8", home=cls.home, check=0, timeout=600)

    def test_they_are_judged_beside_the_rest_and_have_learned_the_genres(self):
        done = json.loads(run("--json", "eval", "--models", "towers,popularity", home=self.home, check=0, timeout=300).stdout)
        recall = {r["model"]: r["metrics"]["recall@10"]["value"] for r in done["results"] if r["seen"] == "removed"}
        self.assertGreater(recall["towers"], 1.5 * recall["popularity"], recall)

    def test_a_new_item_with_vectors_alone_is_proposed_by_the_towers(self):
        with Server(self.home) as server:
            answer = server.recommend(user="u1", n=100)["items"]
            self.assertTrue(any("towers" in item["sources"] for item in answer), answer[:3])
            rng = random.Random(9)
            for name, vectors in (("both", {"visual": near(1, 16, rng), "acoustic": near(1, 8, rng)}),
                                  ("look-only", {"visual": near(1, 16, rng)}), ("sound-only", {"acoustic": near(1, 8, rng)})):
                status, put = server.put(f"/v1/items/{name}", {"title": name, "vectors": vectors})
                self.assertIn(status, (200, 201), put)
                self.assertEqual(server.get(f"/v1/items/{name}?vectors=true")[1]["vectors"].keys(), vectors.keys())
            status, put = server.put("/v1/items/elsewhere", {"title": "elsewhere", "vectors": {"visual": near(2, 16, rng)}})
            self.assertIn(status, (200, 201), put)
            listed = {item["id"]: item for item in server.recommend(user="u1", n=104)["items"]}
            new = [listed[name] for name in ("both", "look-only", "sound-only")]
            self.assertTrue(any("towers" in item["sources"] for item in new), new)
            for item in new:
                self.assertGreater(item["score"], listed["elsewhere"]["score"], "a clip of the person's genre goes before one of another")

    def test_a_vector_of_another_length_is_named_and_stops_nothing(self):
        with tempfile.TemporaryDirectory(prefix="penchant-e2e-") as folder:
            write_shop(folder)
            with open(os.path.join(folder, "items.jsonl"), "a", encoding="utf-8") as items:
                items.write(json.dumps({"item_id": "odd", "title": "odd", "vectors": {"visual": [1, 2, 3]}}) + "\n")
            done = run("import", folder, home=os.path.join(folder, "home"), check=0)
            self.assertIn("vector 'visual' does not have 16 numbers (the item is kept)", " ".join(done.stdout.split()))
        with Server(self.home) as server:
            status, answer = server.put("/v1/items/odd", {"title": "odd", "vectors": {"visual": [1, 2, 3]}})
            self.assertIn(status, (200, 201), answer)
            self.assertTrue(server.recommend(user="u1", n=10)["items"])
        self.assertIn("most have 16", " ".join(run("validate", home=self.home).stdout.split()))
        run("train", "--name", "again", "--no-promote", "--preset", "tiny", "--set", "epochs=1", home=self.home, check=0, timeout=300)


if __name__ == "__main__":
    unittest.main()
