"""Titles and descriptions in English and Chinese; they tell the kind, the theme and the style, and nothing else."""

from __future__ import annotations

from typing import Literal

import numpy as np

Written = Literal["en", "zh"]

WORDS = {
    "kind": ("lamp", "mug", "backpack", "scarf", "notebook", "clock", "armchair", "teapot", "bicycle", "guitar"),
    "theme": ("ocean", "forest", "space", "city", "football", "flower", "dinosaur", "winter"),
    "style": ("minimalist", "vintage", "playful", "luxury", "rugged", "romantic"),
}
"""What a text can tell."""

TOPICS = {"topic": ("cooking", "dancing", "pets", "travel", "comedy", "football", "gardening", "gaming")}
"""What a caption can tell."""

_CHINESE = {
    "lamp": "台灯", "mug": "马克杯", "backpack": "双肩背包", "scarf": "围巾", "notebook": "笔记本",
    "clock": "时钟", "armchair": "扶手椅", "teapot": "茶壶", "bicycle": "自行车", "guitar": "吉他",
    "ocean": "海洋", "forest": "森林", "space": "太空", "city": "城市", "football": "足球",
    "flower": "花卉", "dinosaur": "恐龙", "winter": "冬季",
    "cooking": "做饭", "dancing": "跳舞", "pets": "宠物", "travel": "旅行", "comedy": "搞笑", "gardening": "园艺", "gaming": "游戏",
    "minimalist": "极简", "vintage": "复古", "playful": "俏皮", "luxury": "奢华", "rugged": "粗犷", "romantic": "浪漫",
}  # fmt: skip

_LOVED = {
    "ocean": "the ocean", "forest": "the forest", "space": "outer space", "city": "city life",
    "flower": "flowers", "dinosaur": "dinosaurs",
}  # fmt: skip
"""Themes as the thing that a person loves, where the bare word will not do."""

_SERIES = (
    "Arlo",
    "Bela",
    "Cora",
    "Dano",
    "Enzo",
    "Fila",
    "Gaia",
    "Hugo",
    "Inka",
    "Juno",
    "Kito",
    "Lumi",
    "Mira",
    "Nova",
)

_NAMES: dict[Written, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "en": (
        ("Silver", "Broken", "Second", "Hidden", "Borrowed", "Paper", "Distant", "Golden", "Hollow", "Early"),
        ("Letter", "River", "Window", "Sunday", "Garden", "Mirror", "Harbour", "Promise", "Station", "Morning"),
    ),
    "zh": (
        ("银色的", "破碎的", "第二个", "隐藏的", "借来的", "纸做的", "遥远的", "金色的", "空荡的", "早到的"),
        ("信", "河", "窗", "星期天", "花园", "镜子", "港口", "诺言", "车站", "早晨"),
    ),
}
"""What tracks are called: two halves that tell nothing of how they sound."""

_TITLES: dict[Written, tuple[str, ...]] = {
    "en": (
        "{Style} {theme} {kind} {series}",
        "{Kind} {series}, {style}, {theme} theme",
        "{series} {style} {kind} with {theme} design",
    ),
    "zh": (
        "{style}{theme}主题{kind} {series}",
        "{series} {theme}{style}风{kind}",
        "{style}风格{kind}·{theme}系列 {series}",
    ),
}
_CAPTIONS: dict[Written, tuple[str, ...]] = {
    "en": (
        "{topic} with {series}, wait for it #{topic}",
        "you will not believe this {topic} moment, {series}",
        "#{topic} day {series}",
    ),
    "zh": ("{series}的{topic}日常 #{topic}", "看到最后！{topic} {series}", "今天也在{topic}，{series} #{topic}"),
}
_OPENINGS: dict[Written, tuple[str, ...]] = {
    "en": (
        "A {style} {kind} for everyone who loves {loved}.",
        "This {kind} brings {loved} home in a {style} way.",
        "{Style} from every side: a {kind} inspired by {loved}.",
    ),
    "zh": (
        "这款{kind}以{theme}为灵感，风格{style}。",
        "献给热爱{theme}的人：一款{style}的{kind}。",
        "{style}设计，{theme}元素，日常好用的{kind}。",
    ),
}
_FILLERS: dict[Written, tuple[str, ...]] = {
    "en": (
        "Ships within two days.",
        "Comes in a gift box.",
        "Easy to clean and made to last.",
        "Two years of guarantee.",
        "Our customers order it again and again.",
        "Free returns within thirty days.",
    ),
    "zh": (
        "两天内发货。",
        "附赠礼盒包装。",
        "易清洁，经久耐用。",
        "两年质保。",
        "深受顾客喜爱。",
        "三十天内免费退货。",
    ),
}


def write_text(words: dict[str, str], language: Written, rng: np.random.Generator) -> tuple[str, str]:
    """Return a title and a description of a thing.

    Args:
        words: its kind, theme and style.
        language: the language of both.
        rng: chooses among the wordings, which carry nothing.

    Example:
        >>> write_text({"kind": "mug", "theme": "ocean", "style": "vintage"}, "en", np.random.default_rng(0))[0]
        'Mug Lumi 67, vintage, ocean theme'
    """
    said = {key: _CHINESE[value] if language == "zh" else value for key, value in words.items()}
    said |= {key.capitalize(): value.capitalize() for key, value in said.items()}
    said["loved"] = _LOVED.get(words["theme"], words["theme"])
    said["series"] = f"{_pick(_SERIES, rng)} {rng.integers(10, 100)}"
    title = _pick(_TITLES[language], rng).format(**said)
    sentences = (
        _pick(_OPENINGS[language], rng).format(**said),
        _pick(_FILLERS[language], rng),
    )
    return title, ("" if language == "zh" else " ").join(sentences)


def write_caption(words: dict[str, str], language: Written, rng: np.random.Generator) -> str:
    """Return the caption of a clip.

    Args:
        words: its topic.
        language: the language.
        rng: chooses among the wordings, which carry nothing.

    Example:
        >>> write_caption({"topic": "pets"}, "en", np.random.default_rng(0))
        '#pets day Inka 56'
    """
    topic = _CHINESE[words["topic"]] if language == "zh" else words["topic"]
    return _pick(_CAPTIONS[language], rng).format(topic=topic, series=f"{_pick(_SERIES, rng)} {rng.integers(10, 100)}")


def write_track(language: Written, rng: np.random.Generator) -> str:
    """Return the title of a track, which carries nothing.

    Example:
        >>> write_track("en", np.random.default_rng(0))
        'Hollow Harbour 51'
    """
    first, second = _NAMES[language]
    return f"{_pick(first, rng)}{' ' if language == 'en' else ''}{_pick(second, rng)} {rng.integers(1, 100)}"


def artist_name(number: int) -> str:
    """Return the name of an artist, another one for each number.

    Example:
        >>> artist_name(0), artist_name(15), artist_name(200)
        ('Arlo Arlo', 'Bela Bela', 'Enzo Arlo 1')
    """
    rest, first = divmod(number, len(_SERIES))
    more, second = divmod(rest, len(_SERIES))
    return f"{_SERIES[first]} {_SERIES[second]}{f' {more}' if more else ''}"


def _pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
