"""Settings, read once from the environment (prefix `RONDO_`)."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.errors import DomainError, message
from app.files.place import Files, place_at

PREFIX = "RONDO_"


class SettingInvalid(DomainError):
    sentence = message("{variable} cannot be {value!r}: {reason}.")


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX)

    home: Path = Field(default=Path(".rondo"), description="Where the embedded database and all files live.")
    files_at: str | None = Field(
        default=None,
        validation_alias=AliasChoices("files_at", f"{PREFIX}FILES"),
        description="Where datasets, runs and models are kept: a folder, or a store as s3://bucket/prefix.",
    )
    database_url: str | None = Field(
        default=None, description="PostgreSQL 15 or newer; without it an embedded server runs in the home folder."
    )
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: str | None = Field(
        default=None, description="How browsers reach Rondo, for links and secure cookies; needed behind a proxy."
    )
    trusted_proxies: str = Field(
        default="127.0.0.1", description="Addresses whose X-Forwarded headers are believed, comma separated."
    )
    stalled_after: float = Field(
        default=60, ge=1, description="Seconds of a worker's silence after which another one takes its run."
    )

    webhook_hosts: str = Field(
        default="",
        description="Hosts and networks that webhooks may reach although their addresses are private, comma separated: "
        "hooks.lan,10.0.0.0/8; * for all.",
    )
    smtp_host: str | None = Field(
        default=None, description="The server that takes our e-mail; without it none is sent."
    )
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: str | None = Field(default=None, description="The sender: Rondo <rondo@example.org>.")

    @property
    def sends_mail(self) -> bool:
        return bool(self.smtp_host and self.smtp_from)

    def address(self, path: str) -> str:
        """For those who read it elsewhere: in a terminal, an e-mail, another program."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/") + path

    @property
    def files(self) -> Files:
        """Datasets, runs and models. Raises `StoreNotUsable`."""
        own = self.home / "files"
        return place_at(self.files_at, own) if self.files_at else own


@lru_cache
def settings() -> Settings:
    """Raises `SettingInvalid`."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = PREFIX + str(first["loc"][0]).upper()
        raise SettingInvalid(variable=variable, value=first["input"], reason=first["msg"]) from error
