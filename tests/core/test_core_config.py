import pytest
from pydantic import Field, PositiveInt

from palate.core.config import Config, parse_settings
from palate.core.errors import ConfigError, PalateError, RequestError, did_you_mean


class Knn(Config):
    neighbours: int = 20
    """How many."""


class Sized(Config):
    share: float = Field(0.5, ge=0, lt=1, allow_inf_nan=False)
    dim: PositiveInt = 8
    widths: tuple[PositiveInt, ...] = ()


def test_an_unknown_setting_names_the_nearest():
    with pytest.raises(ConfigError, match="no setting 'neighbors': did you mean 'neighbours'"):
        Knn.of({"neighbors": 3})


def test_a_value_of_the_wrong_type_names_the_setting_and_what_was_given():
    with pytest.raises(ConfigError, match="'neighbours' was 'many'"):
        Knn.of({"neighbours": "many"})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"share": 2}, "setting 'share' was 2: allowed is a number that is at least 0 and less than 1"),
        ({"share": "much"}, "setting 'share' was 'much': allowed is a number that is at least 0 and less than 1"),
        ({"dim": 0}, "setting 'dim' was 0: allowed is a whole number that is greater than 0"),
        ({"dim": 1.5}, "setting 'dim' was 1.5: allowed is a whole number that is greater than 0"),
        ({"share": float("nan")}, "finite number"),
        ({"widths": [4, 0]}, "setting 'widths.1' was 0: Input should be greater than 0"),
    ],
)
def test_a_number_out_of_range_is_told_the_whole_range(given, says):
    with pytest.raises(ConfigError, match=says):
        Sized.of(given)


def test_a_config_cannot_be_changed_and_documents_its_fields():
    with pytest.raises(ValueError, match="frozen"):
        Knn().neighbours = 3  # type: ignore[misc]
    assert Knn.model_fields["neighbours"].description == "How many."


@pytest.mark.parametrize("word", ["shrink", "=3", ""])
def test_what_is_no_setting_is_refused(word):
    with pytest.raises(ConfigError, match="key=value"):
        parse_settings([word])


def test_settings_are_json_where_they_can_be():
    assert parse_settings(["a=1", "b=[1, 2]", "c=x=y", "d="]) == {"a": 1, "b": [1, 2], "c": "x=y", "d": ""}


def test_requests_leave_with_2_and_failures_with_1():
    assert (RequestError.exit_code, PalateError.exit_code) == (2, 1)


def test_no_suggestion_where_nothing_is_near():
    assert did_you_mean("zzz", ["item-knn"]) == "allowed: item-knn"
