"""`minilm` against the same weights in torch, chunks against their mean, and what its likeness means."""

from __future__ import annotations

import numpy as np
import pytest

from palate.core.errors import ConfigError
from palate.core.weights import fetch
from palate.encoders import EmptyInput
from palate.encoders.minilm import BEGIN, END, HEADS, MODEL, MiniLM

SENTENCES = [
    "A cat sleeps on the sofa.",
    "A kitten is napping on a couch",
    "The price of oil rose sharply in Texas, analysts said.",
    "oil",
    "Crème brûlée & café — über-naïve façade №5 ✓",
    "木头椅子 chair",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
]
LONG = " ".join(f"Part {n} tells of {what}." for n in range(40) for what in ("red mugs", "oak chairs", "old lamps"))


def vectors(encoder: MiniLM, texts: list[str]) -> np.ndarray:
    values, present = encoder.encode([encoder.decode(text) for text in texts])
    assert present.all()
    return values


def test_settings_leave_room() -> None:
    with pytest.raises(ConfigError, match="nothing of its own"):
        MiniLM(chunk=16, overlap=14)
    assert MiniLM(chunk=16, overlap=13).config.chunk == 16


@pytest.mark.weights
@pytest.mark.torch
def test_it_equals_the_same_weights_in_torch() -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from safetensors.torch import load_file

    config = transformers.BertConfig(
        vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=HEADS, intermediate_size=1536
    )
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    weights = {name: value for name, value in load_file(fetch(MODEL)).items() if not name.startswith("pooler.")}
    missing = model.load_state_dict(weights, strict=False).missing_keys
    assert missing == []
    encoder = MiniLM()
    expected = []
    for text in SENTENCES:
        tokens = [BEGIN, *(encoder.decode(text) or []), END]
        with torch.no_grad():
            mean = model(torch.tensor([tokens])).last_hidden_state[0].mean(dim=0).numpy()
        expected.append(mean / np.linalg.norm(mean))
    np.testing.assert_allclose(vectors(encoder, SENTENCES), np.stack(expected), atol=1e-4)


@pytest.mark.weights
def test_the_tokens_are_those_of_the_vocabulary() -> None:
    # [CLS] a cat sleeps . [SEP] in bert-base-uncased
    assert MiniLM().decode("A  cat <b>sleeps</b>.") == [1037, 4937, 25126, 1012]


@pytest.mark.weights
def test_like_sentences_are_closer_than_unlike_ones() -> None:
    cat, kitten, oil, *_ = vectors(MiniLM(), SENTENCES)
    assert cat @ kitten > 0.6
    assert max(cat @ oil, kitten @ oil) < 0.2


@pytest.mark.weights
def test_padding_and_order_do_not_move_a_vector() -> None:
    encoder = MiniLM()
    texts = [*SENTENCES, LONG[:700], LONG[:1500]] * 3
    together = vectors(encoder, texts)
    order = np.random.default_rng(3).permutation(len(texts))
    np.testing.assert_allclose(vectors(encoder, [texts[row] for row in order]), together[order], atol=1e-5)
    apart = np.concatenate([vectors(encoder, [text]) for text in texts[:9]])
    np.testing.assert_allclose(apart, together[:9], atol=1e-5)


@pytest.mark.weights
def test_a_long_text_is_the_mean_of_its_chunks() -> None:
    encoder = MiniLM(chunk=66, overlap=14)
    tokens = encoder.decode(LONG) or []
    chunks = [tokens[start : start + 64] for start in range(0, len(tokens) - 14, 50)]
    assert len(chunks) > 5
    assert len(chunks[-1]) < 64
    single, _ = encoder.encode(chunks)
    mean = (single * np.array([[len(chunk)] for chunk in chunks])).sum(axis=0)
    np.testing.assert_allclose(vectors(encoder, [LONG])[0], mean / np.linalg.norm(mean), atol=1e-5)
    end = f"{LONG} Nothing but submarines under the sea, submarines and whales."
    assert not np.allclose(vectors(encoder, [end]), vectors(encoder, [LONG]), atol=1e-3)


@pytest.mark.weights
def test_what_the_vocabulary_lacks_is_missing_with_a_reason() -> None:
    with pytest.raises(EmptyInput, match="vocabulary"):
        MiniLM().decode("ᚠᚢᚦ")
    assert MiniLM().decode("<br>") is None
