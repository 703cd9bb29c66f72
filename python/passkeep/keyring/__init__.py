"""Keyrings: several ways in to the backups of one person."""

from passkeep.keyring.document import CredentialInfo, Slot
from passkeep.keyring.keyring import Keyring
from passkeep.keyring.opening import RootIdentity
from passkeep.keyring.public import PublicKeyring
from passkeep.keyring.reminders import reminder
from passkeep.keyring.state import State
from passkeep.keyring.unlock import Unlock

__all__ = [
    "CredentialInfo",
    "Keyring",
    "PublicKeyring",
    "RootIdentity",
    "Slot",
    "State",
    "Unlock",
    "reminder",
]
