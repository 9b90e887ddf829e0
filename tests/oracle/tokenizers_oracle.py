"""Compares token ids with the `tokenizers` and `sentencepiece` packages (developers only).

    python3 -m venv V; V/bin/pip install tokenizers sentencepiece
    V/bin/python tests/oracle/tokenizers_oracle.py build/tests/token_ids [MODEL_FOLDER ...]

Trains small byte-level BPE tokenizers (GPT-2, Llama 3, Qwen 2 splits, and variants), encodes awkward
text with both, and stops with an error at the first difference. MODEL_FOLDERs with a tokenizer.json
alone are compared with the tokenizers package, those with a tokenizer.model with sentencepiece.
"""

import json
import random
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors, trainers

TAIL = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LETTERS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
LLAMA3 = LETTERS + r"\p{N}{1,3}|" + TAIL
QWEN2 = LETTERS + r"\p{N}|" + TAIL

FRAGMENTS = [
    " ", "  ", "   ", "\n", "\n\n", "\r\n", "\r", "\t", "\x0b", "\x0c", "\u00a0", "\u1680", "\u180e", "\u2003",
    "\u2028", "\u3000", "\u200b", "\u200d", "\ufeff", "\x85", "\x00", "a", "Yes", " Yes", " No", "the", " the", "'s",
    "'S", "'\u017f", "'ll", "'LL", "'Re", "'", "''", "don't", "12345", "1234567", "\u0663\u0664", "\u2167", "\u00bd",
    "\u00e9", "e\u0301", "a\u0323\u0307", "a\u0307\u0323", "\u1e9b\u0323", "\ud55c\uad6d", "\u1112\u1161\u11ab",
    "\u212b", "\u0958", "\u4f60\u597d", "\u65e5\u672c\u8a9e", "\u0645\u0631\u062d\u0628\u0627",
    "\u0928\u092e\u0938\u094d\u0924\u0947", "\U0001f600", "\U0001f469\u200d\U0001f4bb", "\U0001f1e9\U0001f1ea",
    "\u2764\ufe0f", "\U00010400", "\U0001d7d8", "\u0130", "\u0131", "\u00df", "\ufb03", "\u01c5", "!", "?!", "...",
    "(", ")", "\"", "_", "__", "-", "#", "$", "+", "<|", "|>", "<|end|>", "<|endoftext|>", "<tool>", "<|en", "\u00ad",
    "caf\u00e9", "<\u00e9>", "<e\u0301>", "\u2019s", "a1b2", "x" * 40, "aaaa", "\ue000", "\U000e0041",
]


def corpus():
    return [unicodedata.normalize("NFC", f + g) for f in FRAGMENTS for g in FRAGMENTS] + [
        "Is the following statement something you would say? I don't know, yes or no.", "12 345 6789"] * 20


def make(name, folder, split, digits=False, prefix=False, nfc=False, ignore=False, only_matches=False):
    steps = []
    if digits:
        steps.append(pre_tokenizers.Digits(individual_digits=True))
    if split:
        steps.append(pre_tokenizers.Split(Regex(split), "removed" if only_matches else "isolated",
                                          invert=only_matches))
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=not split))
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore))
    tokenizer.pre_tokenizer = steps[0] if len(steps) == 1 else pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    if nfc:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=[],
        show_progress=False))
    tokenizer.add_special_tokens(["<|end|>", "<|endoftext|>"])
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False), AddedToken("<\u00e9>", normalized=nfc),
                          AddedToken("<|en", normalized=True)])
    end = tokenizer.token_to_id("<|endoftext|>")
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", end)])])
    place = Path(folder) / name
    place.mkdir()
    tokenizer.save(str(place / "tokenizer.json"))
    return place, tokenizer


def make_words(name, folder):
    """Models that look words up, with what comes before them."""
    if name == "wordlevel":
        tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Strip()])
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.WordLevelTrainer(vocab_size=300, special_tokens=["[UNK]"], show_progress=False)
    else:
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=30))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=name == "bert")
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=600, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    place = Path(folder) / name
    place.mkdir()
    tokenizer.save(str(place / "tokenizer.json"))
    return place, tokenizer


def ids_of(program, model, texts):
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    out = subprocess.run([program, str(model)], input=lines, capture_output=True, text=True)
    if out.returncode:
        sys.exit(f"{model}: {out.stderr}")
    return out.stdout.split("\n")[:-1]


def compare(program, model, texts, expected, round_trip):
    got = ids_of(program, model, texts)
    assert len(got) == len(texts)
    refused = compared = 0
    for text, line, want in zip(texts, got, expected):
        if line.startswith("refused: "):
            refused += 1
            continue
        compared += 1
        status, *ids = line.split()
        if [int(i) for i in ids] != want:
            sys.exit(f"{model}: {text!r}\n  got  {ids}\n  want {want}")
        if round_trip and status != "same":
            sys.exit(f"{model}: {text!r} does not come back from its ids")
    print(f"{Path(model).name}: {compared} texts equal, {refused} refused")


def texts(count, seed=1):
    draw = random.Random(seed)
    out = list(FRAGMENTS)
    while len(out) < count:
        out.append("".join(draw.choice(FRAGMENTS) for _ in range(draw.randint(1, 12))))
    # Every code point between letters, digits and spaces: its class decides where it splits.
    for code in list(range(1, 0xD800)) + list(range(0xE000, 0x30000, 1 if seed else 7)):
        if code < 0x3400 or code % 64 == 0 or 0xA000 <= code < 0x12000 or 0x1D000 <= code < 0x20000:
            c = chr(code)
            out.append(f"a{c}b 1{c}2 {c} '{c}{c}\u0301!{c}")
    return out


def main():
    program, *folders = sys.argv[1:]
    batch = texts(20000)
    with tempfile.TemporaryDirectory() as folder:
        for name, options in {
            "gpt2": dict(split=None), "llama3": dict(split=LLAMA3, ignore=True), "qwen2": dict(split=QWEN2, nfc=True),
            "digits": dict(split=None, digits=True), "prefix": dict(split=None, prefix=True),
            "prefix_split": dict(split=QWEN2, prefix=True), "inverted": dict(split=LLAMA3, only_matches=True),
        }.items():
            place, tokenizer = make(name, folder, **options)
            want = [e.ids for e in tokenizer.encode_batch(batch, add_special_tokens=False)]
            compare(program, place, batch, want, round_trip=name in ("gpt2", "llama3", "digits", "inverted"))
        for name in ("bert", "bert_cased", "wordlevel"):
            place, tokenizer = make_words(name, folder)
            want = [e.ids for e in tokenizer.encode_batch(batch, add_special_tokens=False)]
            compare(program, place, batch, want, round_trip=False)
    for model in folders:
        if not (Path(model) / "tokenizer.model").exists():
            tokenizer = Tokenizer.from_file(str(Path(model) / "tokenizer.json"))
            want = [e.ids for e in tokenizer.encode_batch(batch, add_special_tokens=False)]
            compare(program, model, batch, want, round_trip=False)
            continue
        import sentencepiece

        processor = sentencepiece.SentencePieceProcessor(model_file=str(Path(model) / "tokenizer.model"))
        short = [text for text in batch if "\x00" not in text]
        compare(program, model, short, [processor.encode(text) for text in short], round_trip=False)


if __name__ == "__main__":
    main()
