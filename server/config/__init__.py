"""Settings: flags before LIVEGRAFT_* variables before livegraft.toml before defaults; read once, frozen."""

from server.config.guardian import GuardianSettings
from server.config.read import SettingsError, help_text, read_settings
from server.config.rollout import RolloutSettings
from server.config.settings import EngineSettings, KeySettings, LearningSettings, Settings
from server.config.vllm import VllmSettings

__all__ = [
    "EngineSettings",
    "GuardianSettings",
    "KeySettings",
    "LearningSettings",
    "RolloutSettings",
    "Settings",
    "SettingsError",
    "VllmSettings",
    "help_text",
    "read_settings",
]
