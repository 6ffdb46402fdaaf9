"""Settings come from the environment and .env; a bad one is named in a sentence that holds no value."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.identity.secrets import jwt_secret, local_user, signing_secret
from server.settings import SettingsError, load_settings, refuse_open_door

SECRET = "0123456789abcdef0123456789abcdef"
BEYOND = ["0.0.0.0", "::", "192.168.1.5", "studio.example"]  # noqa: S104


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """No setting of whoever runs the tests, and a folder without .env."""
    for name in [name for name in os.environ if name.startswith(("DATABASE_URL", "BATCH_STUDIO_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_defaults_are_local_mode_on_this_machine():
    settings = load_settings()

    assert settings.local_mode
    assert settings.address == "http://127.0.0.1:8000"
    assert settings.storage.endswith("/.batch-studio/files")


def test_a_setting_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("BATCH_STUDIO_PORT", "8123")
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")

    settings = load_settings()

    assert settings.port == 8123
    assert settings.database_url == settings.owner_url == "postgresql://somewhere/else"


def test_a_setting_comes_from_a_file_and_the_environment_goes_before_it(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text(f"BATCH_STUDIO_PORT=8123\nBATCH_STUDIO_JWT_SECRET={SECRET}\nOTHER=1\n")
    monkeypatch.setenv("BATCH_STUDIO_PORT", "8124")

    settings = load_settings()

    assert (settings.port, jwt_secret(settings)) == (8124, SECRET.encode())
    assert load_settings(port=8125).port == 8125


def test_an_empty_setting_is_as_good_as_none(monkeypatch):
    monkeypatch.setenv("BATCH_STUDIO_JWT_SECRET", "")

    assert load_settings().local_mode


def test_origins_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("BATCH_STUDIO_ALLOWED_ORIGINS", "https://a.example, https://b.example:8443,")

    assert load_settings().allowed_origins == ("https://a.example", "https://b.example:8443")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "70000"),
        ("PORT", "secret-value"),
        ("CONCURRENCY", "0"),
        ("MAX_BATCH", "-5"),
        ("LOG_LEVEL", "secret-value"),
        ("JWT_SECRET", "secret-value"),
        ("JWT_SECRET", "x" * 31),
        ("SIGNING_SECRET", "secret-value"),
        ("JWKS_URL", "secret-value"),
        ("JWKS_URL", "ftp://secret-value/"),
        ("JWKS_URL", "https://[secret-value"),
        ("PUBLIC_URL", "secret-value"),
        ("PUBLIC_URL", "https://"),
        ("STORAGE_URL", "secret-value"),
        ("STORAGE_URL", "http://secret-value/"),
        ("NATS_URL", "secret-value"),
        ("NATS_URL", "nats://one:4222,ws://secret-value"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "https://secret-value/path"),
        ("ALLOWED_ORIGINS", "secret-value"),
    ],
)
def test_a_bad_setting_is_named_in_one_sentence_without_its_value(name, value, monkeypatch):
    monkeypatch.setenv(f"BATCH_STUDIO_{name}", value)

    with pytest.raises(SettingsError) as caught:
        load_settings()

    sentence = str(caught.value)
    assert sentence.startswith(f"The setting BATCH_STUDIO_{name} cannot be used: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "secret-value" not in sentence


def test_no_password_is_shown_with_the_settings():
    given = {
        "DATABASE_URL": "postgresql://a:secret@b/c",
        "migration_url": "postgresql://a:secret@b/c",
        "nats_url": "nats://a:secret@b:4222",
    }

    assert "secret" not in repr(load_settings(**given, signing_secret="secret" * 9)).replace("_secret", "")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_local_mode_is_on_a_loopback_interface(host):
    assert load_settings(host=host).local_mode


@pytest.mark.parametrize("host", BEYOND)
def test_local_mode_is_nowhere_else(host):
    assert not load_settings(host=host).local_mode


@pytest.mark.parametrize("host", [*BEYOND, "[::1]", "127.0.0.1.nip.io"])
def test_serving_beyond_this_machine_needs_a_secret_or_keys(host):
    with pytest.raises(SettingsError, match="BATCH_STUDIO_JWT_SECRET or BATCH_STUDIO_JWKS_URL"):
        refuse_open_door(load_settings(host=host))
    refuse_open_door(load_settings(host=host, jwt_secret=SECRET))
    refuse_open_door(load_settings(host=host, jwks_url="https://issuer.example/jwks"))


@pytest.mark.parametrize("given", [{"jwt_secret": SECRET}, {"jwks_url": "https://issuer.example/jwks"}])
def test_local_mode_ends_where_tokens_come_from_elsewhere(given):
    assert not load_settings(**given).local_mode


def test_an_address_of_six_is_written_in_brackets():
    assert load_settings(host="::1").address == "http://[::1]:8000"
    assert load_settings(public_url="https://studio.example/").address == "https://studio.example"


def test_a_generated_secret_is_kept_for_its_owner_alone(tmp_path):
    settings = load_settings(data_dir=tmp_path / "data")

    assert jwt_secret(settings) == jwt_secret(settings) == signing_secret(settings)
    assert local_user(settings) == local_user(settings)
    modes = [stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "data").iterdir()]
    assert modes == [0o600, 0o600]


def test_processes_that_start_at_once_agree_on_the_secret(tmp_path):
    settings = load_settings(data_dir=tmp_path / "data")
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: jwt_secret(settings), range(64)))

    assert len(secrets) == 1
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["jwt-secret"]


def test_with_a_key_set_alone_there_is_no_secret_for_tokens_but_one_for_addresses(tmp_path):
    settings = load_settings(data_dir=tmp_path, jwks_url="https://issuer.example/jwks")

    assert jwt_secret(settings) is None
    assert signing_secret(settings)


def test_a_data_folder_that_cannot_be_used_is_said_in_one_sentence(tmp_path):
    (tmp_path / "data").write_text("a file")

    with pytest.raises(SettingsError, match=r"^The setting BATCH_STUDIO_DATA_DIR cannot be used: .*\.$"):
        jwt_secret(load_settings(data_dir=tmp_path / "data"))


@given(st.text(max_size=40))
def test_any_text_as_an_address_is_good_or_refused(text):
    for name in ("public_url", "jwks_url", "storage_url", "allowed_origins", "nats_url"):
        with suppress(SettingsError):
            load_settings(**{name: text, "_env_file": None})
