"""What the playground says when it is open: where to go, whom to be, what to try."""

import base64
import hashlib
import os
import shlex
import shutil
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.playground.idp.people import Person
from bot.playground.overpowered import CHANNEL
from bot.playground.scene import NAMESPACES
from bot.playground.town import Town

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
KUBECTL_PEOPLE: Final = ("erin", "ada", "omar", "alex")


def leaflet(town: Town, *, folder: Path, kubectl: Path | None) -> str:
    """Write the whole text; each person's kubeconfig is written to `folder`'s files on the way."""
    parts = (
        _address(town),
        _warning(town, folder),
        _people(town),
        _first_steps(),
        *([_the_review()] if town.reviewed else []),
        _terminal(town, kubectl),
        _ends(town),
    )
    return "\n\n".join(parts)


def address(town: Town) -> str:
    """Name the page to open: the workspace, as the engineer."""
    return f"{town.slack_url}/?as=erin&in=messages"


def _address(town: Town) -> str:
    return f"OPEN  {address(town)}"


def _warning(town: Town, folder: Path) -> str:
    browser = next((name for name in BROWSERS if shutil.which(name)), BROWSERS[0])
    root = " --no-sandbox" if _is_root() else ""
    profile = shlex.quote(str(folder / "browser"))
    pin = key_pin(town.leaf.chain_file)
    return f"""\
BEFORE YOU DO: the browser will warn that it does not know who signed this page. That was a
throw-away authority, made for this playground alone:
  {town.authority.ca_file}
Either go on past the warning, for localhost; or use a browser profile made for this, which takes
this playground's key and no other:
  {browser}{root} --user-data-dir={profile} \\
    --ignore-certificate-errors-spki-list={pin} \\
    '{address(town)}'
Don't add the authority to your system's or your everyday browser's."""


def _people(town: Town) -> str:
    people = town.provider.people.values()
    wide = max(len(person.name) for person in people)
    lines = [f"  {person.name:{wide}}  {_about(person)}" for person in people]
    lines.append(f"  {'Gus, Stella':{wide}}  a guest and a stranger in Slack, who get nothing")
    return 'WHO YOU CAN BE ("You are", at the top left; nobody has a password)\n' + "\n".join(lines)


def _about(person: Person) -> str:
    return f"{person.title} (group {', '.join(person.groups)})" if person.groups else person.title


def _first_steps() -> str:
    return f"""\
WHAT TO TRY FIRST
  1. As Erin, send  /access  and sign in: Slack asks first, then the company's login (Erin again).
  2. Send  /access  once more: cluster prod, namespace {NAMESPACES[0]}, view-team-namespaces,
     another length 2m, and a reason.
  3. Be Ada, in #access-requests, and approve. She signs in first, then clicks again.
  4. kubectl (below) goes from forbidden to allowed, and after two minutes back, by itself."""


def _the_review() -> str:
    return f"""\
AND THE SERVICE ACCOUNTS
  Be Ada, in #{CHANNEL}: the review told what it found as soon as it had looked. Look at a
  finding, keep it with a reason, or say that it is not yours; then send  /access review  and
  look at Home."""


def _terminal(town: Town, kubectl: Path | None) -> str:
    files = {key: town.kubeconfig_of(key) for key in KUBECTL_PEOPLE}
    program = "kubectl"
    if kubectl is not None and not shutil.which("kubectl"):
        program = shlex.quote(str(kubectl))
    others = ", ".join(files[key].name for key in KUBECTL_PEOPLE[1:])
    return f"""\
IN ANOTHER TERMINAL  (each file signs in as one person, and holds no other credential)
  export KUBECONFIG={shlex.quote(str(files["erin"]))}
  {program} auth whoami
  {program} get pods
Others in the same folder: {others}"""


def _ends(town: Town) -> str:
    return f"Logs and database: {town.folder}\nCtrl-C stops everything."


def key_pin(certificate: Path) -> str:
    """Give the digest of a certificate's public key, as Chromium wants it."""
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    key = found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


def _is_root() -> bool:
    """Chromium does not start as root with its sandbox."""
    return os.geteuid() == 0
