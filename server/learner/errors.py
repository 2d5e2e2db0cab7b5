"""What the learner refuses. Every message names what is wrong and what to do."""

from __future__ import annotations


class LearnerError(Exception):
    """The update cannot be run as asked; nothing was trained."""


class NoChatTemplate(LearnerError):
    """The model's tokenizer cannot turn a conversation into tokens."""


class ExampleTooLong(LearnerError):
    """A training example does not fit in the model's context."""


class EmptyUpdate(LearnerError):
    """There is nothing to learn in the input."""


class WrongParent(LearnerError):
    """The parent adapter does not belong to this base model."""


class UnknownProfile(LearnerError):
    """The named recipe does not exist."""
