"""What a security key needs from the person, and an application says and asks."""

from __future__ import annotations

from typing import Protocol


class UserInteraction(Protocol):
    """The prompts of a security key. An application, or a terminal, supplies them.

    The methods are called by the thread that holds the ceremony. What they raise ends
    the ceremony and reaches its caller.
    """

    def plug_in(self) -> None:
        """Says that there is no key yet, and that one is waited for."""

    def leave_out(self, key: str, why: str) -> None:
        """Says that a key cannot serve, and that it goes on with those that can.

        Args:
            key: What the key calls itself, and where it is. Whoever made the key chose
                the characters.
            why: A sentence.
        """

    def choose(self, count: int) -> None:
        """Says that `count` keys are plugged in, and that a touch chooses one."""

    def touch(self, *, again: bool) -> None:
        """Says that the key waits for a touch.

        Args:
            again: Whether it was touched for this ceremony before: a new passkey is
                asked two or three times.
        """

    def verify(self, *, failed: bool) -> None:
        """Says that the key waits for a finger on its own sensor.

        Args:
            failed: Whether it did not recognise the finger before.
        """

    def pin(self, *, tries_left: int, wrong: bool) -> str | None:
        """Asks for the key's PIN.

        Args:
            tries_left: How many wrong PINs the key takes until it blocks for good.
            wrong: Whether the PIN before was wrong, or no PIN at all.

        Returns:
            The PIN; None ends the ceremony.
        """
