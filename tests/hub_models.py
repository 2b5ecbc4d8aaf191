"""Tiny random models in the hub's folder layout, as `save_pretrained` and the hub's own tools write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WORDS = [
    "red", "blue", "mug", "for", "tea", "wooden", "chair", "a", "lamp", "query", "passage", "the", "of", "cat", "dog",
    *":,.红色的杯子木椅0123456",
]  # fmt: skip
LETTERS = list("abcdefghijklmnopqrstuvwxyz0123456789")


def _save(model: Any, folder: Path) -> Path:
    model.eval().save_pretrained(folder)
    return folder


def _made(kind: Any, config: Any) -> Any:
    import torch

    torch.manual_seed(0)
    model = kind(config)
    for parameter in model.parameters():  # as drawn, many weights are so small that inputs hardly matter
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def word_tokens(folder: Path, **about: Any) -> int:
    """A WordPiece tokenizer with [CLS] and [SEP], as BERT's; returns how many tokens it knows."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    known = list(dict.fromkeys(known))
    made = Tokenizer(models.WordPiece({word: place for place, word in enumerate(known)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    made.enable_truncation(5)  # left behind by whoever saved it, as in all-MiniLM-L6-v2
    made.save(str(folder / "tokenizer.json"))
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64, **names, **about},
    )
    return len(known)


def byte_tokens(folder: Path, **about: Any) -> int:
    """A byte-level BPE tokenizer without padding and without marks, as GPT-2's."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: place for place, letter in enumerate([*letters, "<|endoftext|>"])}
    made = Tokenizer(models.BPE(vocabulary, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    folder.mkdir(parents=True, exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    names = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 128, **names, **about},
    )
    return len(vocabulary)


def bert(folder: Path) -> Path:
    from transformers import BertConfig, BertModel

    size = word_tokens(folder)
    config = BertConfig(
        vocab_size=size, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, max_position_embeddings=64,
    )  # fmt: skip
    return _save(_made(BertModel, config), folder)


def gpt2(folder: Path, **about: Any) -> Path:
    from transformers import GPT2Config, GPT2LMHeadModel

    size = byte_tokens(folder, **about)
    config = GPT2Config(
        vocab_size=size, n_embd=16, n_layer=2, n_head=2, n_positions=128, bos_token_id=0, eos_token_id=0
    )
    return _save(_made(GPT2LMHeadModel, config), folder)


def sentences(folder: Path, pooling: str = "mean_tokens", dense: bool = False, **prompts: str) -> Path:
    """A sentence-transformers folder: Transformer, Pooling, perhaps Dense, Normalize."""
    import numpy as np
    from safetensors.numpy import save_file

    bert(folder)
    steps = ["1_Pooling", *(["2_Dense"] if dense else []), f"{3 if dense else 2}_Normalize"]
    kinds = {"Pooling": "Pooling", "Dense": "Dense", "Normalize": "Normalize"}
    write_json(
        folder / "modules.json",
        [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            *(
                {"idx": n, "name": str(n), "path": step, "type": f"sentence_transformers.models.{kinds[step[2:]]}"}
                for n, step in enumerate(steps, 1)
            ),
        ],
    )
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 32, "do_lower_case": False})
    write_json(folder / "1_Pooling/config.json", {"word_embedding_dimension": 16, f"pooling_mode_{pooling}": True})
    write_json(folder / "config_sentence_transformers.json", {"prompts": prompts, "default_prompt_name": None})
    if dense:
        rng = np.random.default_rng(0)
        write_json(
            folder / "2_Dense/config.json",
            {
                "in_features": 16,
                "out_features": 6,
                "bias": True,
                "activation_function": "torch.nn.modules.activation.Tanh",
            },
        )
        arrays = {"linear.weight": rng.normal(size=(6, 16)), "linear.bias": rng.normal(size=6)}
        save_file(
            {name: array.astype(np.float32) for name, array in arrays.items()}, folder / "2_Dense/model.safetensors"
        )
    return folder


def t5(folder: Path) -> Path:
    from transformers import T5Config, T5EncoderModel

    size = word_tokens(folder)
    config = T5Config(vocab_size=size, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
    return _save(_made(T5EncoderModel, config), folder)


def prepares(folder: Path, kind: str, **settings: Any) -> Path:
    said = {
        f"{'feature_extractor' if kind.endswith('FeatureExtractor') else 'image_processor'}_type": kind, "do_resize": True, "do_rescale": True, "do_normalize": True, "rescale_factor": 1 / 255,
        "image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28], "resample": 3, **settings,
    }  # fmt: skip
    write_json(folder / "preprocessor_config.json", said)
    return folder


_TOWER: dict[str, Any] = {
    "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
}  # fmt: skip


def clip(folder: Path) -> Path:
    from transformers import CLIPConfig, CLIPModel

    size = word_tokens(folder)
    config = CLIPConfig(
        text_config={
            **_TOWER, "vocab_size": size, "max_position_embeddings": 32, "eos_token_id": 3, "bos_token_id": 2, "pad_token_id": 0,
        },
        vision_config={**_TOWER, "image_size": 32, "patch_size": 8},
        projection_dim=12,
    )  # fmt: skip
    _save(_made(CLIPModel, config), folder)
    return prepares(
        folder,
        "CLIPImageProcessor",
        size={"shortest_edge": 32},
        crop_size={"height": 32, "width": 32},
        do_center_crop=True,
    )


def siglip(folder: Path) -> Path:
    from transformers import SiglipConfig, SiglipModel

    size = word_tokens(folder)
    config = SiglipConfig(
        text_config={**_TOWER, "vocab_size": size, "max_position_embeddings": 24, "pad_token_id": 0},
        vision_config={**_TOWER, "image_size": 32, "patch_size": 8},
    )
    _save(_made(SiglipModel, config), folder)
    return prepares(folder, "SiglipImageProcessor", size={"height": 32, "width": 32})


def dinov2(folder: Path) -> Path:
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8)
    _save(_made(Dinov2Model, config), folder)
    return prepares(
        folder,
        "BitImageProcessor",
        size={"shortest_edge": 36},
        crop_size={"height": 32, "width": 32},
        do_center_crop=True,
    )


def vit(folder: Path) -> Path:
    """With a classifier and without a pooler, as google/vit-base-patch16-224 is."""
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(**_TOWER, image_size=32, patch_size=8)
    _save(_made(ViTForImageClassification, config), folder)
    return prepares(folder, "ViTImageProcessor", size={"height": 32, "width": 32}, resample=2)


def resnet(folder: Path) -> Path:
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    _save(_made(ResNetForImageClassification, config), folder)
    return prepares(folder, "ConvNextImageProcessor", size={"shortest_edge": 32}, crop_pct=0.875)


def convnext(folder: Path) -> Path:
    from transformers import ConvNextConfig, ConvNextForImageClassification

    config = ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2)
    _save(_made(ConvNextForImageClassification, config), folder)
    return prepares(folder, "ConvNextFeatureExtractor", size=32, crop_pct=0.875)


def hears(folder: Path, kind: str, **settings: Any) -> Path:
    write_json(folder / "preprocessor_config.json", {"feature_extractor_type": kind, **settings})
    return folder


def clap(folder: Path, fusion: bool = False) -> Path:
    from transformers import ClapConfig, ClapModel

    size = word_tokens(folder)
    config = ClapConfig(
        text_config={**_TOWER, "vocab_size": size, "max_position_embeddings": 64, "pad_token_id": 0},
        audio_config={
            "window_size": 4, "num_mel_bins": 32, "spec_size": 128, "patch_embeds_hidden_size": 8, "depths": [1, 1],
            "num_attention_heads": [1, 2], "num_hidden_layers": 2, "hidden_size": 16, "enable_fusion": fusion,
        },
        projection_dim=12,
    )  # fmt: skip
    _save(_made(ClapModel, config), folder)
    return hears(
        folder, "ClapFeatureExtractor", feature_size=32, sampling_rate=48_000, hop_length=480, max_length_s=2,
        truncation="fusion" if fusion else "rand_trunc", padding="repeatpad",
    )  # fmt: skip


def wav2vec2(folder: Path) -> Path:
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    config = Wav2Vec2Config(
        **_TOWER, vocab_size=32, conv_dim=[8, 8, 8], conv_stride=[5, 4, 4], conv_kernel=[10, 8, 4], num_feat_extract_layers=3,
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    _save(_made(Wav2Vec2Model, config), folder)
    return hears(folder, "Wav2Vec2FeatureExtractor", sampling_rate=16_000, do_normalize=True, feature_size=1)


def ast(folder: Path) -> Path:
    from transformers import ASTConfig, ASTModel

    config = ASTConfig(**_TOWER, max_length=64, num_mel_bins=16, patch_size=8, frequency_stride=8, time_stride=8)
    _save(_made(ASTModel, config), folder)
    return hears(folder, "ASTFeatureExtractor", sampling_rate=16_000, num_mel_bins=16, max_length=64)


def whisper(folder: Path) -> Path:
    from transformers import WhisperConfig, WhisperModel

    config = WhisperConfig(
        vocab_size=32, d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=32, decoder_ffn_dim=32, num_mel_bins=16, max_source_positions=100, max_target_positions=16,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    _save(_made(WhisperModel, config), folder)
    return hears(
        folder,
        "WhisperFeatureExtractor",
        feature_size=16,
        sampling_rate=16_000,
        hop_length=160,
        chunk_length=2,
        n_fft=400,
    )
