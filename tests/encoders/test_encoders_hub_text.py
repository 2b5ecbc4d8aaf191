"""Text models of the hub, on tiny random ones in its folder layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hub_models
from palate.core.errors import ConfigError, WeightsError
from palate.encoders import BrokenInput, EmptyInput, Encoder
from palate.encoders.hf_text import HFText

pytestmark = pytest.mark.torch
TEXTS = ["red mug", "a lamp for the blue chair : 1 2 3", "木椅", "tea"]


def vectors(encoder: Encoder[Any], texts: list[str]) -> np.ndarray:
    values, present = encoder.encode([encoder.decode(text) for text in texts])
    assert present.all()
    return values


def hidden(folder: Path, text: str) -> np.ndarray:
    """What transformers itself makes of one text, without padding: float32[tokens, d]."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    given = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt", truncation=False)
    with torch.inference_mode():
        return AutoModel.from_pretrained(folder).eval()(**given).last_hidden_state[0].numpy()


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hub_models.bert(tmp_path_factory.mktemp("hub") / "bert")


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hub_models.gpt2(tmp_path_factory.mktemp("hub") / "gpt2")


def by_hand(states: np.ndarray, pooling: str) -> np.ndarray:
    return {"mean": states.mean(axis=0), "cls": states[0], "last": states[-1], "max": states.max(axis=0)}[pooling]


@pytest.mark.parametrize("pooling", ["mean", "cls", "last", "max"])
def test_a_plain_model_is_pooled_as_asked(bert: Path, pooling: Any) -> None:
    made = vectors(HFText(model=str(bert), pooling=pooling), TEXTS)
    wanted = unit(np.stack([by_hand(hidden(bert, text), pooling) for text in TEXTS]))
    np.testing.assert_allclose(made, wanted, atol=1e-4)


def test_auto_is_the_mean_for_bert_and_the_last_token_for_gpt(bert: Path, gpt2: Path) -> None:
    for folder, pooling in ((bert, "mean"), (gpt2, "last")):
        wanted = unit(np.stack([by_hand(hidden(folder, text), pooling) for text in TEXTS]))
        np.testing.assert_allclose(vectors(HFText(model=str(folder)), TEXTS), wanted, atol=1e-4)


def test_a_decoder_whose_tokenizer_pads_on_the_left(tmp_path: Path, gpt2: Path) -> None:
    left = hub_models.gpt2(tmp_path / "left", padding_side="left", pad_token="<|endoftext|>")
    np.testing.assert_allclose(
        vectors(HFText(model=str(left)), TEXTS), vectors(HFText(model=str(gpt2)), TEXTS), atol=1e-5
    )


def test_vectors_without_unit_length_where_they_are_wanted(bert: Path) -> None:
    made = vectors(HFText(model=str(bert), normalise=False), TEXTS)
    np.testing.assert_allclose(made, np.stack([hidden(bert, text).mean(axis=0) for text in TEXTS]), atol=1e-4)


def test_a_long_text_is_the_weighted_mean_of_overlapping_chunks(bert: Path) -> None:
    words = ["red", "mug", "blue", "chair", "tea", "lamp", "wooden", "cat", "dog", "the", "of", "for"] * 2
    encoder = HFText(model=str(bert), max_tokens=12, overlap=4, normalise=False)
    chunks = encoder.decode(" ".join(words))
    assert chunks is not None
    assert [len(chunk) for chunk in chunks] == [12, 12, 12, 8]
    assert all((chunk[0], chunk[-1]) == (2, 3) for chunk in chunks)
    pieces = [words[start : start + 10] for start in (0, 6, 12, 18)]
    parts = np.stack([hidden(bert, " ".join(piece)).mean(axis=0) for piece in pieces])
    wanted = np.average(parts, axis=0, weights=[12, 12, 12, 8])
    np.testing.assert_allclose(vectors(encoder, [" ".join(words)])[0], wanted, atol=1e-4)


def test_what_stands_beside_a_text_does_not_move_it(gpt2: Path) -> None:
    encoder = HFText(model=str(gpt2))
    alone = vectors(encoder, ["tea"])
    beside = vectors(encoder, ["tea", "a lamp " * 60])  # the other is far longer, and cut
    np.testing.assert_allclose(beside[:1], alone, atol=1e-5)


@pytest.mark.parametrize(("flag", "pooling"), [("mean_tokens", "mean"), ("cls_token", "cls"), ("lasttoken", "last")])
def test_a_sentence_transformers_folder_says_how_it_pools(tmp_path: Path, flag: str, pooling: str) -> None:
    folder = hub_models.sentences(tmp_path, flag)
    encoder = HFText(model=str(folder))
    wanted = unit(np.stack([by_hand(hidden(folder, text), pooling) for text in TEXTS]))
    np.testing.assert_allclose(vectors(encoder, TEXTS), wanted, atol=1e-4)
    assert encoder._tokens.longest == 32  # as sentence_bert_config.json says


def test_the_other_ways_to_pool_are_those_of_sentence_transformers(tmp_path: Path) -> None:
    for flag in ("mean_sqrt_len_tokens", "weightedmean_tokens"):
        folder = hub_models.sentences(tmp_path / flag, flag)
        states = [hidden(folder, text) for text in TEXTS]
        if flag.startswith("mean"):
            wanted = [rows.sum(axis=0) / np.sqrt(len(rows)) for rows in states]
        else:
            wanted = [np.average(rows, axis=0, weights=np.arange(1, len(rows) + 1)) for rows in states]
        np.testing.assert_allclose(vectors(HFText(model=str(folder)), TEXTS), unit(np.stack(wanted)), atol=1e-4)


def test_a_dense_step_follows_the_pooling(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    folder = hub_models.sentences(tmp_path, dense=True)
    layer = load_file(folder / "2_Dense/model.safetensors")
    means = np.stack([hidden(folder, text).mean(axis=0) for text in TEXTS])
    wanted = unit(np.tanh(means @ layer["linear.weight"].T + layer["linear.bias"]))
    encoder = HFText(model=str(folder))
    np.testing.assert_allclose(vectors(encoder, TEXTS), wanted, atol=1e-4)
    assert encoder.dim == 6


def test_a_prompt_stands_before_every_text_and_every_chunk(tmp_path: Path, bert: Path) -> None:
    said = HFText(model=str(hub_models.sentences(tmp_path, document="passage : ")))
    np.testing.assert_allclose(vectors(said, ["tea"]), vectors(HFText(model=str(bert)), ["passage : tea"]), atol=1e-5)
    chosen = HFText(model=str(bert), prompt="query : ", max_tokens=12, overlap=2)
    chunks = chosen.decode("red mug " * 10)
    assert chunks is not None
    assert len(chunks) > 2
    assert len({tuple(chunk[:3]) for chunk in chunks}) == 1


def test_prompts_are_named_and_lowered_as_by_sentence_transformers(tmp_path: Path, bert: Path) -> None:
    folder = hub_models.sentences(tmp_path, corpus="Passage : ")
    hub_models.write_json(folder / "sentence_bert_config.json", {"max_seq_length": 32, "do_lower_case": True})
    said = HFText(model=str(folder))
    assert said.decode("Tea") == HFText(model=str(bert), max_tokens=32).decode("passage : tea")
    assert said._prompt().lower() == "passage : "


def test_how_texts_are_read_is_in_the_fingerprint(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = HFText(model=str(bert)).fingerprint
    monkeypatch.setattr("palate.encoders._hub_encoder.reading", lambda: "another way")
    assert HFText(model=str(bert)).fingerprint != before


def test_the_encoder_half_of_t5(tmp_path: Path) -> None:
    import torch
    from transformers import AutoTokenizer, T5EncoderModel

    folder = hub_models.t5(tmp_path)
    given = AutoTokenizer.from_pretrained(folder)("red mug", return_tensors="pt")
    with torch.inference_mode():
        wanted = T5EncoderModel.from_pretrained(folder)(**given).last_hidden_state[0].mean(dim=0).numpy()
    np.testing.assert_allclose(vectors(HFText(model=str(folder)), ["red mug", "tea"])[0], unit(wanted), atol=1e-4)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_the_text_half_of_a_shared_space(kind: str, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = getattr(hub_models, kind)(tmp_path)
    padding = {"padding": "max_length", "max_length": 24} if kind == "siglip" else {}
    tokens = AutoTokenizer.from_pretrained(folder)
    wanted = []
    for text in TEXTS:
        given = tokens(text, return_tensors="pt", truncation=False, **padding)
        with torch.inference_mode():
            wanted.append(AutoModel.from_pretrained(folder).get_text_features(given.input_ids).pooler_output[0].numpy())
    np.testing.assert_allclose(vectors(HFText(model=str(folder)), TEXTS), unit(np.stack(wanted)), atol=1e-4)
    with pytest.raises(ConfigError, match="pools texts itself"):
        HFText(model=str(folder), pooling="cls").prepare()


def test_texts_at_once_in_many_threads_give_the_same(bert: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    import torch

    encoder = HFText(model=str(bert))
    encoder.prepare()
    threads, wanted = torch.get_num_threads(), vectors(encoder, TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for made in pool.map(lambda _: vectors(encoder, TEXTS), range(12)):
            np.testing.assert_array_equal(made, wanted)
    assert torch.get_num_threads() == threads


def test_too_many_tokens_are_refused(bert: Path) -> None:
    with pytest.raises(ConfigError, match=r"max_tokens was 65: .* reads at most 64"):
        HFText(model=str(bert), max_tokens=65).prepare()


def test_a_step_that_is_not_known_is_refused(tmp_path: Path) -> None:
    folder = hub_models.sentences(tmp_path)
    steps = (folder / "modules.json").read_text().replace("models.Normalize", "models.WordWeights")
    (folder / "modules.json").write_text(steps)
    with pytest.raises(WeightsError, match="step 'WordWeights' that is not known"):
        HFText(model=str(folder)).prepare()


def test_a_model_without_a_tokenizer_does_not_read_text(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot be loaded|no tokenizer"):
        HFText(model=str(hub_models.dinov2(tmp_path))).prepare()


def test_what_is_searched_for_has_a_prompt_of_its_own(tmp_path: Path, bert: Path) -> None:
    said = HFText(model=str(hub_models.sentences(tmp_path, document="passage : ", query="query : ")))
    plain = HFText(model=str(bert), max_tokens=32)
    np.testing.assert_allclose(vectors(said.for_queries(), ["tea"]), vectors(plain, ["query : tea"]), atol=1e-5)
    chosen = HFText(model=str(bert), max_tokens=32, query_prompt="the ")
    np.testing.assert_allclose(vectors(chosen.for_queries(), ["tea"]), vectors(plain, ["the tea"]), atol=1e-5)
    np.testing.assert_array_equal(vectors(plain.for_queries(), ["tea"]), vectors(plain, ["tea"]))


def test_a_folder_without_the_words_of_a_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = hub_models.bert(tmp_path)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()  # transformers then makes one for which every word is unknown
    with pytest.raises(WeightsError, match=r"has no tokenizer \(such as tokenizer.json\)"):
        HFText(model=str(folder)).prepare()


def test_a_tokenizer_of_bytes_needs_no_file_of_words(tmp_path: Path) -> None:
    from transformers import ByT5Tokenizer, T5Config, T5EncoderModel

    ByT5Tokenizer().save_pretrained(tmp_path)
    T5EncoderModel(T5Config(vocab_size=384, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)).save_pretrained(
        tmp_path
    )
    assert vectors(HFText(model=str(tmp_path)), ["red mug"]).shape == (1, 16)


def test_padding_that_was_added_after_training_does_no_harm(tmp_path: Path, gpt2: Path) -> None:
    from transformers import AutoTokenizer

    folder = hub_models.gpt2(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})  # one id more than the network has vectors for
    tokenizer.save_pretrained(folder)
    encoder = HFText(model=str(folder))
    np.testing.assert_allclose(vectors(encoder, TEXTS), vectors(HFText(model=str(gpt2)), TEXTS), atol=1e-5)
    with pytest.raises(BrokenInput, match=r"the token '\[PAD\]', which the model has no vector for"):
        encoder.decode("red [PAD] mug")


def test_a_text_that_the_tokenizer_knows_nothing_of_is_missing(bert: Path) -> None:
    encoder = HFText(model=str(bert), prompt="query : ")
    for text in ("ᚠᚢᚦ", "\u0301"):
        with pytest.raises(EmptyInput, match="knows nothing of it"):
            encoder.decode(text)


def test_a_prompt_leaves_room_for_the_text(bert: Path) -> None:
    long = "query : the cat of a dog : "  # 8 tokens
    for settings in ({"prompt": long}, {"query_prompt": long}):
        with pytest.raises(ConfigError, match=r"a prompt of 8 tokens leaves a text none of the 6"):
            HFText(model=str(bert), max_tokens=8, **settings).for_queries().prepare()
    chunks = HFText(model=str(bert), max_tokens=16, prompt=long).decode("red mug " * 10)
    assert chunks is not None
    assert max(map(len, chunks)) == 16
    assert len({tuple(chunk[:9]) for chunk in chunks}) == 1


def test_what_is_damaged_or_not_read_here_is_told_in_a_sentence(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    dense = hub_models.sentences(tmp_path / "dense", dense=True)
    save_file({"w": np.zeros((6, 16), np.float32)}, dense / "2_Dense/model.safetensors")
    pickled = hub_models.sentences(tmp_path / "pickled", dense=True)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    unpooled = hub_models.sentences(tmp_path / "unpooled")
    hub_models.write_json(unpooled / "modules.json", [{"path": "", "type": "sentence_transformers.models.Transformer"}])
    static = hub_models.bert(tmp_path / "static")
    (static / "config.json").unlink()
    hub_models.write_json(
        static / "modules.json", [{"path": "", "type": "sentence_transformers.models.StaticEmbedding"}]
    )
    listed = hub_models.bert(tmp_path / "listed")
    hub_models.write_json(listed / "modules.json", {"a": 1})
    for folder, told in (
        (dense, "cannot be loaded"),
        (pickled, "no weights as safetensors"),
        (unpooled, "no step that pools tokens: choose a pooling"),
        (static, "its first step is a StaticEmbedding, which is not read here"),
        (listed, "is no list of steps"),
    ):
        with pytest.raises(WeightsError, match=told):
            HFText(model=str(folder)).prepare()
    assert vectors(HFText(model=str(unpooled), pooling="mean"), ["tea"]).shape == (1, 16)
