"""The master key wrapped under an AES key that never leaves a PKCS#11 token (an HSM, a smart card, SoftHSM).

The token seals the master key as data (C_Encrypt with CKM_AES_GCM, the workspace as associated data), not as a key
object (C_WrapKey): to derive from it here it would have to lie in the token as an extractable, readable object, which
many tokens refuse to make, and key wrapping has no associated data to bind the workspace with.

A refused PIN is never tried a second time unattended, since tokens lock after a few: the token's own flag tells the
next process of the schedule that somebody was wrong, and the last try before the lock is left to a person.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.errors import BadKeys

if TYPE_CHECKING:
    from pkcs11 import GCMParams, SecretKey, Session, Token
    from pkcs11._pkcs11 import lib as Library  # noqa: N812 - a class with a function's name

NONCE_BYTES = 12
KEY_BITS = 256
_one_at_a_time = threading.Lock()
"""A login is the whole process's, and so is starting and stopping the module."""
_refused: set[tuple[str, str, str]] = set()
"""Module, token and PIN that this process saw refused; not every token tells of it by a flag."""


@dataclass(frozen=True, slots=True)
class Pkcs11Holder:
    """An AES key in a token; the PIN is read from the environment when it is needed and kept nowhere."""

    module: str
    """Path of the vendor's library."""
    token: str
    """The token's label."""
    key: str
    """The key's label."""
    pin_variable: str
    insists: bool = False
    """Whether a PIN is tried although the token saw a wrong one since the last right one: a person asks for it."""

    def wrap(self, master: bytes, workspace: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        with self._opened() as key:
            self._must_be_fit(key)
            sealed = key.encrypt(master, **_gcm(nonce, workspace))
        return nonce + bytes(sealed)

    def unwrap(self, wrapped: bytes, workspace: str) -> bytes:
        from pkcs11 import PKCS11Error

        with self._opened() as key:
            self._must_do(key, "DECRYPT")
            sealed = wrapped[NONCE_BYTES:]
            try:
                return bytes(key.decrypt(sealed, **_gcm(wrapped[:NONCE_BYTES], workspace)))
            except PKCS11Error as wrong:
                # Tokens do not agree on how they say that a seal does not hold.
                raise BadKeys(
                    f"{self._named()} does not open the wrapped master key ({type(wrong).__name__}); give the key that"
                    " it was wrapped under"
                ) from None

    def described(self) -> dict[str, Any]:
        return {
            "holder": "pkcs11",
            "module": self.module,
            "token": self.token,
            "key": self.key,
            "pin_variable": self.pin_variable,
        }

    def _named(self) -> str:
        return f"key {self.key!r} of token {self.token!r}"

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        """The key, a `SecretKey` with what the token lets it do, logged in for as long as the block lasts.

        Raises:
            BadKeys: module, token, PIN or key are not to be had, or the token fails.
        """
        from pkcs11 import PKCS11Error

        pin = self._pin()
        try:
            with (
                _one_at_a_time,
                _started(self.module) as library,
                closing(self._logged_in(self._found(library), pin)) as session,
            ):
                yield self._key_in(session)
        except PKCS11Error as wrong:
            raise BadKeys(
                f"token {self.token!r} cannot do it ({type(wrong).__name__}); see that it is well and does AES-GCM"
                " (CKM_AES_GCM) with a nonce that it is given"
            ) from None

    def _pin(self) -> str:
        pin = os.environ.get(self.pin_variable, "")
        if not pin or not pin.isprintable():
            raise BadKeys(
                f"${self.pin_variable} must hold the PIN of token {self.token!r} and nothing else; set it and try again"
            )
        return pin

    def _found(self, library: Library) -> Token:
        tokens = [token for token in _tokens(library) if token.label == self.token]
        if not tokens:
            raise BadKeys(
                f"{self.module} shows no token labelled {self.token!r}; see that it is plugged in or reachable, and"
                " that the label is right"
            )
        if len(tokens) > 1:
            raise BadKeys(
                f"{self.module} shows {len(tokens)} tokens labelled {self.token!r}; give them labels of their own"
            )
        return tokens[0]

    def _logged_in(self, token: Token, pin: str) -> Session:
        from pkcs11 import PinIncorrect, PinInvalid, PinLenRange, PinLocked

        self._must_be_open_to_a_try(token, pin)
        try:
            return token.open(user_pin=pin)
        except (PinIncorrect, PinInvalid, PinLenRange):
            _refused.add((self.module, self.token, pin))
            then = "try again" if self.insists else "run `cohortwatch keys show`"
            raise BadKeys(
                f"token {self.token!r} refused the PIN in ${self.pin_variable}; it was tried once and is not tried"
                f" again by itself, for tokens lock: set the right one and {then}"
            ) from None
        except PinLocked:
            raise BadKeys(self._locked()) from None

    def _must_be_open_to_a_try(self, token: Token, pin: str) -> None:
        from pkcs11 import TokenFlag

        if token.flags & TokenFlag.USER_PIN_LOCKED:
            raise BadKeys(self._locked())
        if token.flags & TokenFlag.USER_PIN_FINAL_TRY:
            raise BadKeys(
                f"token {self.token!r} locks at the next wrong PIN, so none was tried; log in once with the token's"
                " own tool, then try again"
            )
        if (self.module, self.token, pin) in _refused:
            raise BadKeys(
                f"token {self.token!r} has refused the PIN in ${self.pin_variable} before; set the right one"
            )
        if token.flags & TokenFlag.USER_PIN_COUNT_LOW and not self.insists:
            raise BadKeys(
                f"token {self.token!r} was given a wrong PIN since the last right one, so none was tried; check"
                f" ${self.pin_variable} and run `cohortwatch keys show`, which tries it once"
            )

    def _locked(self) -> str:
        return f"token {self.token!r} has locked its PIN; have its security officer unlock it"

    def _key_in(self, session: Session) -> SecretKey:
        from pkcs11 import Attribute, KeyType, ObjectClass

        keys: list[Any] = list(
            session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: self.key})
        )
        if not keys:
            raise BadKeys(
                f"token {self.token!r} holds no secret key labelled {self.key!r}; make one with the token's own tool"
                f" (AES, {KEY_BITS} bits, sensitive), or give the right label"
            )
        if len(keys) > 1:
            raise BadKeys(
                f"token {self.token!r} holds {len(keys)} secret keys labelled {self.key!r}; give them labels of"
                " their own"
            )
        key: SecretKey = keys[0]
        if key[Attribute.KEY_TYPE] != KeyType.AES:
            raise BadKeys(f"{self._named()} is no AES key; give one that is")
        return key

    def _must_do(self, key: SecretKey, action: str) -> None:
        from pkcs11 import Attribute

        if not key[Attribute[action]]:
            raise BadKeys(
                f"{self._named()} may not {action.lower()} (CKA_{action}); give a key that may encrypt and decrypt"
            )

    def _must_be_fit(self, key: SecretKey) -> None:
        """Refuses to put the master key under a key that could not open it, or that the token gives away."""
        from pkcs11 import Attribute

        self._must_do(key, "ENCRYPT")
        self._must_do(key, "DECRYPT")
        # SoftHSM tells 0 of AES keys that its own tool imported, and cannot use them.
        told = key[Attribute.VALUE_LEN] * 8
        if told != KEY_BITS:
            raise BadKeys(f"{self._named()} has {told} bits; give one of {KEY_BITS}, made inside the token")
        if key[Attribute.EXTRACTABLE] and not key[Attribute.SENSITIVE]:
            raise BadKeys(
                f"{self._named()} can be read out of the token; give one that is sensitive (CKA_SENSITIVE)"
            )


def _gcm(nonce: bytes, workspace: str) -> dict[str, Any]:
    from pkcs11 import GCMParams, Mechanism

    bound: GCMParams = GCMParams(nonce, f"cohortwatch:{workspace}".encode(), 128)
    return {"mechanism": Mechanism.AES_GCM, "mechanism_param": bound}


@contextmanager
def _started(module: str) -> Iterator[Library]:
    """The vendor's library for as long as the block lasts, stopped after it so that no login outlives its use."""
    import pkcs11

    # A bare name would be looked for wherever the loader looks, a relative one wherever the command was started.
    if not Path(module).is_absolute() or not Path(module).is_file():
        raise BadKeys(
            f"there is no PKCS#11 module at {module}; give the full path of the library that came with the token"
        )
    try:
        library = pkcs11.lib(module)
    except pkcs11.PKCS11Error as wrong:
        raise BadKeys(
            f"the PKCS#11 module {module} does not load or start ({type(wrong).__name__}); check that it is the"
            " token's library, for this machine, and that its own settings are in place"
        ) from None
    try:
        yield library
    finally:
        library.finalize()


def _tokens(library: Library) -> Iterator[Token]:
    from pkcs11 import TokenNotPresent, TokenNotRecognised

    for slot in library.get_slots(token_present=True):
        try:
            yield slot.get_token()
        except (TokenNotPresent, TokenNotRecognised):
            continue  # pulled out since it was listed, or of another kind
