"""Everything that may go wrong in the ledger. The docstring is the message when none is given."""

from __future__ import annotations


class LedgerError(Exception):
    """The ledger could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class StaleFence(LedgerError):
    """The lease was lost: somebody else has the work now, and nothing was changed."""


class RefMoved(LedgerError):
    """The ref does not name the version that was expected: somebody moved it first."""


class UnknownTurn(LedgerError):
    """No turn with this id is in the ledger."""


class UnknownEdit(LedgerError):
    """No self-edit with this id is in the ledger."""


class UnknownUpdate(LedgerError):
    """No update has this id."""


class UnknownVersion(LedgerError):
    """No version with this name is in the ledger."""


class ErasedVersion(LedgerError):
    """This version held facts of a forgotten user: it was erased and can never be served again."""


class BadHead(LedgerError):
    """What was given is no head of the audit."""


class UnknownUser(LedgerError):
    """Nothing of this user is in the ledger."""


class UnknownDelta(LedgerError):
    """No delta with this id is in the ledger."""


class VersionTaken(LedgerError):
    """Another version has this name already; take the next name and try again."""


class BadTransition(LedgerError):
    """This state change would let an edit be trained twice, or skip the learner."""


class BadFinish(LedgerError):
    """An update must say of each of its edits whether it was learned or where it goes."""


class RolloutRunning(LedgerError):
    """A canary is already being shown; end it before starting another."""


class NoRollout(LedgerError):
    """No rollout with this id is running."""


class LedgerBusy(LedgerError):
    """Another program kept the database locked for too long; nothing was written."""


class WriteFailed(LedgerError):
    """The database refused the write; nothing of it was stored."""


class ReadFailed(LedgerError):
    """The database could not be read."""


class LedgerDamaged(LedgerError):
    """The database file is not a readable ledger; restore it from a backup."""


class LedgerTooNew(LedgerError):
    """The database was written by a newer release; start that release, or restore an older backup."""


class UnsupportedDatabase(LedgerError):
    """Only SQLite is supported by this release: give a folder or a sqlite:/// address."""


class LedgerClosed(LedgerError):
    """The ledger was closed."""
