"""A shop of our own making: people keep to a genre, and content tells the genre."""
import json
import os
import random

GENRES, PER_GENRE, USERS = 4, 20, 120


def write_part(folder, first, last, events, seed):
    """Items first..last of each genre, and events on them."""
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
