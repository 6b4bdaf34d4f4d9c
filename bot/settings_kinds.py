"""The kinds of values that settings have, and what every group of them is built on."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.settings_checks import (
    Words,
    as_claim_path,
    as_duration,
    as_file,
    as_https_origin,
    as_installations,
    as_scopes,
    as_words,
)

PREFIX: Final = "VALETKEY_"

Duration = Annotated[timedelta, BeforeValidator(as_duration), Field(gt=timedelta(0))]
DurationOrNone = Annotated[timedelta, BeforeValidator(as_duration), Field(ge=timedelta(0))]
Origin = Annotated[str, AfterValidator(as_https_origin)]
WordList = Annotated[Words, NoDecode, BeforeValidator(as_words)]
Scopes = Annotated[WordList, AfterValidator(as_scopes)]
Installations = Annotated[WordList, AfterValidator(as_installations)]
ExistingFile = Annotated[Path, AfterValidator(as_file)]
ClaimPath = Annotated[Words, NoDecode, BeforeValidator(as_claim_path)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class SettingsGroup(BaseSettings):
    """Read from the environment, once, and frozen; what is wrong is never quoted."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )
