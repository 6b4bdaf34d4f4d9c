"""Settings: read once, checked all at once, said without their values."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from bot.clusters_file import IN_CLUSTER_ALIAS, read_clusters
from bot.redaction import Redactor
from bot.settings import PREFIX, Settings, load_settings, require_for_serving, secret_names
from bot.settings_checks import as_default_text, as_duration
from bot.settings_doc import settings_page
from bot.settings_proxy import proxy_rules
from bot.wording import error_sentence
from grants.errors import SettingsInvalid
from grants.proxies import Proxy, read_proxy

ROOT = Path(__file__).parents[2]
SECRET = "xoxb-a-planted-canary-0123456789"
FOR_SERVING = {
    "PUBLIC_URL": "https://valetkey.acme.example",
    "SLACK_BOT_TOKEN": SECRET,
    "SLACK_APP_TOKEN": "xapp-1",
    "SLACK_TEAM_ID": "T0ACME",
    "SLACK_SIGNIN_CLIENT_ID": "1.2",
    "SLACK_SIGNIN_CLIENT_SECRET": "s1",
    "OIDC_ISSUER": "https://login.acme.example",
    "OIDC_CLIENT_ID": "valetkey",
    "OIDC_CLIENT_SECRET": "s2",
    "POLICY_PATH": "/etc/valetkey/policy.yaml",
}


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch):
    """Sets variables of ours, none others of ours being set."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)

    def give(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"{PREFIX}{name}", value)

    return give


def problems() -> dict[str, str]:
    with pytest.raises(SettingsInvalid) as refusal:
        load_settings()
    return {p.field: dict(p.facts)["detail"] for p in refusal.value.problems}


def test_everything_has_a_default_so_that_small_commands_need_nothing(environ):
    settings = load_settings()
    assert settings.signin_max_age == timedelta(hours=12)
    assert settings.activate_within == timedelta(minutes=15)
    assert settings.oidc_groups_claim == ("groups",)
    assert settings.web_threads == 40


def test_serving_names_everything_that_is_missing_at_once(environ):
    with pytest.raises(SettingsInvalid) as refusal:
        require_for_serving(load_settings())
    missing = {p.field for p in refusal.value.problems}
    assert missing == {f"{PREFIX}{name}" for name in FOR_SERVING}
    sentence = error_sentence(refusal.value)
    assert f"{PREFIX}PUBLIC_URL" in sentence
    assert "Socket Mode" in sentence


def test_a_worker_alone_needs_no_secret_of_the_sign_in(environ):
    only_worker = ("PUBLIC_URL", "SLACK_BOT_TOKEN", "SLACK_TEAM_ID", "POLICY_PATH")
    environ(**{name: FOR_SERVING[name] for name in only_worker})
    require_for_serving(load_settings(), surfaces=False)
    with pytest.raises(SettingsInvalid) as refusal:
        require_for_serving(load_settings())
    missing = {p.field for p in refusal.value.problems}
    assert missing == {f"{PREFIX}{name}" for name in FOR_SERVING if name not in only_worker}


def test_a_full_set_serves(environ):
    environ(**FOR_SERVING)
    settings = load_settings()
    require_for_serving(settings)
    assert settings.uses_socket_mode
    assert not settings.uses_signed_http


def test_signed_http_serves_without_socket_mode(environ):
    environ(**FOR_SERVING | {"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": "abc"})
    settings = load_settings()
    require_for_serving(settings)
    assert settings.uses_signed_http
    assert not settings.uses_socket_mode


def test_all_problems_are_told_together_each_by_its_variable(environ):
    environ(
        PUBLIC_URL="http://valetkey.acme.example",
        SIGNIN_MAX_AGE="12",
        LISTEN_PORT="70000",
        SLACK_TEAM_ID="not a team",
        OIDC_SCOPES="email",
        SLACK_BOT_TOKN="x",
    )
    found = problems()
    names = "PUBLIC_URL SIGNIN_MAX_AGE LISTEN_PORT SLACK_TEAM_ID OIDC_SCOPES SLACK_BOT_TOKN"
    assert set(found) == {f"{PREFIX}{name}" for name in names.split()}
    assert "90s, 15m, 12h" in found[f"{PREFIX}SIGNIN_MAX_AGE"]
    assert f"{PREFIX}SLACK_BOT_TOKEN?" in found[f"{PREFIX}SLACK_BOT_TOKN"]


@pytest.mark.parametrize(
    "url",
    [
        "http://valetkey.example",
        "https://valetkey.example/path",
        "https://valetkey.example?x=1",
        "https://user:pw@valetkey.example",
        "https://",
        "valetkey.example",
        "javascript:alert(1)",
    ],
)
def test_a_public_url_is_an_https_origin_alone(environ, url):
    environ(PUBLIC_URL=url)
    assert set(problems()) == {f"{PREFIX}PUBLIC_URL"}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Valetkey.Example/", "https://valetkey.example"),
        ("https://valetkey.example:443", "https://valetkey.example"),
        ("https://localhost:8443", "https://localhost:8443"),
    ],
)
def test_a_public_url_is_written_as_browsers_write_an_origin(environ, url, origin):
    environ(PUBLIC_URL=url)
    assert load_settings().public_url == origin


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("groups", ("groups",)),
        ("realm_access.roles", ("realm_access", "roles")),
        ("https://acme.example/groups", ("https://acme.example/groups",)),
    ],
)
def test_the_groups_claim_is_a_path(environ, said, path):
    environ(OIDC_GROUPS_CLAIM=said)
    assert load_settings().oidc_groups_claim == path


def test_a_groups_claim_with_an_empty_name_is_refused(environ):
    environ(OIDC_GROUPS_CLAIM="realm..roles")
    assert set(problems()) == {f"{PREFIX}OIDC_GROUPS_CLAIM"}


@pytest.mark.parametrize(
    "text", ["", "12", "-5m", "1.5h", "5 m", "m", "1h1d", "0s", "9" * 30 + "d"]
)
def test_what_is_no_duration_is_refused(environ, text):
    environ(SIGNIN_MAX_AGE=text)
    if text:
        assert set(problems()) == {f"{PREFIX}SIGNIN_MAX_AGE"}
    else:
        assert load_settings().signin_max_age == timedelta(hours=12)


@pytest.mark.parametrize("text", ["90s", "15m", "12h", "1d", "1h30m", "1d2h3m4s"])
def test_a_duration_is_read_as_it_is_written(text):
    assert as_duration(as_default_text(as_duration(text))) == as_duration(text)


@pytest.mark.security("D2")
def test_a_secret_is_in_no_text_of_the_settings_or_their_problems(environ):
    environ(**FOR_SERVING | {"DATABASE_URL": f"postgresql://u:{SECRET}@h/d"})
    settings = load_settings()
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)
    assert SECRET not in settings.model_dump_json()
    assert SECRET in settings.secrets()
    environ(LISTEN_PORT=SECRET, SLACK_TEAM_ID=SECRET)
    with pytest.raises(SettingsInvalid) as refusal:
        load_settings()
    assert SECRET not in f"{refusal.value!r} {error_sentence(refusal.value)}"


@pytest.mark.security("D2")
def test_every_field_that_sounds_secret_is_a_secret():
    words = ("token", "tokens", "secret", "database_url", "_proxy")
    sounds = {name for name in Settings.model_fields if name.endswith(words)}
    assert sounds == set(secret_names())


def test_a_secret_comes_from_a_file(environ, tmp_path):
    path = tmp_path / "token"
    path.write_text(f"{SECRET}\n")
    environ(SLACK_BOT_TOKEN_FILE=str(path))
    settings = load_settings()
    assert settings.slack_bot_token is not None
    assert settings.slack_bot_token.get_secret_value() == SECRET


def test_a_secrets_file_that_is_missing_empty_or_doubled_is_named(environ, tmp_path):
    (tmp_path / "empty").touch()
    environ(
        SLACK_BOT_TOKEN_FILE=str(tmp_path / "missing"),
        SLACK_APP_TOKEN_FILE=str(tmp_path / "empty"),
        OIDC_CLIENT_SECRET_FILE=str(tmp_path / "empty"),
        OIDC_CLIENT_SECRET="x",
    )
    found = problems()
    assert "FileNotFoundError" in found[f"{PREFIX}SLACK_BOT_TOKEN_FILE"]
    assert "is empty" in found[f"{PREFIX}SLACK_APP_TOKEN_FILE"]
    assert "is set as well" in found[f"{PREFIX}OIDC_CLIENT_SECRET_FILE"]


def test_variables_that_kubernetes_sets_beside_our_service_are_no_settings(environ):
    environ(
        SERVICE_HOST="10.0.0.1",
        SERVICE_PORT="80",
        SERVICE_PORT_HTTP="80",
        PORT="tcp://10.0.0.1:80",
        PORT_80_TCP="tcp://10.0.0.1:80",
        PORT_80_TCP_ADDR="10.0.0.1",
        METRICS_SERVICE_HOST="10.0.0.2",
        METRICS_PORT_9090_TCP_PROTO="tcp",
    )
    load_settings()


def test_settings_are_frozen(environ):
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.listen_port = 1


def test_a_file_that_a_setting_names_must_be_there(environ, tmp_path):
    environ(OIDC_CA_FILE=str(tmp_path / "none.pem"), CLUSTERS_PATH=str(tmp_path))
    assert set(problems()) == {f"{PREFIX}OIDC_CA_FILE", f"{PREFIX}CLUSTERS_PATH"}


def test_the_page_is_what_the_settings_say():
    assert (ROOT / "docs" / "settings.md").read_text() == settings_page(), (
        "run: python -m bot.settings_doc > docs/settings.md"
    )


def test_every_setting_says_what_it_is_for():
    for name, field in Settings.model_fields.items():
        assert field.description, name
        if isinstance(field.default, timedelta):
            assert f"`{as_default_text(field.default)}`" in field.description, name


def test_importing_settings_brings_no_large_library():
    code = "import bot.settings, sys; print(sorted({n.partition('.')[0] for n in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    for library in ("kubernetes", "sqlalchemy", "slack_sdk", "falcon", "requests", "authlib"):
        assert f"'{library}'" not in done.stdout


def test_without_a_clusters_file_there_is_the_cluster_that_we_run_in():
    clusters = read_clusters(None)
    assert list(clusters) == [IN_CLUSTER_ALIAS]
    assert clusters[IN_CLUSTER_ALIAS].in_cluster


def test_clusters_are_read_with_paths_from_the_file_on(tmp_path):
    path = tmp_path / "clusters.yaml"
    path.write_text(
        "clusters:\n"
        "  production:\n"
        "    kubeconfig: production.kubeconfig\n"
        "    context: valetkey\n"
        "    endpoints: ['https://10.0.0.1:6443', 'https://10.0.0.2:6443']\n"
        "  tools: {in_cluster: true}\n"
    )
    clusters = read_clusters(path)
    assert clusters["production"].kubeconfig == tmp_path / "production.kubeconfig"
    assert clusters["production"].endpoints == ("https://10.0.0.1:6443", "https://10.0.0.2:6443")
    assert clusters["tools"].in_cluster


def test_a_cluster_has_time_outs_threads_and_a_proxy_of_its_own(tmp_path):
    path = tmp_path / "clusters.yaml"
    path.write_text(
        "clusters:\n"
        "  far:\n"
        "    in_cluster: true\n"
        "    proxy: http://me:canary-word@proxy.example:3128\n"
        "    threads: 8\n"
        "    pool_size: 16\n"
        "    timeouts: {connect: 4s, read: 10s, whole_list: 1m, ready: 3s, plugin: 20s}\n"
        "  near: {in_cluster: true}\n"
    )
    far, near = read_clusters(path).values()
    assert (far.threads, far.pool_size) == (8, 16)
    assert far.timeouts.whole_list == timedelta(minutes=1)
    assert far.proxy is not None
    assert read_proxy(far.proxy.get_secret_value()).password == "canary-word"
    assert "canary-word" not in f"{far!r} {far.model_dump_json()}"
    assert (near.threads, near.pool_size, near.proxy) == (None, 8, None)
    assert near.timeouts.connect == timedelta(seconds=2)


@pytest.mark.security("D2")
def test_a_proxy_that_is_refused_is_not_quoted(environ, tmp_path):
    environ(SLACK_PROXY=f"https://me:{SECRET}@proxy", OIDC_PROXY=f"http://me:{SECRET}@")
    found = problems()
    assert set(found) == {f"{PREFIX}SLACK_PROXY", f"{PREFIX}OIDC_PROXY"}
    assert SECRET not in str(found)
    path = tmp_path / "clusters.yaml"
    path.write_text(f"clusters: {{a: {{in_cluster: true, proxy: 'https://me:{SECRET}@p'}}}}")
    with pytest.raises(SettingsInvalid) as refusal:
        read_clusters(path)
    assert SECRET not in error_sentence(refusal.value)


@pytest.mark.security("D2")
def test_a_proxys_password_is_a_secret_of_the_log(environ):
    environ(**FOR_SERVING | {"SLACK_PROXY": f"http://me:{SECRET}@proxy:3128"})
    settings = load_settings()
    assert SECRET not in repr(settings)
    assert SECRET not in Redactor(settings.secrets()).text(f"x {SECRET} y")
    assert proxy_rules(settings.slack_proxy).choose("https://slack.com") == Proxy(
        "proxy", 3128, "me", SECRET
    )


def test_the_environments_proxy_counts_where_none_is_set_and_a_wrong_one_is_refused(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://env:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    assert proxy_rules().choose("https://slack.com") == Proxy("env", 3128)
    assert proxy_rules(SecretStr("http://own:1")).choose("https://slack.com") == Proxy("own", 1)
    assert proxy_rules(SecretStr("http://own:1")).choose("https://inside.example") is None
    monkeypatch.setenv("HTTPS_PROXY", f"socks5://{SECRET}@env")
    with pytest.raises(SettingsInvalid) as refusal:
        proxy_rules()
    said = error_sentence(refusal.value)
    assert "HTTPS_PROXY" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clusters: [", "no YAML"),
        ("clusters: {}", "clusters"),
        ("nothing: 1", "nothing"),
        ("clusters: {a: {}}", "in_cluster: true or kubeconfig"),
        ("clusters: {a: {in_cluster: true, kubeconfig: x}}", "in_cluster: true or kubeconfig"),
        ("clusters: {a: {in_cluster: true, context: x}}", "context goes with kubeconfig"),
        ("clusters: {a: {in_cluster: true, endpoints: ['http://10.0.0.1']}}", "endpoints"),
        ("clusters: {'A b': {in_cluster: true}}", "A b"),
        ("clusters: {a: {in_cluster: true, colour: red}}", "colour"),
        ("clusters: {a: {in_cluster: true, threads: 0}}", "clusters.a.threads"),
        ("clusters: {a: {in_cluster: true, pool_size: 65}}", "clusters.a.pool_size"),
        ("clusters: {a: {in_cluster: true, timeouts: {read: 2}}}", "clusters.a.timeouts.read"),
        ("clusters: {a: {in_cluster: true, timeouts: {read: 0s}}}", "clusters.a.timeouts.read"),
        ("clusters: {a: {in_cluster: true, timeouts: {read: 31s}}}", "clusters.a.timeouts.read"),
        ("clusters: {a: {in_cluster: true, proxy: 'socks5://p'}}", "clusters.a.proxy"),
    ],
)
def test_a_clusters_file_that_is_wrong_is_refused_with_its_place(tmp_path, text, said):
    path = tmp_path / "clusters.yaml"
    path.write_text(text)
    with pytest.raises(SettingsInvalid) as refusal:
        read_clusters(path)
    assert said in error_sentence(refusal.value)
    assert f"{PREFIX}CLUSTERS_PATH" in error_sentence(refusal.value)


def test_former_installations_are_named_by_their_ids(environ):
    environ(FORMER_INSTALLATIONS="inst-abcdefghabcdefghabcdefghab inst-bbcdefghabcdefghabcdefghab")
    assert len(load_settings().former_installations) == 2
    for wrong in ("prod", "inst-short", "gra-abcdefghabcdefghabcdefghab"):
        environ(FORMER_INSTALLATIONS=wrong)
        with pytest.raises(SettingsInvalid) as said:
            load_settings()
        assert said.value.problems[0].field == "VALETKEY_FORMER_INSTALLATIONS"


def test_clocks_are_not_held_nearer_together_than_api_servers_tell_the_time(environ):
    environ(SKEW_ALARM="1s")
    assert load_settings().skew_alarm == timedelta(seconds=1)
    environ(SKEW_ALARM="0s")
    with pytest.raises(SettingsInvalid):
        load_settings()
