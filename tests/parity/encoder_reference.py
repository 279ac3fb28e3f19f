"""Token ids and sentence vectors of awkward texts from the reference implementation.

    python encoder_reference.py ENCODER_FOLDER OUT.safetensors

ENCODER_FOLDER holds config.json, model.safetensors and the tokenizer files of all-MiniLM-L6-v2.
OUT holds, for text i: "text.<i>" U8 (its UTF-8 bytes), "ids.<i>" I32 (with [CLS] and [SEP]), and
"vectors" F32 [texts, dim]: mean over the attention mask, L2-normalised, float32, at most 256 tokens.
Exit code 77 when torch, transformers or safetensors cannot be imported.

Left out on purpose: the words "[SEP]", "[CLS]", "[MASK]", "[PAD]" and "[UNK]" inside a text, which
the reference reads as control tokens and Penchant as plain text; invalid UTF-8, which the reference
cannot be given; and punctuation younger than the Unicode tables of the reference.
"""

import sys

try:
    import torch
    from safetensors.torch import save_file
    from transformers import AutoTokenizer, BertModel
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)

MAX_TOKENS = 256

TEXTS = [
    "",
    " ",
    "\t\n \r",
    "Toy Story (1995). Animation, Children's, Comedy",
    "Star Wars",
    "a",
    "The quick brown fox jumps over the lazy dog.",
    "Amélie Poulain: le fabuleux destin d'une crémière à Montmartre",
    "Crème brûlée, naïve façade, Ångström, Łódź, Ørsted, straße, œuvre, ﬁlm",
    "cafe\u0301 nai\u0308ve a\u030a\u0323 e\u0301\u0327\u0304 combining marks in any order",
    "\u0301starts with a mark",
    "mIxEd CaSe SHOUTING and quiet, iPhone McDonald",
    "İstanbul'da ılık bir gün, IĞDIR ışık DİYARBAKIR",
    "ΑΒΓΔ ΟΔΥΣΣΕΥΣ Σίσυφος ς",
    "Война и мир, ЁЛКА й",
    "七人の侍 (Seven Samurai) 黒澤明",
    "我爱北京天安门x漢字y",
    "서울의 봄 각 한글",
    "ฉันรักภาษาไทย मैं हिन्दी नहीं 中",
    "שָׁלוֹם עולם مرحبًا بالعالم",
    "emoji 😀 👩‍👩‍👧‍👦 🏳️‍🌈 ❤️ and flags 🇩🇪",
    "A\u200bB\u200cC\u200dD\ufeffE\u00adF zero width",
    "controls \x01\x02 in\x7f the\x0b middle\x1f",
    "spaces\u00a0of\u2003many\u3000kinds\u2028and\u2029lines\u0085x",
    "<b>HTML</b> &amp; entities &eacute; &#233; <script>alert('x')</script>",
    "don't can't won't it's 'quoted' \"double\" `tick` — dash – en … dots",
    "$5+3<>`|~^= @user #tag 50% a_b-c/d\\e [x] {y}",
    "1995 3.14 1,000,000 1e-5 ½ ² ① Ⅳ ４２ fullwidth Ａｂｃ",
    "https://example.org/path?query=1&other=two#fragment",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "x" * 100,
    "x" * 101,
    "é" * 100 + " " + "é" * 101,
    "\u0378 unassigned \ue000 private \ufffd replacement \ufffe",
    "word " * 1000,
    "Лонг текст " * 200,
    "中" * 600,
    "long " + "a b c, d! " * 300,
    "The Good, the Bad and the Ugly (1966). Western, Action. " * 4,
    "tabs\tand\nnew\r\nlines",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz",
    "Ǆ ǅ ǆ Ⱥ ẞ ŉ ǰ K Å Ω",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝕞𝕒𝕥𝕙 𐐀𐐨 𠀀𪜀",
    "؟ ، ؛ 、。「」 ¿¡ «» ‹› ‼ ⁇",
]


def main(folder: str, out: str) -> None:
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder, torch_dtype=torch.float32).eval()
    tensors, vectors = {}, []
    for i, text in enumerate(TEXTS):
        batch = tokenizer(text, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        with torch.no_grad():
            states = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).float()
        mean = (states * mask).sum(1) / mask.sum(1)
        vectors.append(torch.nn.functional.normalize(mean, dim=1)[0])
        tensors[f"text.{i}"] = torch.tensor(list(text.encode("utf-8")), dtype=torch.uint8)
        tensors[f"ids.{i}"] = batch["input_ids"][0].to(torch.int32)
    tensors["vectors"] = torch.stack(vectors).contiguous()
    save_file(tensors, out)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
