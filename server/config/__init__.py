"""Settings: flags before LIVEGRAFT_* variables before livegraft.toml before defaults; read once, frozen."""

from server.config.read import SettingsError, as_environment, help_text, read_settings
from server.config.settings import (
    EngineSettings,
    GuardianSettings,
    KeySettings,
    LearningSettings,
    RolloutSettings,
    Settings,
)

__all__ = [
    "EngineSettings",
    "GuardianSettings",
    "KeySettings",
    "LearningSettings",
    "RolloutSettings",
    "Settings",
    "SettingsError",
    "as_environment",
    "help_text",
    "read_settings",
]
