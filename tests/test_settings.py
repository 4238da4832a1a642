"""Settings come from the environment; a wrong one is one clear sentence."""

from pathlib import Path

import pytest

from quaymaster import settings


def test_every_setting_has_a_default():
    found = settings.read({})
    assert (found.host, found.port, found.database_url) == ("127.0.0.1", 8080, None)
    assert found.max_body_bytes == 32 * 1024 * 1024
    assert (found.worker_lease_seconds, found.sweep_seconds) == (30, 30)
    assert found.home == settings.default_home()


def test_what_is_not_set_lies_in_the_home():
    found = settings.read({"QUAYMASTER_HOME": "/srv/quay"})
    assert found.storage_url == "file:///srv/quay/storage"
    assert found.secret_key_file == Path("/srv/quay/secret.key")


def test_an_empty_value_counts_as_unset():
    assert settings.read({"QUAYMASTER_PORT": "", "QUAYMASTER_DATABASE_URL": " "}) == settings.read(
        {}
    )


def test_versions_are_only_demanded_when_that_is_asked_for():
    found = [
        settings.read({"QUAYMASTER_STRICT_VERSIONS": value}).strict_versions
        for value in ("", "False", "TRUE")
    ]
    assert found == [False, False, True]


def test_a_closing_slash_of_the_public_url_is_dropped():
    found = settings.read({"QUAYMASTER_PUBLIC_URL": "https://quay.example.com/"})
    assert found.public_url == "https://quay.example.com"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "eighty", "QUAYMASTER_PORT is 'eighty', and must be a whole number 0…65535."),
        ("PORT", "70000", "QUAYMASTER_PORT is '70000'"),
        ("PORT", "-1", "QUAYMASTER_PORT is '-1'"),
        ("MAX_BODY_BYTES", "32MB", "QUAYMASTER_MAX_BODY_BYTES is '32MB'"),
        ("WORKER_LEASE_SECONDS", "0", "must be a whole number 1…3600."),
        ("SWEEP_SECONDS", "1.5", "QUAYMASTER_SWEEP_SECONDS is '1.5'"),
        ("DATABASE_URL", "mysql://h/d", "must start with one of postgresql://, postgres://."),
        ("STORAGE_URL", "ftp://h", "QUAYMASTER_STORAGE_URL must start with one of file://"),
        ("PUBLIC_URL", "quay.example.com", "QUAYMASTER_PUBLIC_URL is 'quay.example.com'"),
        ("STRICT_VERSIONS", "1", "QUAYMASTER_STRICT_VERSIONS is '1', and must be true or false."),
        ("ADMIN_TOKEN", "short", "QUAYMASTER_ADMIN_TOKEN is too short"),
    ],
)
def test_a_wrong_value_is_one_clear_sentence(name, value, says):
    with pytest.raises(settings.SettingError) as error:
        settings.read({f"QUAYMASTER_{name}": value})
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_no_secret_is_shown():
    environment = {
        "QUAYMASTER_DATABASE_URL": "postgresql://u:hunter2hunter2@h/d",
        "QUAYMASTER_ADMIN_TOKEN": "hunter2hunter2hunter2",
        "QUAYMASTER_STORAGE_URL": "s3://key:hunter2@bucket",
    }
    assert "hunter2" not in repr(settings.read(environment))


def test_a_refused_address_does_not_show_its_password():
    with pytest.raises(settings.SettingError) as error:
        settings.read({"QUAYMASTER_DATABASE_URL": "mysql://u:hunter2@h/d"})
    assert "hunter2" not in str(error.value)
