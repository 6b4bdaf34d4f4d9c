"""Every form in which clouds and log shippers hand audit events over."""

import gzip
import json

import pytest

from grants.usage.folded import NO_CLUSTER, OTHER
from tests.support.audit import START, WEB, acts, event, lines, only, read, reason, ref, stamp

MINE = "shop:web get configmaps shop/prices"
EKS_GROUP = "/aws/eks/green/cluster"
AKS_ID = (
    "/SUBSCRIPTIONS/1/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/BLUE"
)


def text(number: int = 1) -> str:
    return json.dumps(event(number))


def gke(number: int = 1, **payload) -> dict:
    return {
        "insertId": f"i-{number}",
        "logName": "projects/p/logs/cloudaudit.googleapis.com%2Fdata_access",
        "operation": {"id": f"op-{number}", "first": True, "last": True, "producer": "k8s.io"},
        "resource": {"type": "k8s_cluster", "labels": {"cluster_name": "red", "location": "eu"}},
        "timestamp": stamp(START),
        "labels": {
            "authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": reason(),
        },
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "authenticationInfo": {"principalEmail": WEB},
            "authorizationInfo": [{"granted": True, "permission": "io.k8s.core.v1.configmaps.get"}],
            "methodName": "io.k8s.core.v1.configmaps.get",
            "resourceName": "core/v1/namespaces/shop/configmaps/prices",
            "serviceName": "k8s.io",
            "status": {},
        }
        | payload,
    }


def aks(log: object) -> dict:
    return {
        "time": stamp(START),
        "resourceId": AKS_ID,
        "category": "kube-audit",
        "operationName": "Microsoft.ContainerService/managedClusters/diagnosticLogs/Read",
        "properties": {"log": log, "stream": "stdout", "pod": "kube-apiserver-1"},
    }


def subscription(*messages: str) -> dict:
    wrapped = [{"id": str(n), "timestamp": 1, "message": m} for n, m in enumerate(messages)]
    return {"messageType": "DATA_MESSAGE", "logGroup": EKS_GROUP, "logEvents": wrapped}


FORMS = {
    "json lines": (lines(event(1), event(2)), "prod"),
    "no newline at the end": (lines(event(1), event(2)).rstrip(), "prod"),
    "blank lines between": (lines(event(1), b"", b"  ", event(2)), "prod"),
    "event list": (lines({"kind": "EventList", "items": [event(1), event(2)]}), "prod"),
    "event list over many lines": (
        json.dumps({"kind": "EventList", "items": [event(1), event(2)]}, indent=2).encode(),
        "prod",
    ),
    "events over many lines": (
        b"\n".join(json.dumps(event(n), indent=1).encode() for n in (1, 2)),
        "prod",
    ),
    "a list of events over many lines": (
        json.dumps([event(1), event(2)], indent=4).encode(),
        "prod",
    ),
    "gke": (lines(gke(1), gke(2)), "red"),
    "gke by gcloud, a list over many lines": (
        json.dumps([gke(1), gke(2)], indent=2).encode(),
        "red",
    ),
    "aks with a text": (lines(aks(text(1) + "\n"), aks(text(2))), "blue"),
    "aks with an object": (lines(aks(event(1)), aks(event(2))), "blue"),
    "aks by event hub": (lines({"records": [aks(text(1)), aks(event(2))]}), "blue"),
    "eks by subscription": (lines(subscription(text(1), text(2))), "green"),
    "eks by firehose, one behind the other": (
        json.dumps(subscription(text(1))).encode() + json.dumps(subscription(text(2))).encode(),
        "green",
    ),
    "eks by get-log-events": (
        json.dumps({"events": [{"message": text(1)}, {"message": text(2)}]}, indent=4).encode(),
        "prod",
    ),
    "eks by export, the time before the message": (
        lines(f"{stamp(START)} {text(1)}".encode(), f"{stamp(START)} {text(2)}".encode()),
        "prod",
    ),
    "fluent bit, the line in a field": (
        lines({"date": 1.5, "log": text(1) + "\n"}, {"date": 2, "log": text(2)}),
        "prod",
    ),
    "fluent bit, a list": (lines([{"date": 1, **event(1)}, {"date": 2, **event(2)}]), "prod"),
    "vector": (
        lines(
            {"file": "/var/log/audit.log", "host": "h", "message": text(1), "source_type": "file"},
            {"message": event(2), "timestamp": stamp(START)},
        ),
        "prod",
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_each_form_is_read(form, pack):
    data, cluster = FORMS[form]
    folded = read(pack(data), "" if cluster != "prod" else "prod")
    assert acts(folded, cluster) == {MINE}
    assert only(folded, cluster)[3] == 2
    assert folded.events == 2
    assert not folded.is_partial


@pytest.mark.parametrize("form", FORMS)
def test_a_cluster_that_is_named_is_believed_before_the_envelope(form):
    folded = read(FORMS[form][0], "named")
    assert set(folded.parts) == {"named"}


def test_forms_may_be_mixed_in_one_file():
    data = lines(event(1), aks(text(2)), event(3), subscription(text(4)), {"log": text(5)})
    assert only(read(data, "prod"))[3] == 5


def test_members_of_gzip_one_behind_the_other_are_one_stream():
    data = gzip.compress(lines(event(1))) + gzip.compress(lines(event(2))) + b"\0" * 512
    folded = read(data)
    assert only(folded)[3] == 2
    assert not folded.is_partial


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({}, MINE),
        (
            {
                "methodName": "io.k8s.core.v1.pods.exec.create",
                "resourceName": "core/v1/namespaces/shop/pods/web-1/exec",
            },
            "shop:web create pods/exec shop/web-1",
        ),
        (
            {
                "methodName": "io.k8s.authorization.rbac.v1.clusterroles.list",
                "resourceName": "rbac.authorization.k8s.io/v1/clusterroles",
            },
            "shop:web list clusterroles.rbac.authorization.k8s.io /",
        ),
        (
            {"methodName": "io.k8s.get", "resourceName": "healthz"},
            "shop:web get /healthz",
        ),
    ],
)
def test_what_google_writes_is_read_back(payload, said):
    assert acts(read(lines(gke(1, **payload)), ""), "red") == {said}


def test_what_google_says_was_denied_is_denied():
    entry = gke(1, status={"code": 7, "message": "forbidden"})
    del entry["labels"]
    assert acts(read(lines(entry), ""), "red") == {"shop:web not get configmaps shop/"}


def test_other_logs_beside_it_are_passed_over():
    """EKS keeps five logs in one group, and Google's log has more than Kubernetes in it."""
    other = gke(2, serviceName="container.googleapis.com")
    data = lines(
        subscription("I0302 08:00:00 controller.go:1] Starting", text(1)),
        gke(1),
        other,
        {"log": "a line of something else"},
        {"nothing": "known"},
        f"{stamp(START)} I0302 text".encode(),
    )
    folded = read(data, "prod")
    assert folded.events == 2
    assert folded.words[OTHER] == 5
    assert not folded.is_partial


def test_events_of_no_known_cluster_are_counted_and_not_used():
    folded = read(lines(event(1), aks(text(2))), "")
    assert set(folded.parts) == {"blue"}
    assert folded.words[NO_CLUSTER] == 1


def test_names_of_objects_in_lists_are_no_events():
    """An answer in the event's body is a list, too."""
    body = {"kind": "List", "items": [{"metadata": {"name": "x"}}]}
    folded = read(lines(event(1, responseObject=body, objectRef=ref())))
    assert acts(folded) == {"shop:web get configmaps shop/"}
