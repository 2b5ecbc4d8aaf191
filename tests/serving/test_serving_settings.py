"""Settings by file, environment and command line."""

from __future__ import annotations

import pytest

from palate.cli import _run
from palate.core.errors import ConfigError
from palate.serving.settings import ServingSettings
from palate.serving.sources import gather


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "shop.toml"
    path.write_text('max_k = 40\nport = 9000\nlog = "json"\n')
    return path


def test_the_command_line_counts_over_the_environment_and_that_over_the_file(file):
    environment = {"PALATE_SERVE_MAX_K": "50", "PALATE_SERVE_REASONS": "0", "PALATE_CACHE": "/x", "HOME": "/y"}
    found = gather(file, environment, {"max_k": 60, "host": None})
    assert found.settings == ServingSettings(max_k=60, port=9000, log="json", reasons=0)
    assert found.sources == {
        "max_k": "the command line", "port": str(file), "log": str(file), "reasons": "PALATE_SERVE_REASONS"
    }  # fmt: skip
    assert gather(file, environment, {}).settings.max_k == 50
    assert gather(file, {}, {}).settings.max_k == 40
    assert gather(None, {}, {}).settings == ServingSettings()


def test_a_list_is_written_with_commas():
    found = gather(None, {"PALATE_SERVE_ORIGINS": "https://a.example, https://b.example"}, {})
    assert found.settings.origins == ("https://a.example", "https://b.example")
    assert gather(None, {"PALATE_SERVE_ORIGINS": ""}, {}).settings.origins == ()
    with pytest.raises(ConfigError, match=r"PALATE_SERVE_ORIGINS: setting 'origins' was .*'a.example' is no origin"):
        gather(None, {"PALATE_SERVE_ORIGINS": "a.example"}, {})


@pytest.mark.parametrize(
    ("text", "environment", "given", "sentence"),
    [
        ("max_kk = 3", {}, {}, r"shop.toml has no setting 'max_kk': did you mean 'max_k'\? \(allowed: .*max_k"),
        ("max_k = 0", {}, {}, r"shop.toml: setting 'max_k' was 0: allowed is a whole number that is at least 1"),
        ('max_k = "ten"', {}, {}, r"shop.toml: setting 'max_k' was 'ten': allowed is a whole number"),
        ('log = "xml"', {}, {}, r"shop.toml: setting 'log' was 'xml': .*'json', 'text' or 'none'"),
        ("max_k 3", {}, {}, r"shop.toml are no TOML .*write a line for each"),
        ("[serve]\nmax_k = 3", {}, {}, r"shop.toml has no setting 'serve'"),
        ("", {"PALATE_SERVE_MAXK": "3"}, {}, r"PALATE_SERVE_MAXK sets nothing: did you mean 'PALATE_SERVE_MAX_K'\?"),
        ("", {"PALATE_SERVE_PORT": "http"}, {}, r"PALATE_SERVE_PORT: setting 'port' was 'http': allowed is a whole number that is at least 0 and at most 65535"),
        ("", {}, {"port": 70_000}, r"the command line: setting 'port' was 70000: allowed is"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_with_what_is_allowed(tmp_path, text, environment, given, sentence):
    path = tmp_path / "shop.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        gather(path, environment, given)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read \(No such file or directory\)"):
        gather(tmp_path / "none.toml", {}, {})


def test_what_is_in_force_is_shown_without_passwords(file, capsys, monkeypatch):
    monkeypatch.setenv("PALATE_SERVE_STORE", "postgresql://shop:s3cret@db/shop")
    words = ["serve", "no-bundle", "--settings", str(file), "--port", "0", "--show-settings"]
    assert _run(words, debug=False) == 0
    out, _ = capsys.readouterr()
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines()}
    assert rows["max_k"] == f"40 {file}"
    assert rows["port"] == "0 the command line"
    assert rows["store"] == "postgresql://shop:…@db/shop PALATE_SERVE_STORE"
    assert rows["reasons"] == "3 default"
    assert set(rows) == set(ServingSettings.model_fields)


def test_serve_takes_the_settings(bundle, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PALATE_SERVE_HOST", "0.0.0.0")
    assert _run(["serve", str(tmp_path / "none"), "--store", "none"], debug=False) == 2
    assert "does not listen on 0.0.0.0" in capsys.readouterr().err
    monkeypatch.setenv("PALATE_SERVE_HOTS", "0.0.0.0")
    assert _run(["serve", str(tmp_path / "none")], debug=False) == 2
    assert "did you mean 'PALATE_SERVE_HOST'?" in capsys.readouterr().err
