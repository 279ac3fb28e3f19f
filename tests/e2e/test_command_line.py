"""The verbs on the trained MovieLens home: results a person can check, JSON a program can read."""
import csv
import json
import math
import os
import tempfile
import unittest

from penchant import MOVIELENS, MOVIELENS_HOME, copied_home, run


def history(path):
    """Per user the items in order of time, file order among equals."""
    events = {}
    with open(path, encoding="utf-8") as file:
        next(file)
        for line in file:
            user, item, _, when = line.rstrip("\n").split("\t")
            events.setdefault(user, []).append((float(when), item))
    return {u: [i for _, i in sorted(rows, key=lambda r: r[0])] for u, rows in events.items()}


class Verbs(unittest.TestCase):
    def json(self, *args, home=MOVIELENS_HOME):
        return json.loads(run("--json", *args, home=home, check=0).stdout)

    def test_eval_exports_lists_from_which_anyone_gets_the_same_figures(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "result.json")
            run("eval", "--protocol", "last-out", "--models", "penchant,popularity,item-knn,transitions",
                "--json", out, "--export", folder, home=MOVIELENS_HOME, check=0, timeout=900)
            with open(out, encoding="utf-8") as file:
                report = json.load(file)
            self.assertIn("protocol", report)
            truth = {u: items[-1] for u, items in history(os.path.join(MOVIELENS, "ml-100k.inter")).items()}
            checked = 0
            for result in report["results"]:
                self.assertEqual(set(result) >= {"model", "seen", "ties", "seed", "users", "metrics"}, True)
                for metric in result["metrics"].values():
                    self.assertLessEqual(metric["low"], metric["value"] + 1e-12)
                    self.assertGreaterEqual(metric["high"], metric["value"] - 1e-12)
                names = [n for n in os.listdir(folder) if n.endswith(".csv") and n.startswith(result["model"]) and result["seen"] in n]
                self.assertEqual(len(names), 1, os.listdir(folder))
                ranks = {}
                with open(os.path.join(folder, names[0]), encoding="utf-8", newline="") as file:
                    for row in csv.DictReader(file):
                        if truth.get(row["user_id"]) == row["item_id"]:
                            ranks[row["user_id"]] = int(row["rank"])
                hits = [r for r in ranks.values() if r <= 10]
                ndcg = sum(1 / math.log2(r + 1) for r in hits) / result["users"]
                self.assertAlmostEqual(len(hits) / result["users"], result["metrics"]["recall@10"]["value"], places=9)
                self.assertAlmostEqual(ndcg, result["metrics"]["ndcg@10"]["value"], places=9)
                checked += 1
            self.assertGreaterEqual(checked, 8, "four models, both seen settings")

    def test_time_split_reports_users_and_protocol(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "r.json")
            done = run("eval", "--protocol", "time", "--models", "popularity,transitions", "--json", out,
                       home=MOVIELENS_HOME, timeout=600)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(out, encoding="utf-8") as file:
                self.assertEqual({r["model"] for r in json.load(file)["results"]}, {"popularity", "transitions"})

    def test_describe_and_validate_count_what_was_imported(self):
        text = run("describe", home=MOVIELENS_HOME, check=0).stdout
        self.assertRegex(text, r"items +168\d")
        self.assertIsInstance(self.json("describe"), dict)
        self.assertIsInstance(self.json("validate"), (dict, list))

    def test_sids_show_and_report(self):
        self.assertIn("Toy Story", run("sids", "show", "1", home=MOVIELENS_HOME, check=0).stdout)
        self.assertIsInstance(self.json("sids", "report"), dict)
        self.assertEqual(run("sids", "show", "no-such-item", home=MOVIELENS_HOME).returncode, 3)

    def test_sids_compare_puts_quantisers_side_by_side(self):
        names = ["residual-kmeans", "pq", "opq", "rqvae", "behaviour"]
        compared = self.json("sids", "compare", "--codebooks", "32,16,16")["quantisers"]
        self.assertEqual([c["quantiser"] for c in compared], names)
        for c in compared:
            self.assertEqual(c["codebooks"], [32, 16, 16])
            self.assertGreaterEqual(c["report"]["items"], 1682)  # other tests may add items
            self.assertLessEqual(c["unique_before"], c["unique_after"])
            explained = [level["explained"] for level in c["report"]["levels"]]
            self.assertEqual(explained, sorted(explained))
        for c in (compared[0], compared[3], compared[4]):
            cosines = [entry["cosine"] for entry in c["report"]["coherence"] if entry["pairs"] > 0]
            self.assertEqual(cosines, sorted(cosines), "items that share more codes are more alike")
            for level in c["report"]["levels"]:
                self.assertGreaterEqual(level["used"], 0.95 * level["codebook"])
        self.assertGreater(compared[4]["next_item"][0]["share"], compared[0]["next_item"][0]["share"],
                           "codes that learned from events follow what people take next")
        self.assertGreater(compared[2]["report"]["levels"][2]["explained"], compared[1]["report"]["levels"][2]["explained"])
        table = run("sids", "compare", "--quantisers", "pq", home=MOVIELENS_HOME, check=0).stdout
        self.assertIn("pq", table)
        self.assertNotIn("opq", table)
        self.assertLessEqual(max(map(len, table.splitlines())), 100)

    def test_sids_compare_says_what_is_wrong(self):
        unknown = run("sids", "compare", "--quantisers", "lsh", home=MOVIELENS_HOME, check=1)
        self.assertIn("residual-kmeans, pq, opq, rqvae, behaviour", unknown.stderr)
        self.assertIn("codebook", run("sids", "compare", "--codebooks", "8,0", home=MOVIELENS_HOME, check=1).stderr)
        with tempfile.TemporaryDirectory() as home:
            run("sids", "compare", home=home, check=3)
            items = os.path.join(home, "items.csv")
            with open(items, "w", encoding="utf-8") as file:
                file.write("item_id,title\n1,One\n2,Two\n")
            run("import", items, home=home, check=0)
            needs_events = run("sids", "compare", "--quantisers", "behaviour", home=home, check=1)
            self.assertIn("event", needs_events.stderr)
            bare = run("--encoder", os.path.join(home, "none"), "sids", "compare", home=home, check=1)
            self.assertIn("content vectors", bare.stderr)

    def test_sids_diff_of_a_release_with_itself_finds_nothing(self):
        name = self.json("models", "list")[0]["name"]
        same = self.json("sids", "diff", name, name)
        self.assertEqual((same["changed"], same["kept_share"], same["added"], same["same_codebooks"]), (0, 1, 0, True))
        table = run("sids", "diff", name, name, home=MOVIELENS_HOME, check=0).stdout
        self.assertIn("identical", table)
        self.assertLessEqual(max(map(len, table.splitlines())), 100)
        run("sids", "diff", name, "no-such-release", home=MOVIELENS_HOME, check=3)

    def test_exported_semantic_ids_come_back_the_same(self):
        with copied_home() as home:
            exported = {}
            for style in ("keys", "openonerec", "tokens", "short-tokens"):
                file = os.path.join(home, style + ".json")
                run("sids", "export", "--format", style, "--out", file, home=home, check=0)
                out = os.path.join(home, style + "-back.json")
                run("sids", "import", file, "--fill", "--out", out, home=home, check=0)  # other tests may have added items
                with open(out, encoding="utf-8") as back:
                    exported[style] = {item: key for key, items in json.load(back).items() for item in items}
            self.assertEqual(len({json.dumps(one, sort_keys=True) for one in exported.values()}), 1)
            with open(os.path.join(home, "keys.json"), encoding="utf-8") as file:
                for key, items in json.load(file).items():
                    for item in items:
                        self.assertEqual(exported["keys"][item], key)
            shown = json.loads(run("--json", "sids", "show", "50", home=home, check=0).stdout)["semantic_id"]
            self.assertEqual(exported["keys"]["50"], ",".join(map(str, shown)))

    def test_sids_import_names_what_is_wrong(self):
        with copied_home() as home:
            def refused(text, *args):
                file = os.path.join(home, "ids.json")
                with open(file, "w", encoding="utf-8") as out:
                    out.write(text)
                return run("sids", "import", file, *args, home=home, check=1).stderr
            self.assertIn("line 1: not JSON", refused('{"1,2": ['))
            self.assertIn("no-such-item", refused('{"1,2": ["no-such-item"]}'))
            self.assertIn("--fill", refused('{"1,2": ["50"]}'))
            self.assertIn('"1,2,3": 3 codes', refused('{"1,2": ["50"], "1,2,3": ["51"]}'))
            self.assertIn("two semantic IDs", refused('{"1,2": ["50", "50"]}'))
            run("sids", "export", "--format", "xml", home=home, check=1)
            wrong = run("train", "--codes", os.path.join(home, "ids.json"), home=home, check=1).stderr
            self.assertIn("two semantic IDs", wrong)

    def test_collision_policies_count_items(self):
        for policy in ("reassign", "extra", "popular"):
            one = self.json("sids", "compare", "--quantisers", "residual-kmeans", "--collisions", policy)["quantisers"][0]
            self.assertEqual(one["report"]["collisions"], policy)
            self.assertEqual(len(one["report"]["levels"]), 4 if policy == "extra" else 3)
            self.assertGreater(one["unique_after"], one["unique_before"])
        self.assertIn("reassign, extra or popular",
                      run("sids", "compare", "--collisions", "none", home=MOVIELENS_HOME, check=1).stderr)

    def test_recommend_search_explain(self):
        lists = self.json("recommend", "--user", "196", "-n", "5")
        self.assertEqual(len(lists["items"]), 5)
        self.assertIn("Star", run("search", "star trek", home=MOVIELENS_HOME, check=0).stdout)
        self.assertTrue(run("explain", lists["items"][0]["id"], "--user", "196", home=MOVIELENS_HOME, check=0).stdout)

    def test_import_says_how_it_read_the_columns_and_is_idempotent(self):
        with tempfile.TemporaryDirectory() as home:
            dry = run("import", MOVIELENS, "--dry-run", home=home, check=0)
            self.assertIn("user_id", dry.stdout)
            run("import", MOVIELENS, home=home, check=0)
            first = self.json("describe", home=home)
            run("import", MOVIELENS, home=home, check=0)
            self.assertEqual(first, self.json("describe", home=home))

    def test_the_same_seed_gives_the_same_list(self):
        with copied_home() as home:
            a = self.json("recommend", "--user", "5", "-n", "20", home=home)
        b = self.json("recommend", "--user", "5", "-n", "20")
        self.assertEqual([i["id"] for i in a["items"]], [i["id"] for i in b["items"]])


if __name__ == "__main__":
    unittest.main()
