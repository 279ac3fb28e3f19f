#pragma once
/// \file A penchant-train for tests: a small Python program that counts instead of learning. Test code only.
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace penchant::evaluate {

/// Speaks docs/formats/sequences.md. Appends one line per run to <program>.log. The setting "mode"
/// makes it misbehave: fail, killed, silent, no-model, bad-json, short, nan, no-bias, wide.
inline constexpr const char* kFakeTrainer = R"PY(
import json, os, struct, sys, time

SIZE = {"I64": ("q", 8), "I32": ("i", 4), "F32": ("f", 4)}

def read(path):
    with open(path, "rb") as f:
        n, = struct.unpack("<Q", f.read(8))
        head = json.loads(f.read(n))
        data = f.read()
    meta = head.pop("__metadata__", {})
    out = {}
    for name, t in head.items():
        code, size = SIZE[t["dtype"]]
        a, b = t["data_offsets"]
        out[name] = list(struct.unpack("<%d%s" % ((b - a) // size, code), data[a:b]))
    return meta, out

def write(path, tensors):
    head, data = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        raw = struct.pack("<%d%s" % (len(values), SIZE[dtype][0]), *values)
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)

verb, words = sys.argv[1], sys.argv[2:]
options, settings = {}, {}
for i in range(0, len(words), 2):
    if words[i] == "--set":
        name, value = words[i + 1].split("=")
        settings[name] = value
    else:
        options[words[i]] = words[i + 1]
with open(sys.argv[0] + ".log", "a") as log:
    log.write(verb + " " + json.dumps([options, settings], sort_keys=True) + "\n")

if verb == "fit":
    mode = settings.get("mode", "")
    with open(options["--progress-json"], "w") as progress:
        print('{"step": "train", "done": 1, "total": 2, "detail": "loss 1.0"}', file=progress, flush=True)
        print("not json", file=progress, flush=True)
        if mode == "silent":
            time.sleep(60)
    if mode == "fail":
        print("penchant-train: dropout must be below 1", file=sys.stderr)
        sys.exit(1)
    if mode == "killed":
        os.kill(os.getpid(), 9)
    if mode == "no-model":
        sys.exit(0)
    meta, data = read(options["--sequences"])
    counts = [0] * int(meta["items"])
    for item in data["items"]:
        counts[item] += 1
    scale = float(settings.get("scale", "1"))
    write(options["--out"] + "/model.safetensors", {"counts": ("F32", [len(counts)], [scale * c for c in counts])})
    with open(options["--out"] + "/model.json", "w") as f:
        f.write("nothing" if mode == "bad-json" else json.dumps({"mode": mode}))
else:
    with open(options["--model"] + "/model.json") as f:
        mode = json.load(f)["mode"]
    counts = read(options["--model"] + "/model.safetensors")[1]["counts"]
    offsets = read(options["--histories"])[1]["offsets"]
    n, q, d = len(counts), len(offsets) - 1, 2
    users = [x for k in range(q) for x in (1.0, float(offsets[k + 1] - offsets[k]))]
    items = [x for i in range(n) for x in (counts[i], 1.0)]
    if mode == "nan":
        items[3] = float("nan")
    if mode == "short":
        n, items = n - 1, items[:-2]
    if mode == "wide":
        d, q = 9000, 0
        users = []
    out = {"users": ("F32", [q, d], users), "items": ("F32", [n, 2], items)}
    if mode != "no-bias":
        out["bias"] = ("F32", [len(counts)], [0.125 * i for i in range(len(counts))])
    write(options["--out"], out)
)PY";

/// A fresh folder with the program in it, removed afterwards.
class FakeTrainer {
 public:
  FakeTrainer() {
    std::string path = (std::filesystem::temp_directory_path() / "penchant-fake-trainer-XXXXXX").string();
    folder_ = ::mkdtemp(path.data());
    std::ofstream(program()) << "#!" << PENCHANT_PYTHON << "\n" << kFakeTrainer;
    std::filesystem::permissions(program(), std::filesystem::perms::owner_all);
  }
  FakeTrainer(const FakeTrainer&) = delete;
  FakeTrainer& operator=(const FakeTrainer&) = delete;
  ~FakeTrainer() { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string folder() const { return folder_; }
  [[nodiscard]] std::string program() const { return folder_ + "/penchant-train"; }
  [[nodiscard]] std::string cache() const { return folder_ + "/cache"; }
  /// All runs so far, one line each, those of `verb` only.
  [[nodiscard]] std::vector<std::string> runs(const std::string& verb) const {
    std::ifstream log(program() + ".log");
    std::vector<std::string> found;
    for (std::string line; std::getline(log, line);)
      if (line.starts_with(verb + " ")) found.push_back(line);
    return found;
  }

 private:
  std::string folder_;
};

}  // namespace penchant::evaluate
