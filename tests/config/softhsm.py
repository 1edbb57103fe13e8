"""Real tokens for tests: SoftHSM with its store in a folder of the test."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.custody_pkcs11 import Pkcs11Holder

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "correct-4711-horse"
VARIABLE = "COHORTWATCH_PKCS11_PIN"

# Where functions stand in CK_FUNCTION_LIST, after its version (PKCS#11 2.40, pkcs11f.h).
GET_TOKEN_INFO, LOGIN = 6, 18
# Where the flags stand in CK_TOKEN_INFO: after label, manufacturer, model and serial number.
FLAGS_AT = 32 + 32 + 16 + 16


@dataclass(frozen=True)
class Shelf:
    """Tokens of one test."""

    folder: Path

    def add_token(self, label: str, pin: str = PIN) -> None:
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "87654321"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip

    def add_key(self, token: str, label: str, *, bits: int = 256, **attributes: Any) -> None:
        """An AES key; `attributes` by their names in PKCS#11, without CKA_."""
        from pkcs11 import Attribute, KeyType

        template = {Attribute[name]: value for name, value in attributes.items()}
        with session(token) as opened:
            opened.generate_key(KeyType.AES, bits, label=label, store=True, template=template)

    def import_key(self, token: str, label: str, value: bytes, **attributes: Any) -> None:
        from pkcs11 import Attribute, KeyType, ObjectClass

        given = {
            "CLASS": ObjectClass.SECRET_KEY, "KEY_TYPE": KeyType.AES, "VALUE": value, "LABEL": label, "TOKEN": True,
            "SENSITIVE": True, "EXTRACTABLE": False, "ENCRYPT": True, "DECRYPT": True, **attributes,
        }  # fmt: skip
        with session(token) as opened:
            opened.create_object({Attribute[name]: value for name, value in given.items()})

    def remove_key(self, token: str, label: str) -> None:
        from pkcs11 import Attribute

        with session(token) as opened:
            for found in list(opened.get_objects({Attribute.LABEL: label})):
                found.destroy()


def holder(token: str = "vault", key: str = "wrapping", **words: Any) -> Pkcs11Holder:
    return Pkcs11Holder(MODULE, token, key, VARIABLE, **words)


@contextmanager
def session(token: str) -> Iterator[Any]:
    import pkcs11

    library = pkcs11.lib(MODULE)
    try:
        with library.get_token(token_label=token).open(rw=True, user_pin=PIN) as opened:
            yield opened
    finally:
        library.finalize()


def wrong_pin_was_given(token: str) -> bool:
    """Whether the token remembers a wrong PIN since the last right one."""
    import pkcs11

    library = pkcs11.lib(MODULE)
    try:
        return bool(library.get_token(token_label=token).flags & pkcs11.TokenFlag.USER_PIN_COUNT_LOW)
    finally:
        library.finalize()


def _slot_of(place: int) -> Any:
    """The pointer to one function in the module's own table, through which every caller goes."""
    table = ctypes.POINTER(ctypes.c_void_p)()
    assert ctypes.CDLL(MODULE).C_GetFunctionList(ctypes.byref(table)) == 0
    return ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p * 68)).contents, place + 1


@contextmanager
def counted_logins() -> Iterator[list[int]]:
    """The answers of every C_Login that reaches the module, in order."""
    answers: list[int] = []
    kind = ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong)
    table, place = _slot_of(LOGIN)
    before = table[place]
    real = kind(before)

    def counting(session: int, user: int, pin: int, length: int) -> int:
        answers.append(real(session, user, pin, length))
        return answers[-1]

    ours = kind(counting)
    table[place] = ctypes.cast(ours, ctypes.c_void_p).value
    try:
        yield answers
    finally:
        table[place] = before


@contextmanager
def token_flags(more: int) -> Iterator[None]:
    """Every token says these flags as well: SoftHSM never locks, other tokens do."""
    kind = ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_ulong, ctypes.c_void_p)
    table, place = _slot_of(GET_TOKEN_INFO)
    before = table[place]
    real = kind(before)

    def telling(slot: int, info: int) -> int:
        answer = int(real(slot, info))
        flags = ctypes.c_ulong.from_address(info + FLAGS_AT)
        flags.value |= more
        return answer

    ours = kind(telling)
    table[place] = ctypes.cast(ours, ctypes.c_void_p).value
    try:
        yield
    finally:
        table[place] = before
