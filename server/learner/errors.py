"""What the learner refuses. Every message names what is wrong and what to do."""

from __future__ import annotations


class LearnerError(Exception):
    """The update cannot be run as asked; nothing was trained."""


class CannotLearn(LearnerError):
    """Nothing can be learned here until an operator acts; it is no fault of the facts, which wait."""


class DoesNotFit(CannotLearn):
    """The update needs more memory than there is."""


class NoChatTemplate(CannotLearn):
    """The model's tokenizer cannot turn a conversation into tokens."""


class ExampleTooLong(LearnerError):
    """A training example does not fit in the model's context."""


class EmptyUpdate(LearnerError):
    """There is nothing to learn in the input."""


class WrongParent(CannotLearn):
    """The parent adapter does not belong to this base model."""


class UnknownProfile(CannotLearn):
    """The named recipe does not exist."""
