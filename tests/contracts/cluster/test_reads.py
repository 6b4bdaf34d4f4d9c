"""What a cluster says of itself, of roles and namespaces, and of what somebody may do."""

from grants.access.cluster_port import BindingPlace
from grants.authz.model import Question, RoleRef
from tests.support.cluster_lab import (
    POD_RULES,
    SECRET_RULES,
    VIEW,
    Lab,
    ask_pods,
    eventually,
    eventually_allowed,
    eventually_denied,
    new_person,
    new_word,
)


def test_a_cluster_is_known_by_its_uid(lab: Lab) -> None:
    assert lab.cluster.uid()
    assert lab.cluster.uid() == lab.cluster.uid()


def test_one_server_is_known_where_none_were_configured(lab: Lab) -> None:
    assert len(lab.cluster.endpoints()) == 1
    assert not lab.cluster.knows_all_endpoints()
    assert lab.cluster.ready(lab.cluster.endpoints()[0])


def test_a_role_is_read_with_its_rules(lab: Lab) -> None:
    ref = lab.put_role("reader", POD_RULES)
    read = lab.cluster.role(ref, lab.namespace)
    assert read is not None
    assert (read.ref, read.rules) == (ref, POD_RULES)
    assert read.read_at.tzinfo is not None


def test_other_rules_are_another_digest(lab: Lab) -> None:
    pods = lab.cluster.role(lab.put_role("pods", POD_RULES), lab.namespace)
    secrets = lab.cluster.role(lab.put_role("secrets", SECRET_RULES), lab.namespace)
    assert pods is not None
    assert secrets is not None
    assert pods.digest != secrets.digest


def test_a_cluster_role_is_read_whatever_the_namespace(lab: Lab) -> None:
    read = lab.cluster.role(VIEW, None)
    assert read is not None
    assert read.rules
    again = lab.cluster.role(VIEW, lab.namespace)
    assert again is not None
    assert again.digest == read.digest


def test_a_role_that_is_not_there_is_none(lab: Lab) -> None:
    missing = RoleRef("Role", "no-such-role")
    assert lab.cluster.role(missing, lab.namespace) is None
    assert lab.cluster.role(missing, None) is None
    assert lab.cluster.role(RoleRef("ClusterRole", "no such: role"), None) is None


def test_a_namespace_is_there_or_is_not(lab: Lab) -> None:
    assert lab.cluster.has_namespace(lab.namespace)
    assert not lab.cluster.has_namespace("no-such-namespace")


def test_a_namespace_that_is_ending_is_not_there_any_more(lab: Lab) -> None:
    lab.let_namespace_end()
    assert not lab.cluster.has_namespace(lab.namespace)
    assert lab.namespace not in lab.cluster.namespaces()


def test_namespaces_are_listed(lab: Lab) -> None:
    assert {lab.namespace, "kube-system"} <= set(lab.cluster.namespaces())


def test_answers_come_in_the_order_of_the_questions(lab: Lab) -> None:
    person = new_person()
    role = lab.put_role("reader", POD_RULES)
    lab.put_binding(BindingPlace("reader", lab.namespace), role, (f"User:{person}",))
    eventually_allowed(lab, person)
    verbs = ("get", "delete", "list", "watch") * 5
    questions = tuple(Question(v, resource="pods", namespace=lab.namespace) for v in verbs)
    answers = lab.cluster.ask(person, (), questions, lab.cluster.endpoints()[0])
    assert tuple(a.question for a in answers) == questions
    assert [a.allowed for a in answers] == [v in {"get", "list"} for v in verbs]


def test_no_question_has_no_answer(lab: Lab) -> None:
    assert lab.cluster.ask(new_person(), (), (), lab.cluster.endpoints()[0]) == ()


def test_a_denied_question_says_no_reason(lab: Lab) -> None:
    answer = ask_pods(lab, new_person())
    assert (answer.allowed, answer.reason) == (False, "")


def test_groups_count_when_they_are_asked_with(lab: Lab) -> None:
    person, group = new_person(), f"oidc:{new_word()}"
    role = lab.put_role("reader", POD_RULES)
    lab.put_binding(BindingPlace("of-group", lab.namespace), role, (f"Group:{group}",))
    eventually(lambda: ask_pods(lab, person, groups=(group,)).allowed, "the group is allowed")
    assert ask_pods(lab, person, groups=(group,)).reason.endswith(f'to Group "{group}"')
    assert not ask_pods(lab, person).allowed


def test_everybody_who_is_signed_in_counts(lab: Lab) -> None:
    role = lab.put_role("reader", POD_RULES)
    place = BindingPlace("of-all", lab.namespace)
    lab.put_binding(place, role, ("Group:system:authenticated",))
    answer = eventually_allowed(lab, new_person())
    assert answer.reason.endswith('to Group "system:authenticated"')


def test_a_service_account_is_a_subject_by_its_long_name(lab: Lab) -> None:
    role = lab.put_role("reader", POD_RULES)
    place = BindingPlace("of-account", lab.namespace)
    lab.put_binding(place, role, (f"ServiceAccount:{lab.namespace}/robot",))
    answer = eventually_allowed(lab, f"system:serviceaccount:{lab.namespace}:robot")
    assert answer.reason.endswith(f'to ServiceAccount "robot/{lab.namespace}"')
    found = lab.cluster.binding(place)
    assert found is not None
    assert found.subjects == (f"ServiceAccount:{lab.namespace}/robot",)


def test_a_binding_to_a_role_that_is_not_there_comes_alive_with_it(lab: Lab) -> None:
    person = new_person()
    place = BindingPlace("dangling", lab.namespace)
    lab.put_binding(place, RoleRef("Role", "later"), (f"User:{person}",))
    assert not ask_pods(lab, person).allowed
    lab.put_role("later", POD_RULES)
    eventually_allowed(lab, person)
    lab.remove_role("later")
    eventually_denied(lab, person)


def test_a_path_is_asked_for_as_a_path(lab: Lab) -> None:
    question = Question("get", path="/no-such-path")
    (answer,) = lab.cluster.ask(new_person(), (), (question,), lab.cluster.endpoints()[0])
    assert not answer.allowed
