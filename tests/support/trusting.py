"""A Chromium that trusts one throw-away authority and no other that is not well known.

Its certificates are checked in full: there is no switch to ignore errors. Chromium takes the
authorities of its user from NSS' database in the home folder, so it gets a home folder of its own
with a database of one entry. NSS itself writes that: `certutil` does the same with the same calls,
but is one more package to have, while whoever has Chromium has the library.

`python -m tests.support.trusting HOME CA_FILE` writes the database. That is a process of its own,
because NSS serves one database in a process's life.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import ssl
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Error, sync_playwright

from tests.support.chromium import ARGS, NAMES, BrowserMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

_OK = 0
_NO_KEY = 0
_SIGNS_WEB_SERVERS = b"C,,"


@contextmanager
def trusting_chromium(home: Path, ca_file: Path) -> Iterator[Browser]:
    """Start a Chromium whose user, living in `home`, trusts `ca_file`. Raises BrowserMissingError.

    The environment's `CHROMIUM` names another program than the one on PATH.
    """
    root = Path(__file__).parents[2]
    argv = [sys.executable, "-m", __name__, home, ca_file]
    done = subprocess.run(argv, cwd=root, check=False, capture_output=True, text=True)
    if done.returncode:
        # The library comes with every Chromium: without it there is none.
        raise BrowserMissingError(done.stderr.strip().rpartition("\n")[2])
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=path, args=ARGS, env={**os.environ, "HOME": str(home)}
            )
        except Error as problem:
            raise BrowserMissingError(str(problem).splitlines()[0]) from problem
        try:
            yield browser
        finally:
            browser.close()


def write_database(home: Path, ca_file: Path) -> None:
    """Make NSS' database in `home` with this authority as its only entry."""
    folder = home / ".pki" / "nssdb"
    folder.mkdir(parents=True, mode=0o700)
    # By these names on Debian, Fedora and Arch alike.
    nss, smime = ctypes.CDLL("libnss3.so"), ctypes.CDLL("libsmime3.so")
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for function in (nss.PK11_GetInternalKeySlot, nss.CERT_GetDefaultCertDB):
        function.restype = pointer
    smime.CERT_DecodeCertFromPackage.restype = pointer
    smime.CERT_DecodeCertFromPackage.argtypes = [text, number]
    nss.PK11_InitPin.argtypes = [pointer, text, text]
    nss.PK11_ImportCert.argtypes = [pointer, pointer, ctypes.c_ulong, text, number]
    nss.CERT_ChangeCertTrust.argtypes = [pointer, pointer, pointer]
    _well(nss.NSS_InitReadWrite(f"sql:{folder}".encode()), "opening the database")
    slot = nss.PK11_GetInternalKeySlot()
    _well(nss.PK11_InitPin(slot, None, b""), "setting no password")
    der = ssl.PEM_cert_to_DER_cert(ca_file.read_text())
    certificate = smime.CERT_DecodeCertFromPackage(der, len(der))
    _well(
        nss.PK11_ImportCert(slot, certificate, _NO_KEY, b"playground", 0),
        "putting the authority in",
    )
    trust = (ctypes.c_uint * 3)()
    _well(nss.CERT_DecodeTrustString(trust, _SIGNS_WEB_SERVERS), "reading the trust")
    database = nss.CERT_GetDefaultCertDB()
    _well(nss.CERT_ChangeCertTrust(database, certificate, trust), "trusting the authority")


def _well(status: int, what: str) -> None:
    if status != _OK:
        raise OSError(f"NSS refused {what}")


if __name__ == "__main__":
    write_database(Path(sys.argv[1]), Path(sys.argv[2]))
