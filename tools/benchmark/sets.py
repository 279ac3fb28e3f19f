"""Which data sets and models are measured, and how the page calls things."""

SETS = {  # name: folder below --data, heading, tie orders that exist in the data
    "beauty": {"folder": "amazon-beauty", "title": "Amazon Beauty", "ties": ["given", "shuffled"],
               "about": "5-core reviews of 2014 as implicit positives; times are days since a user's first event, "
                        "so 43.5 % of the users have their last two items on the same day."},
    "sports": {"folder": "amazon-sports", "title": "Amazon Sports", "ties": ["given", "shuffled"],
               "about": "5-core reviews of 2014 as implicit positives; times are days since a user's first event, "
                        "so 45.1 % of the users have their last two items on the same day."},
    "ml-1m": {"folder": "movielens-1m", "title": "MovieLens-1M", "ties": ["given"],
              "about": "The 3,416-item version in SASRec's order; positions only, so ties cannot be shuffled."},
}

MODELS = ["popularity", "popularity-recent", "transitions", "item-knn", "ease", "ials", "bpr", "item2vec",
          "content-knn", "hybrid", "gru4rec", "gru4rec-bprmax", "bert4rec", "sasrec-bce", "sasrec-sampled",
          "sasrec", "sasrec-refit", "gsasrec"]
RELEASE = "penchant"  # Penchant's own model: trained by `penchant train`, one release per seed and tie order
PARTS = ["dense"]  # of a release, measured and recorded with it (its generator alone takes ten times as long)
ORDER = {model: at for at, model in enumerate([*MODELS, *PARTS, RELEASE])}  # on the page
# Networks, and the trainer that fits them now (kTrainerFormat of evaluate/baselines/trained.h): what an earlier
# one made is shown with a mark until it is measured again.
TRAINED = {"gru4rec", "gru4rec-bprmax", "bert4rec", "sasrec-bce", "sasrec-sampled", "sasrec", "sasrec-refit", "gsasrec"}
TRAINER = 3
# Nothing random in them: on the given ties one run stands for all seeds.
DETERMINISTIC = {"popularity", "popularity-recent", "transitions", "item-knn", "ease", "content-knn"}
# What one set shows: learning from the validation events too is a fact about protocols, not another model.
SHOWN_BY = {"sasrec-refit": ["beauty"]}

ACCURACY = {"R@5": "recall@5", "R@10": "recall@10", "N@5": "ndcg@5", "N@10": "ndcg@10"}
BESIDE = {"MRR@10": "mrr@10", "coverage@10": "coverage@10", "novelty@10": "novelty@10", "Gini@10": "gini@10",
          "popularity@10": "popularity@10"}
# What is recorded of a run: the page needs no more.
RECORDED = list(ACCURACY.values()) + list(BESIDE.values())

FILTERS = {"kept": "seen items kept in the ranking (no seen filter)", "removed": "seen items removed (seen filter)"}
TIES = {"given": "ties as given", "shuffled": "ties shuffled"}


def is_current(record):
    """False for what an earlier trainer made."""
    return record["model"] not in TRAINED or record.get("trainer", 0) >= TRAINER


def seeds_of(name, model, ties, seeds):
    """The seeds that tell something new of this model on set `name`."""
    if name not in SHOWN_BY.get(model, [name]):
        return []
    return seeds[:1] if ties == "given" and model in DETERMINISTIC else seeds
