"""tools/benchmarks: recording, resuming, merging, and a page that says what the records say."""
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(ROOT, "tools", "benchmarks")

# Answers `penchant --home H import DIR` and `… eval …` with figures made of the model's name and seed.
FAKE = """#!{python}
import json, os, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(" ".join(words) + "\\n")
if "import" in words:
    open(os.path.join(words[words.index("--home") + 1], "penchant.db"), "w").close()
    sys.exit(0)
if "train" in words:
    folder = os.path.join(words[words.index("--home") + 1], "models", words[words.index("--name") + 1])
    os.makedirs(folder)
    open(os.path.join(folder, "manifest.json"), "w").close()
    sys.exit(0)
models, ties = words[words.index("--models") + 1].split(","), words[words.index("--ties") + 1]
seed = int(words[words.index("--seed") + 1])
if models == ["bpr"]:
    print("penchant: no luck", file=sys.stderr)
    sys.exit(1)
def metrics(model, more):
    out, base = {{}}, 0.01 * len(model) + 0.001 * seed
    for at, name in enumerate(["recall@5", "recall@10", "recall@20", "ndcg@5", "ndcg@10", "mrr@10"]):
        value = base + more + 0.001 * at
        out[name] = {{"value": value, "low": value - 0.002, "high": value + 0.002}}
    for name in ("coverage@10", "popularity@10"):
        out[name] = {{"value": 12.5, "low": 12.5, "high": 12.5}}
    return out
print(json.dumps({{"protocol": {{"items": 3}}, "results": [
    {{"model": model, "seen": seen, "ties": ties, "users": 7, "metrics": metrics(model, more)}}
    for model in models for seen, more in (("kept", 0.0), ("removed", 0.01))]}}))
"""


class Benchmarks(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="penchant-benchmarks-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.log = os.path.join(self.folder, "log")
        self.program = os.path.join(self.folder, "penchant")
        with open(self.program, "w", encoding="utf-8") as file:
            file.write(FAKE.format(python=sys.executable, log=self.log))
        os.chmod(self.program, stat.S_IRWXU)
        for name in ("amazon-beauty", "movielens-1m"):
            os.makedirs(os.path.join(self.folder, "data", name))
            with open(os.path.join(self.folder, "data", name, "events.csv"), "w", encoding="utf-8") as file:
                file.write("user_id,item_id\n")
        self.out = os.path.join(self.folder, "docs", "benchmarks")
        os.makedirs(self.out)
        shutil.copy(os.path.join(ROOT, "docs", "benchmarks", "published.json"), self.out)

    def tool(self, verb, *words):
        return subprocess.run([sys.executable, TOOL, verb, "--out", self.out, *words],
                              capture_output=True, text=True, check=False)

    def run_tool(self, *words):
        return self.tool("run", "--data", os.path.join(self.folder, "data"), "--bin", self.program,
                         "--homes", os.path.join(self.folder, "homes"), *words)

    def calls(self, verb):
        with open(self.log, encoding="utf-8") as file:
            return [line for line in file if f" {verb} " in line]

    def page(self):
        with open(os.path.join(self.folder, "docs", "benchmarks.md"), encoding="utf-8") as file:
            return file.read()

    def test_runs_are_recorded_once_and_subsets_merge(self):
        first = self.run_tool("--sets", "beauty", "--models", "popularity,sasrec", "--seeds", "1,2", "--ties", "given")
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertEqual(len(self.calls("import")), 1)
        self.assertEqual(len(self.calls("eval")), 3)  # popularity has no seeds
        rest = self.run_tool("--sets", "beauty,ml-1m", "--models", "popularity,sasrec", "--seeds", "1,2,3")
        self.assertEqual(rest.returncode, 0, rest.stderr)
        self.assertIn("3 recorded already", rest.stdout)
        # beauty: 1 given, 6 shuffled; ml-1m has no ties: 1 + 3
        self.assertEqual(len(self.calls("eval")), 3 + 7 + 4)
        self.assertEqual(len(self.calls("import")), 2)
        with open(os.path.join(self.out, "runs", "beauty", "sasrec-given-2.json"), encoding="utf-8") as file:
            record = json.load(file)
        self.assertEqual(record["users"], 7)
        self.assertEqual(record["results"]["removed"]["ndcg@10"], [0.076, 0.074, 0.078])
        self.assertEqual(record["command"], "penchant --home HOME --json eval --models sasrec --ties given --seed 2 --resamples 1000")
        self.assertNotIn(self.folder, json.dumps(record))
        self.assertNotIn("recall@20", record["results"]["kept"])

    def test_changed_settings_run_again_and_are_passed_on(self):
        words = ("--sets", "beauty", "--models", "sasrec", "--seeds", "1", "--ties", "given")
        self.run_tool(*words)
        with open(os.path.join(self.out, "settings.json"), "w", encoding="utf-8") as file:
            json.dump({"beauty": {"sasrec": {"dim": 64}}}, file)
        self.assertEqual(self.run_tool(*words).returncode, 0)
        self.assertEqual(len(self.calls("eval")), 2)
        self.assertIn("--set sasrec.dim=64", self.calls("eval")[1])
        self.run_tool(*words)
        self.assertEqual(len(self.calls("eval")), 2)

    def test_a_failed_run_is_told_and_the_others_go_on(self):
        done = self.run_tool("--sets", "beauty", "--models", "bpr,ease", "--seeds", "1", "--ties", "given")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no luck", done.stdout)
        self.assertEqual(os.listdir(os.path.join(self.out, "runs", "beauty")), ["ease-given-1.json"])

    def test_the_own_model_is_trained_once_per_seed_and_tie_order_and_measured_with_its_parts(self):
        done = self.run_tool("--sets", "beauty", "--models", "penchant", "--seeds", "1,2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.calls("train")), 4)
        self.assertNotIn("--ties-seed", self.calls("train")[1])
        self.assertIn("--ties-seed 2", self.calls("train")[3])
        self.assertIn("--release benchmark-2", self.calls("eval")[1])
        self.assertIn("--ties shuffled --seed 2", self.calls("eval")[3])
        self.assertIn("--release benchmark-shuffled-2", self.calls("eval")[3])
        runs = os.listdir(os.path.join(self.out, "runs", "beauty"))
        self.assertEqual(len(runs), 8)
        self.assertIn("dense-shuffled-1.json", runs)

    def test_page_says_what_the_records_say_and_check_sees_a_difference(self):
        self.run_tool("--sets", "beauty", "--models", "transitions,sasrec")
        self.assertEqual(self.tool("check").returncode, 1)
        self.assertEqual(self.tool("write").returncode, 0)
        self.assertEqual(self.tool("check").returncode, 0)
        page = self.page()
        self.assertIn("### Ties as given, seen items removed (seen filter)", page)
        self.assertIn("### Ties shuffled, seen items kept in the ranking (no seen filter)", page)
        # seeds 1 to 3: 0.0610, 0.0620, 0.0630
        self.assertIn("| sasrec | 0.0620 ± 0.0010<br>[0.0590, 0.0630] |", page)
        self.assertIn("Highest mean: R@5 transitions, R@10 transitions, N@5 transitions, N@10 transitions.", page)
        self.assertIn("| TIGER | 2023 | 0.0454 | 0.0648 | 0.0321 | 0.0384 |", page)
        self.assertIn("0.0859 ± 0.0015", page)
        self.assertIn("| transitions | ties as given | kept | 0.0503 / 0.1110 |", page)
        self.assertTrue(os.path.exists(os.path.join(self.out, "beauty.svg")))
        with open(os.path.join(self.folder, "docs", "benchmarks.md"), "a", encoding="utf-8") as file:
            file.write("by hand\n")
        stale = self.tool("check")
        self.assertEqual(stale.returncode, 1)
        self.assertIn("tools/benchmarks write", stale.stderr)

    def test_a_broken_record_is_named(self):
        self.run_tool("--sets", "beauty", "--models", "ease", "--seeds", "1", "--ties", "given")
        path = os.path.join(self.out, "runs", "beauty", "ease-given-1.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write("{")
        told = self.tool("write")
        self.assertEqual(told.returncode, 1)
        self.assertIn("ease-given-1.json", told.stderr)

    def test_wrong_words_are_refused(self):
        self.assertIn("beauty, sports, ml-1m", self.run_tool("--sets", "books").stderr)
        self.assertIn("sasrec", self.run_tool("--models", "tiger").stderr)

    def test_what_an_earlier_trainer_made_is_marked_and_made_again(self):
        words = ("--sets", "ml-1m", "--models", "sasrec", "--seeds", "1,2")
        self.assertEqual(self.run_tool(*words).returncode, 0)
        path = os.path.join(self.out, "runs", "ml-1m", "sasrec-given-2.json")
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        del record["trainer"]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(record, file)
        self.tool("write")
        self.assertIn("| sasrec | 0.0610<br>", self.page())  # the first seed alone
        os.remove(os.path.join(self.out, "runs", "ml-1m", "sasrec-given-1.json"))
        self.tool("write")
        self.assertIn("| sasrec † | 0.0620<br>", self.page())
        self.assertIn("2 runs to do, 0 recorded already", self.run_tool(*words, "--dry-run").stdout)

    def test_the_mark_follows_the_trainer_of_the_program(self):
        sys.path.insert(0, os.path.join(ROOT, "tools"))
        from benchmark import sets
        with open(os.path.join(ROOT, "penchant", "evaluate", "baselines", "trained.h"), encoding="utf-8") as file:
            self.assertIn(f"kTrainerFormat = {sets.TRAINER};", file.read())


if __name__ == "__main__":
    unittest.main()
