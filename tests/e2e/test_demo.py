"""The demo on MovieLens 100K, as a newcomer runs it; leaves the trained home for the other tests."""
import json
import os
import re
import shutil
import unittest

from penchant import MOVIELENS, MOVIELENS_HOME, run


class Demo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.isdir(MOVIELENS):
            raise AssertionError(f"{MOVIELENS} is missing; ./setup --tests fetches it")
        if os.path.isdir(MOVIELENS_HOME):
            shutil.rmtree(MOVIELENS_HOME)
        cls.first = run("demo", "--no-serve", "--data", MOVIELENS, home=MOVIELENS_HOME, timeout=2000, check=0)
        print(cls.first.stdout)

    def test_three_people_get_five_explained_films_each(self):
        lines = re.findall(r"^ {2}[1-5] {2}\S.* -?\d+\.\d\d\n {5}(\S.*)$", self.first.stdout, re.M)
        self.assertEqual(len(lines), 15, self.first.stdout)

    def test_a_film_added_a_moment_ago_appears(self):
        self.assertRegex(self.first.stdout, r"added a moment ago")

    def test_the_evaluation_line_has_interval_baselines_users_and_protocol(self):
        line = re.search(r"NDCG@10 penchant 0\.\d+ \[0\.\d+, 0\.\d+\]", self.first.stdout, re.M)
        self.assertIsNotNone(line, self.first.stdout)
        for word in ("popularity", "item-knn", "transitions", "943 users"):
            self.assertIn(word, " ".join(self.first.stdout.split()))

    def test_four_curl_lines_and_the_address(self):
        self.assertEqual(len(re.findall(r"^\s*curl ", self.first.stdout, re.M)), 4)
        self.assertIn("http://127.0.0.1:7600", self.first.stdout)

    def test_the_model_beats_every_baseline_with_an_interval_above_zero(self):
        name = json.loads(run("--json", "models", "list", home=MOVIELENS_HOME, check=0).stdout)[-1]["name"]
        with open(os.path.join(MOVIELENS_HOME, "models", name, "card.json"), encoding="utf-8") as file:
            comparisons = json.load(file)["evaluation"]["comparisons"]
        removed = {c["baseline"]: c for c in comparisons if c.get("seen") == "removed" and c["model"] == "penchant"
                   and c.get("metric", "ndcg@10") == "ndcg@10"}
        for baseline in ("popularity", "item-knn", "transitions"):
            self.assertGreater(removed[baseline]["low"], 0, removed)

    def test_a_second_run_reuses_what_is_there(self):
        second = run("demo", "--no-serve", "--data", MOVIELENS, home=MOVIELENS_HOME, timeout=60, check=0)
        self.assertIn("added a moment ago", second.stdout)


if __name__ == "__main__":
    unittest.main()
