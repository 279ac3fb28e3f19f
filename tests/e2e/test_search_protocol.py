"""`penchant eval --search`: figures that anyone can recompute, and refusals that name the row."""
import json
import math
import os
import tempfile
import unittest

from penchant import run

ITEMS = ["red running shoe", "blue running shoe", "garden hose", "red kettle", "electric kettle", "kettle"]
JUDGMENTS = [("running shoe", 0, 3), ("running shoe", 1, 2), ("running shoe", 2, 0), ("kettle", 3, 1), ("kettle", 5, 3),
             ("spaceship", 2, 0)]


class SearchProtocol(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.home = os.path.join(self.folder.name, "home")
        items = self.path("items.jsonl")
        with open(items, "w", encoding="utf-8") as file:
            for row, title in enumerate(ITEMS):
                file.write(json.dumps({"item_id": f"p{row}", "title": title}) + "\n")
        run("import", items, home=self.home, check=0)

    def tearDown(self):
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def judgments(self, rows, name="judgments.csv"):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write("query,item_id,grade\n" + "".join(f"{q},{i},{g}\n" for q, i, g in rows))
        return self.path(name)

    def test_figures_of_bm25_are_those_of_the_definition(self):
        file = self.judgments([(q, f"p{i}", g) for q, i, g in JUDGMENTS])
        report = json.loads(run("--json", "eval", "--search", file, "--models", "bm25,random", home=self.home, check=0).stdout)
        self.assertEqual(report["protocol"]["left_out"]["queries"], ["spaceship"])
        self.assertEqual(report["protocol"]["queries"], 2)
        full = next(r for r in report["results"] if r["model"] == "bm25" and r["candidates"] == "all items")
        # Both shoes score alike: the worse one stands first. "kettle" alone is the shortest kettle, and best;
        # the judged red kettle ties with the unjudged electric one and stands behind it.
        shoes = (3 + 7 / math.log2(3)) / (7 + 3 / math.log2(3))
        kettles = (7 + 1 / math.log2(4)) / (7 + 1 / math.log2(3))
        self.assertAlmostEqual(full["metrics"]["ndcg@10"]["value"], (shoes + kettles) / 2, places=9)
        self.assertEqual(full["metrics"]["mrr@10"]["value"], 1)
        self.assertEqual(full["metrics"]["recall@10"]["value"], 1)

    def test_a_bad_row_is_named(self):
        for rows, words in (([("x", "p0", "good")], ["row 2", "grade"]),
                            ([("x", "p0", 1), ("x", "zzz", 1)], ["row 3", "item_id", "zzz"]),
                            ([("x", "p0", 1), ("x", "p0", 2)], ["row 3", "second time"]),
                            ([("x" * 100000, "p0", 1)], ["row 2", "65536 bytes"])):
            error = run("eval", "--search", self.judgments(rows), "--models", "bm25", home=self.home, check=1).stderr
            for word in words:
                self.assertIn(word, error)
        self.assertIn("dense-text", run("eval", "--search", self.judgments([("x", "p0", 3)]), "--models", "magic",
                                        home=self.home, check=1).stderr)


if __name__ == "__main__":
    unittest.main()
