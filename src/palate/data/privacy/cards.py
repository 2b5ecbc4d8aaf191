"""Numbers of payment cards in free text."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"(?<![A-Za-z0-9])(?<!\d[.,])\d(?:[ \u00a0-]?\d){12,18}(?![A-Za-z0-9]|[.,]\d)")
_GROUPS = ([14], [15], [16], [17], [18], [19], [4, 4, 4, 4], [4, 4, 4, 4, 3], [4, 6, 5], [4, 6, 4])
"""How many digits stand together on a card."""
_ISSUERS = re.compile(
    r"4\d{15}|4\d{18}"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|(?:6011|65\d\d|64[4-9]\d)\d{12,15}"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB
    r"|62\d{14,17}"  # UnionPay
)
"""First digits and lengths (ISO/IEC 7812) of the issuers that are common."""


def cards(text: str) -> list[tuple[int, int]]:
    """Return where card numbers stand: the digits of a common issuer, grouped as on a card, with the check digit right.

    Example:
        >>> cards("4111 1111 1111 1111"), cards("4111 1111 1111 1112"), cards("ISBN 978-3-16-148410-0")
        ([(0, 19)], [], [])
    """
    return [match.span() for match in _DIGITS.finditer(text) if _is_card(match[0])]


def _is_card(number: str) -> bool:
    groups = re.split(r"[ \u00a0-]", number)
    digits = "".join(str(int(digit)) for digit in number if digit.isdecimal())
    return [len(group) for group in groups] in _GROUPS and bool(_ISSUERS.fullmatch(digits)) and luhn(digits)


def luhn(digits: str) -> bool:
    """Tell whether the last digit checks the others (ISO/IEC 7812-1, Luhn's formula).

    Example:
        >>> luhn("79927398713"), luhn("79927398714")
        (True, False)
    """
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
