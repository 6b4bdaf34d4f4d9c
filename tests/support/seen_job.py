"""The main job as a person sees it, on the playground that is given: Slack's page, a browser, and
`kubectl` with nothing but their own tokens.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import yaml
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.support.camera import Camera
    from tests.support.desk import Desk
    from tests.support.opened import Kubectl, Opened

ERIN = "oidc:erin@example.com"
PLACE = "payments-dev"
REASON = "Checking the rollout of checkout, INC-204"


def do_main_job(opened: Opened, person: Desk, cluster_user: Kubectl, camera: Camera) -> None:
    """Be forbidden, ask, sign in, be approved, be allowed, and be forbidden again, unaided."""
    config = yaml.safe_load(opened.kubeconfig("erin").read_text())
    assert_no_other_credential(config, "erin")
    since = len(list(opened.audit()))
    get_pods = ("erin", "get", "pods", "--namespace", PLACE)
    refused = cluster_user.until(*get_pods, allowed=False)
    assert ERIN in refused.stderr

    person.be("erin")
    person.send("/access")
    link = person.message("sign in first").get_by_role("link", name="Sign in")
    assert "Erin Engström" in person.sign_in(link, "erin")
    person.press(person.message("You can ask for access now"), "Ask for access")
    person.fill_in(namespace=PLACE, entitlement="view-team-namespaces", length="20s", reason=REASON)
    person.submit()
    expect(person.message("Waiting for approval")).to_be_visible()

    person.switch("ada")
    person.go("channel-access-requests")
    person.press(person.message(REASON), "Approve")
    link = person.message("Sign in").get_by_role("link", name="Sign in")
    assert "Ada Okonkwo" in person.sign_in(link, "ada")
    # A decision is never carried through a sign-in: the card stands there as before.
    person.press(person.message(REASON), "Approve")
    expect(person.message(REASON)).to_contain_text("Approved by @ada")

    shown = cluster_user.until(*get_pods, allowed=True)
    assert "Pending" in shown.stdout
    whoami = cluster_user.json("erin", "auth", "whoami")
    assert whoami["kind"] == "SelfSubjectReview"
    assert whoami["status"]["userInfo"]["username"] == ERIN
    person.switch("erin")
    person.go("app-messages")
    expect(person.message("kubectl --context prod --namespace payments-dev")).to_be_visible()
    again = cluster_user.until(*get_pods, allowed=False)
    expect(person.message("Ended", "Proven: the binding is gone")).to_be_visible()
    lines = kubectl_calls(opened, since)
    assert_only_their_own_tokens(lines, ERIN)
    runs = [("kubectl get pods", done.stdout or done.stderr) for done in (refused, shown, again)]
    camera.terminal(person.page.context.new_page(), "kubectl", *runs)
    listed = [line for line in lines if line.get("objectRef", {}).get("resource") == "pods"]
    turns = [list(turn) for _, turn in groupby(listed, lambda e: e["responseStatus"]["code"])]
    print(*(told(turn[0]) for turn in turns), sep="\n")
    assert [turn[0]["responseStatus"]["code"] for turn in turns] == [403, 200, 403]
    allowed = turns[1][0]["annotations"]["authorization.k8s.io/reason"]
    assert 'RoleBinding "valetkey-' in allowed
    assert f'User "{ERIN}"' in allowed


def assert_no_other_credential(config: dict[str, Any], key: str) -> None:
    """What kubectl is given names a command that fetches the person's own token, no more."""
    assert [set(user["user"]) for user in config["users"]] == [{"exec"}]
    assert key in config["users"][0]["user"]["exec"]["args"]
    assert set(config["clusters"][0]["cluster"]) == {"server", "certificate-authority-data"}


def assert_only_their_own_tokens(lines: list[dict[str, Any]], name: str) -> None:
    """In the API server's own record, every call of kubectl came with a token of the provider."""
    assert {line["user"]["username"] for line in lines} == {name}
    assert all(credential(line).startswith("JTI=") for line in lines)
    assert all("system:masters" not in line["user"]["groups"] for line in lines)


def kubectl_calls(opened: Opened, since: int) -> list[dict[str, Any]]:
    """The audit events of kubectl from that number on."""
    lines = list(opened.audit())[since:]
    return [line for line in lines if line["userAgent"].startswith("kubectl/")]


def credential(line: dict[str, Any]) -> str:
    extra = line["user"].get("extra", {})
    return str(extra.get("authentication.kubernetes.io/credential-id", [""])[0])


def told(line: dict[str, Any]) -> str:
    """Tell of an audit event what matters here."""
    notes = line["annotations"]
    return (
        f"audit: {line['requestReceivedTimestamp']} {line['user']['username']} {credential(line)}"
        f" {line['verb']} {line['requestURI']} {line['responseStatus']['code']}"
        f" {notes['authorization.k8s.io/decision']} {notes['authorization.k8s.io/reason']!r}"
    )
