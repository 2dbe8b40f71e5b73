"""Certificates, by the OpenSSL library that Python's own TLS uses: expired ones, and their dates.

Python can show a certificate but not make one, and the `openssl` program would have to be added to
the agent's image for this alone. The library is there already.
"""

import ctypes
import re
from collections.abc import Callable
from typing import Any, Self

from chaoskit.agent.kind import Refused

_LIBRARIES = ("libcrypto.so.3", "libcrypto.so.1.1")
_CERTIFICATE = re.compile(
    rb"-----BEGIN (TRUSTED )?CERTIFICATE-----.*?-----END (TRUSTED )?CERTIFICATE-----\r?\n?",
    re.DOTALL,
)
_SIGNED_WITHOUT_DIGEST = frozenset((1087, 1088))  # NIDs of Ed25519 and Ed448
_INFO = 3  # BIO_CTRL_INFO: where a memory BIO has its bytes
_DAY_S = 86400.0

_Pointer = ctypes.c_void_p
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "BIO_new_mem_buf": (_Pointer, [ctypes.c_char_p, ctypes.c_int]),
    "BIO_new": (_Pointer, [_Pointer]),
    "BIO_s_mem": (_Pointer, []),
    "BIO_ctrl": (ctypes.c_long, [_Pointer, ctypes.c_int, ctypes.c_long, _Pointer]),
    "BIO_free": (ctypes.c_int, [_Pointer]),
    "PEM_read_bio_X509": (_Pointer, [_Pointer, _Pointer, _Pointer, _Pointer]),
    "PEM_read_bio_PrivateKey": (_Pointer, [_Pointer, _Pointer, _Pointer, ctypes.c_char_p]),
    "PEM_write_bio_X509": (ctypes.c_int, [_Pointer, _Pointer]),
    "i2d_X509_bio": (ctypes.c_int, [_Pointer, _Pointer]),
    "d2i_X509_bio": (_Pointer, [_Pointer, _Pointer]),
    "X509_check_private_key": (ctypes.c_int, [_Pointer, _Pointer]),
    "X509_get_subject_name": (_Pointer, [_Pointer]),
    "X509_set_issuer_name": (ctypes.c_int, [_Pointer, _Pointer]),
    "X509_getm_notBefore": (_Pointer, [_Pointer]),
    "X509_getm_notAfter": (_Pointer, [_Pointer]),
    "X509_gmtime_adj": (_Pointer, [_Pointer, ctypes.c_long]),
    "X509_sign": (ctypes.c_int, [_Pointer, _Pointer, _Pointer]),
    "X509_free": (None, [_Pointer]),
    "EVP_PKEY_free": (None, [_Pointer]),
    "EVP_sha256": (_Pointer, []),
    "ASN1_TIME_diff": (
        ctypes.c_int,
        [ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int), _Pointer, _Pointer],
    ),
    "ERR_clear_error": (None, []),
}


def expired(
    chain: bytes, key: bytes, *, since_s: float, authority: bytes = b"", authority_key: bytes = b""
) -> bytes:
    """A PEM file whose first certificate is the same but expired `since_s` ago.

    Subject, names, extensions and key stay. It is signed by the authority, or without one by its
    own key. The rest of the file stays byte for byte. Raises Refused.
    """
    found = _CERTIFICATE.search(chain)
    if found is None:
        message = "the file has no certificate in PEM form"
        raise Refused(message)
    library = _library()
    with _Things(library) as things:
        certificate = things.certificate(found[0])
        own_key = things.key(key, "the certificate's key")
        if library.X509_check_private_key(certificate, own_key) != 1:
            message = "the key is not that of the certificate"
            raise Refused(message)
        issuer, signer = certificate, own_key
        if authority:
            issuer = things.certificate(_first(authority))
            signer = things.key(authority_key, "the authority's key")
            if library.X509_check_private_key(issuer, signer) != 1:
                message = "the authority's key is not that of its certificate"
                raise Refused(message)
        _backdate(library, certificate, since_s)
        library.X509_set_issuer_name(certificate, library.X509_get_subject_name(issuer))
        digest = None if _is_edwards(library, signer) else library.EVP_sha256()
        if not library.X509_sign(certificate, signer, digest):
            message = "the expired certificate could not be signed"
            raise Refused(message)
        written = things.written(library.PEM_write_bio_X509, certificate)
    return chain[: found.start()] + written + chain[found.end() :]


def _backdate(library: Any, certificate: int, since_s: float) -> None:
    """Let it end that long ago, and begin before that."""
    begins_s = _from_now_s(library, library.X509_getm_notBefore(certificate))
    begins_s = min(begins_s, -since_s - _DAY_S)
    library.X509_gmtime_adj(library.X509_getm_notBefore(certificate), int(begins_s))
    library.X509_gmtime_adj(library.X509_getm_notAfter(certificate), int(-since_s))


def first_der(chain: bytes) -> bytes:
    """The first certificate of a PEM file as TLS sends it. Raises Refused."""
    library = _library()
    with _Things(library) as things:
        return things.written(library.i2d_X509_bio, things.certificate(_first(chain)))


def ends_in_s(der: bytes) -> float:
    """Seconds until a certificate expires, negative when it has. Raises Refused."""
    library = _library()
    with _Things(library) as things:
        source = things.buffer(der)
        certificate = things.kept(library.d2i_X509_bio(source, None), library.X509_free)
        if not certificate:
            message = "what was sent is not a certificate"
            raise Refused(message)
        return _from_now_s(library, library.X509_getm_notAfter(certificate))


def missing() -> str:
    """Why certificates cannot be made here, or ""."""
    try:
        _library()
    except Refused as refusal:
        return str(refusal)
    return ""


def _first(chain: bytes) -> bytes:
    found = _CERTIFICATE.search(chain)
    return found[0] if found is not None else chain


def _from_now_s(library: Any, moment: int) -> float:
    days, seconds = ctypes.c_int(), ctypes.c_int()
    if not library.ASN1_TIME_diff(ctypes.byref(days), ctypes.byref(seconds), None, moment):
        message = "the certificate's dates cannot be read"
        raise Refused(message)
    return days.value * _DAY_S + seconds.value


def _is_edwards(library: Any, key: int) -> bool:
    """Whether the key signs without a digest. The function was renamed in OpenSSL 3."""
    name = (
        "EVP_PKEY_get_base_id" if hasattr(library, "EVP_PKEY_get_base_id") else "EVP_PKEY_base_id"
    )
    function = getattr(library, name)
    function.argtypes, function.restype = [_Pointer], ctypes.c_int
    return function(key) in _SIGNED_WITHOUT_DIGEST


class _Things:
    """What is to be given back to the library at the end."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._free: list[tuple[Callable[[int], Any], int]] = []
        self._data: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for free, thing in reversed(self._free):
            free(thing)
        self._library.ERR_clear_error()  # Python's own TLS would find it in its queue

    def kept(self, thing: int, free: Callable[[int], Any]) -> int:
        if thing:
            self._free.append((free, thing))
        return thing

    def buffer(self, data: bytes) -> int:
        self._data.append(data)  # the library does not copy it
        bio = self._library.BIO_new_mem_buf(data, len(data))
        return self.kept(bio, self._library.BIO_free)

    def certificate(self, pem: bytes) -> int:
        source = self.buffer(pem)
        thing = self._library.PEM_read_bio_X509(source, None, None, None)
        if not thing:
            message = "the file has no certificate that OpenSSL can read"
            raise Refused(message)
        return self.kept(thing, self._library.X509_free)

    def key(self, pem: bytes, what: str) -> int:
        # An empty pass phrase, so that nobody is asked for one.
        thing = self._library.PEM_read_bio_PrivateKey(self.buffer(pem), None, None, b"")
        if not thing:
            message = f"{what} cannot be read: there is none in the file, or it is encrypted"
            raise Refused(message)
        return self.kept(thing, self._library.EVP_PKEY_free)

    def written(self, write: Any, certificate: int) -> bytes:
        bio = self.kept(self._library.BIO_new(self._library.BIO_s_mem()), self._library.BIO_free)
        write(bio, certificate)
        where = ctypes.c_void_p()
        size = self._library.BIO_ctrl(bio, _INFO, 0, ctypes.byref(where))
        return ctypes.string_at(where.value or 0, size)


def _library() -> Any:
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        for function, (result, arguments) in _SIGNATURES.items():
            getattr(library, function).restype = result
            getattr(library, function).argtypes = arguments
        return library
    message = f"there is no OpenSSL library ({', '.join(_LIBRARIES)})"
    raise Refused(message)
