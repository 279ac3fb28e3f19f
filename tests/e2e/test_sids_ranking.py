"""Semantic IDs in ranking, from files to a table: new items, drawn negatives, vocabularies, and what it refuses."""
import json
import os
import random
import unittest

from penchant import MOVIELENS_HOME, OwnHome, copied_home, run

TOPICS, DAYS, PER_DAY, NEW_PER_DAY = 6, 20, 900, 8
START = 1_600_041_600


def write_shop(folder):
    """Every day brings items that nobody has seen; what people like shows in the items' vectors alone."""
    rng = random.Random(3)
    with open(os.path.join(folder, "items.jsonl"), "w", encoding="utf-8") as items:
        for i in range(DAYS * NEW_PER_DAY):
            vector = [round((3.0 if k == i % TOPICS else 0.0) + rng.gauss(0, 0.4), 4) for k in range(16)]
            items.write(json.dumps({"item_id": f"i{i}", "vectors": {"look": vector}}) + "\n")
    with open(os.path.join(folder, "ratings.csv"), "w", encoding="utf-8") as events:
        events.write("user_id,item_id,rating,timestamp\n")
        for day in range(DAYS):
            for n in range(PER_DAY):
                user, known = rng.randrange(40), day * NEW_PER_DAY
                item = known + rng.randrange(NEW_PER_DAY) if n % 4 == 0 or day == 0 else rng.randrange(known)
                liked = rng.random() < (0.9 if item % TOPICS in (user % TOPICS, (user + 2) % TOPICS) else 0.1)
                events.write(f"u{user},i{item},{5 if liked else 2},{START + day * 86400 + n * 60}\n")


class Ranking(OwnHome):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        write_shop(cls.folder.name)
        run("import", cls.folder.name, home=cls.home, check=0)

    def ranking(self, *more):
        done = run("--json", "sids", "ranking", "--table-bytes", "8192", "--levels", "3", "--codebooks", "8,8,8", "--vocabulary", "40", "--seeds", "1,2", *more, home=self.home, check=0)
        return json.loads(done.stdout)

    def test_pieces_of_codes_beat_hashed_ids_on_new_items_at_equal_bytes(self):
        found = self.ranking("--positive", "rating>=4", "--variants", "hash,prefix,sentencepiece,sentencepiece-shuffled")
        variants = {v["variant"]: v for v in found["variants"]}
        self.assertEqual({v["table_bytes"] for v in variants.values()}, {8192})
        self.assertFalse(found["drawn_negatives"])
        for name in ("prefix", "sentencepiece"):
            self.assertGreater(variants[name]["auc"]["new"]["against_first"]["low"], 0, name)
            self.assertGreater(variants[name]["auc"]["all"]["against_first"]["value"], -0.001, name)
        self.assertLess(variants["sentencepiece-shuffled"]["auc"]["new"]["value"], 0.6)
        again = self.ranking("--positive", "rating>=4", "--variants", "hash,prefix,sentencepiece,sentencepiece-shuffled")
        self.assertEqual(found, again)

    def test_validation_ends_before_the_test_and_weeks_work(self):
        days = self.ranking("--positive", "rating>=4", "--variants", "hash", "--judge", "validation")
        self.assertEqual((days["judged"], days["periods"]), ("validation", 4))
        self.assertLess(days["last"], self.ranking("--positive", "rating>=4", "--variants", "hash")["from"])
        weeks = self.ranking("--positive", "rating>=4", "--variants", "hash", "--period", "week")
        self.assertEqual((weeks["period"], weeks["periods"]), ("week", 1))

    def test_without_a_rule_negatives_are_drawn_and_the_table_says_so(self):
        done = run("sids", "ranking", "--table-bytes", "8192", "--seeds", "1", "--variants", "hash,bigram,content", home=self.home, check=0)
        self.assertIn("negatives are drawn", done.stdout)
        self.assertTrue(all(len(line) <= 100 for line in done.stdout.splitlines()), done.stdout)

    def test_what_cannot_be_says_what_to_do(self):
        for args, words in ((["--positive", "stars>=4"], "there are: rating"), (["--positive", ">=4"], "rating>=4"),
                            (["--variants", "hash,words"], "content+hash"), (["--table-bytes", "64"], "2 rows"),
                            (["--period", "month"], "day or week"), (["--judge", "training"], "validation or test"),
                            (["--test-from", "0.1"], "rise")):
            done = run("sids", "ranking", *args, home=self.home)
            self.assertEqual(done.returncode, 1, args)
            self.assertIn(words, done.stderr)


class Vocabulary(unittest.TestCase):
    def test_a_release_gets_a_vocabulary_that_cuts_its_items(self):
        with copied_home() as home:
            made = json.loads(run("--json", "sids", "vocabulary", "--pieces", "600", home=home, check=0).stdout)
            self.assertLessEqual(made["pieces"], 600)
            self.assertLess(made["pieces_per_event"], made["levels"])
            cut = json.loads(run("--json", "sids", "pieces", "50", home=home, check=0).stdout)["pieces"]
            codes = [code for piece in cut for code in piece["codes"]]
            card = json.loads(run("--json", "sids", "show", "50", home=home, check=0).stdout)
            self.assertEqual(codes, card["semantic_id"])
            self.assertEqual(run("sids", "pieces", "no such item", home=home).returncode, 3)
            with open(made["file"], "r+b") as file:
                file.truncate(100)
            self.assertEqual(run("sids", "pieces", "50", home=home).returncode, 4)

    def test_without_one_it_says_how_to_make_one(self):
        done = run("sids", "pieces", "50", "--vocabulary", os.path.join(MOVIELENS_HOME, "no-such-file"), home=MOVIELENS_HOME)
        self.assertEqual(done.returncode, 3)
        self.assertIn("penchant sids vocabulary", done.stderr)


if __name__ == "__main__":
    unittest.main()
