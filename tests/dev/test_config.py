"""Configuration by environment variables, and its limits."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from dev import services
from dev.config import ConfigError, LocalConfig, Port, throwaway_folder
from dev.keys import Keys
from dev.postgres import Cluster
from dev.supervisor import Service


def test_the_defaults_are_those_of_the_design() -> None:
    config = LocalConfig.from_environment({}, root=Path("/app"))
    assert config.supabase_url == "http://127.0.0.1:54321"
    assert config.api_url == "http://127.0.0.1:5000"
    assert config.app_url == "http://127.0.0.1:5173"
    assert config.mail_url == "http://127.0.0.1:8025"
    assert config.stripe_url == "http://127.0.0.1:12111"
    assert config.smtp_url == "smtp://127.0.0.1:1025"
    assert config.local == Path("/app/.local")
    assert config.ui == "edited"
    assert config.postgrest_binary is None


def test_every_port_can_be_moved() -> None:
    names = {
        "supabase": "SUPABASE_PORT",
        "database": "DATABASE_PORT",
        "postgrest": "POSTGREST_PORT",
        "postgrest_admin": "POSTGREST_ADMIN_PORT",
        "realtime": "REALTIME_PORT",
        "api": "PORT",
        "stripe": "STRIPE_PORT",
        "smtp": "SMTP_PORT",
        "mail": "MAIL_PORT",
        "app": "APP_PORT",
    }
    environment = {variable: str(20000 + offset) for offset, variable in enumerate(names.values())}
    config = LocalConfig.from_environment(environment)
    for offset, (name, variable) in enumerate(names.items()):
        port: Port = getattr(config, name)
        assert (port.number, port.variable) == (20000 + offset, variable)


@pytest.mark.parametrize(("said", "ui"), [("0", "none"), ("", "none"), ("1", "edited"), ("built", "built")])
def test_the_page_can_be_left_out_or_built(said: str, ui: str) -> None:
    assert LocalConfig.from_environment({"UI": said}).ui == ui


def test_postgrest_can_be_chosen_and_gets_no_setting_that_a_newer_one_dropped(tmp_path: Path) -> None:
    def service(environment: dict[str, str]) -> Service:
        config = LocalConfig.from_environment(environment, local=tmp_path)
        return services.postgrest(config, Keys.generate(), Cluster(tmp_path, config.database.number))

    pinned, chosen = service({}), service({"POSTGREST_BIN": "/opt/postgrest"})
    assert chosen.command == ["/opt/postgrest"]
    assert pinned.environment.keys() - chosen.environment.keys() == {"PGRST_JWT_CACHE_MAX_LIFETIME"}


@pytest.mark.parametrize("value", ["five", "0", "65536", "-1", "50.5"])
def test_a_port_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=rf"^PORT is '{value}'; a port is a number from 1 to 65535\.$"):
        LocalConfig.from_environment({"PORT": value})


def test_one_port_cannot_serve_two() -> None:
    with pytest.raises(ConfigError, match=r"^PORT and DATABASE_PORT are both 54322\.$"):
        LocalConfig.from_environment({"PORT": "54322"})


def test_a_port_in_use_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        assert not Port(number, "PORT", "a test").is_free()
    assert Port(number, "PORT", "a test").is_free()


def test_throwaway_stacks_share_nothing(tmp_path: Path) -> None:
    one, two = (LocalConfig.throwaway(tmp_path / name) for name in ("one", "two"))
    assert one.local != two.local
    assert one.database.number != two.database.number
    assert one.ui == "none"


def test_another_account_can_enter_a_throwaway_folder() -> None:
    with throwaway_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o711
    assert not folder.exists()
