"""What is masked in texts, and what only looks like it."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.core.errors import ConfigError
from palate.data.privacy.cards import luhn
from palate.data.privacy.masks import masked, masked_column
from palate.data.privacy.phones import check_regions, phones

GOLDEN = {
    "me@x.co.uk": "[email]",
    "<mailto:Ann.O'Neil+shop@Sub.Mail.Example>": "<mailto:[email]>",
    "ann＠example.org or ann (at) example (dot) org": "[email] or [email]",
    "josé@köln.example, 王@例子.example": "[email], [email]",
    "+1 (650) 253-0000": "[phone]",
    "0049 30 901820 / 00 49 30 901820": "[phone] / [phone]",
    "Call 800-555-3535 now": "Call [phone] now",
    "tel. 0171 1234567": "tel. [phone]",
    "ring 020 7946 0958": "ring [phone]",
    "01 42 68 53 00": "[phone]",
    "手机13812345678。": "手机[phone]。",
    "联系电话:010-12345678": "联系电话:[phone]",
    "phone: 2125550123": "phone: [phone]",
    "03-3456-7890": "[phone]",
    "4111 1111 1111 1111": "[card]",
    "5555555555554444.": "[card].",
    "amex 3782 822463 10005": "amex [card]",
    "卡号6200000000000005": "卡号[card]",
}
UNTOUCHED = """ISBN 978-3-16-148410-0
ISBN 0-306-40615-2
978-0-306-40615-7
EAN 4006381333931
UPC 012345678905
IMEI 356938035643809
2026-01-31 12:30:45
31.01.2026
01/31/2026
1984-1985, 1990-1991-1992-1993
$1,299.00 and 1.299,00 EUR and 12 345 678 kr
1 000 000 000
912 345 678
192.168.100.123
B00005N5PF
item 212-555-0123
part no. 800-555-3535
model 8005551234
2125550123
1700000000
1600000000000
10 x 20 x 30 cm 1500 g
12V 2000mAh 220-240V 50/60Hz
90-60-90
size 36 38 40 42 44
3.141592653589
4111 1111 1111 1112
4111-11111111-1111
order 4111111111111111111111
@ann, 3 @ 5.99, icon@2x.png, a@b
2001: A Space Odyssey (1968)
+1 000 000 visitors
51 Franklin Street, Boston, MA 02110-1301, USA
total=21378641920, used=4809781248
0.997848391532898, 0.982492, 0.9935992
| .0351 | [.0281 .0430] |
-80 0 -71 -41 -33 9 -61 0 26 80 64 67 74 68 -72 78 -72 -52 -19 37 -33
Sat May 16 07:07:02 2026
+4907E-196 +526250918E287
free=15482871808
http://mail.example/pipermail/python-3000/2007-December/011491.html
IPv4Address(3221225985), 1.2345E+12345680, 69069 + 907133923""".splitlines()


@pytest.mark.parametrize("text", GOLDEN)
def test_what_is_masked(text):
    assert masked(text)[0] == GOLDEN[text]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_only_looks_like_it(text):
    assert masked(text) == (text, {})


def test_a_column_keeps_its_rows_and_counts():
    column = pl.Series("text", ["a@b.example, a@c.example", None, "", "fine", "+49 30 901820"])
    fresh, counts = masked_column(column)
    assert fresh.to_list() == ["[email], [email]", None, "", "fine", "[phone]"]
    assert (fresh.name, counts) == ("text", {"email": 2, "phone": 1})
    assert column[0] == "a@b.example, a@c.example"
    again, none = masked_column(fresh)
    assert (again.to_list(), none) == (fresh.to_list(), {})


@pytest.mark.data
def test_nothing_is_masked_in_titles_tags_and_captions(real_data):
    films, things = real_data / "movielens-posters", real_data / "stamps" / "items.csv"
    texts = [pl.read_csv(films / "movies.csv")["title"], pl.read_csv(films / "tags.csv", infer_schema=False)["tag"]]
    captions = pl.read_csv(things, infer_schema=False)
    for column in (*texts, captions["text_en"], captions["text_zh"]):
        assert len(column) > 700
        assert masked_column(column)[1] == {}


def test_regions():
    assert phones("0171 1234567", ("US",)) == []
    assert phones("0171 1234567", ("DE",)) == [(0, 12)]
    check_regions(["CH"])
    with pytest.raises(ConfigError, match="the region 'uk' is unknown"):
        check_regions(["uk"])


@given(st.text(max_size=200))
def test_masking_twice_changes_nothing_more(text):
    once, _ = masked(text)
    assert masked(once)[0] == once


WORDS = st.text(st.sampled_from("abcxyz ,.!\n日本"), max_size=30)


@given(WORDS, st.from_regex(r"[a-z][a-z0-9.+]{0,20}[a-z0-9]@[a-z0-9]{1,15}\.[a-z]{2,10}", fullmatch=True), WORDS)
def test_no_address_stays(before, address, after):
    clean, counts = masked(f"{before} {address} {after}")
    if address.rpartition(".")[2] not in ("png", "jpg", "jpeg", "gif", "webp", "svg", "css"):
        assert address not in clean
        assert counts["email"] == 1


@given(WORDS, st.from_regex(r"4[0-9]{14}", fullmatch=True), st.sampled_from(["", " ", "-"]), WORDS)
def test_no_card_stays(before, digits, between, after):
    number = next(digits + last for last in "0123456789" if luhn(digits + last))
    written = between.join(number[start : start + 4] for start in range(0, 16, 4))
    assert masked(f"{before} {written} {after}")[0] == f"{before} [card] {after}"


def test_a_long_text_takes_no_time():
    for text in ("a" * 100_000, "1" * 100_000, "a@" * 50_000, "1 " * 50_000, "a." * 50_000 + "@"):
        assert masked(text) is not None
