"""Settings, read once from the environment (prefix `RONDO_`)."""

from functools import lru_cache
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.errors import DomainError, message

PREFIX = "RONDO_"


class SettingInvalid(DomainError):
    sentence = message("{variable} cannot be {value!r}: {reason}.")


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX)

    home: Path = Field(default=Path(".rondo"), description="Where the embedded database and all files live.")
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

    @property
    def files(self) -> Path:
        """Datasets, runs and models, in folders of their own."""
        return self.home / "files"


@lru_cache
def settings() -> Settings:
    """Raises `SettingInvalid`."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = PREFIX + str(first["loc"][0]).upper()
        raise SettingInvalid(variable=variable, value=first["input"], reason=first["msg"]) from error
