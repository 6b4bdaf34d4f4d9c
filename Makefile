# Every command that a developer, pre-commit or CI runs. `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# uv from PATH if it is new enough, else from a virtual environment in .cache.
UV ?= tools/uv
# Brings the locked environment up to date first, so that every target works on a fresh clone.
RUN = $(UV) run --quiet --locked --all-extras
PYTEST = $(RUN) python -m pytest
FAST = $(wildcard $(addprefix tests/,model authz policy verbs properties surfaces house))
# What decides is covered by its pure tests, not by chance from afar.
COVERED = policy access authz
COVERING = $(addprefix tests/,model policy authz verbs properties)
# Slack's two transports wait on real sockets: `make test` runs them.
WAITING = $(addprefix tests/surfaces/slack/test_,socket_mode.py http.py delivery_faults.py)
# More options for pytest, as in `make test ARGS="-k relay -x"`.
ARGS ?=
FAULT_ROUNDS ?= 5
MINUTES ?= 30
ROUNDS ?= 3
SEEDS ?= 20
AGREEMENT_ROUNDS ?= 16

.PHONY: help setup check format lint types layers test test-fast coverage test-cold faults agreement replicas bench soak outages truth playground pictures fix

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## Get all that tests and the playground need: Python, browser, control plane, provider
	$(UV) sync --locked --all-extras
	$(RUN) python -m compileall -q bot grants
	tools/chromium
	$(RUN) python -m bot.playground.idp ensure
	$(RUN) python -m bot.playground.controlplane ensure

check: format lint types layers test-fast ## Format, lint, types, layers, fast tests: under a minute

format: ## Whether every file is formatted (`make fix` formats)
	$(RUN) ruff format --check --quiet .

lint: ## ruff
	$(RUN) ruff check --quiet .

types: ## mypy, strict
	$(RUN) mypy --no-error-summary

layers: ## Who may import whom
	@$(RUN) lint-imports --no-logo

test-fast: ## The fast tests alone
	$(PYTEST) $(FAST) $(WAITING:%=--ignore=%) -q --durations=10 \
	  -m "not needs_node and not needs_browser" $(ARGS)

coverage: ## Branch coverage of what decides, by its own tests: each room at least 95 %
	$(PYTEST) $(COVERING) -q --cov-branch --cov-report= $(COVERED:%=--cov=grants/%)
	@for room in $(COVERED); do $(RUN) coverage report --include="grants/$$room/*" --fail-under=95; done

test: setup coverage ## Set up, then every test
	$(PYTEST) --durations=10 $(ARGS)

test-cold: ## `make test` of HEAD in a fresh clone, with an empty HOME and no caches
	tools/test-cold $(ARGS)

faults: setup ## The long form of the fault tests: each point FAULT_ROUNDS (5) times, on each database
	VALETKEY_FAULT_ROUNDS=$(FAULT_ROUNDS) $(PYTEST) tests/faults --timeout=0 $(ARGS)

bench: setup ## Figures against the same calls made bare, into docs/bench.md: three quarters of an hour alone
	$(RUN) python -m tests.bench --write docs/bench.md $(ARGS)

soak: setup ## An hour at twenty actions a second, then ten minutes with rate limits on
	$(RUN) python -m tests.bench.soak --plot docs/plots/soak.svg $(ARGS)

agreement: setup ## Many questions to ours and to a real API server, AGREEMENT_ROUNDS (16) rounds, into docs/authz.md
	VALETKEY_TEST_AGREEMENT_ROUNDS=$(AGREEMENT_ROUNDS) VALETKEY_TEST_AGREEMENT_REPORT=docs/authz.md \
	  $(PYTEST) tests/cluster/test_agreement.py -s --timeout=0 $(ARGS)

replicas: setup ## Three replicas killed, paused and rolled under load, MINUTES (30) long, into docs/replicas.md
	VALETKEY_TEST_REPLICA_MINUTES=$(MINUTES) VALETKEY_TEST_REPLICA_REPORT=docs/replicas.md \
	  $(PYTEST) tests/replicas/test_replicas.py -k in_turn -s --timeout=0 $(ARGS)

outages: setup ## Each part the bot depends on fails, each fault ROUNDS (3) times, into docs/outages.md: an hour
	VALETKEY_TEST_OUTAGE_ROUNDS=$(ROUNDS) VALETKEY_TEST_OUTAGE_REPORT=docs/outages.md \
	  $(PYTEST) tests/outages/test_outages.py -s --timeout=0 $(ARGS)

truth: setup ## SEEDS (20) clusters of known truth, scanned, and what was told held against it, into docs/review-truth.md
	VALETKEY_TEST_TRUTH_SEEDS=$(SEEDS) VALETKEY_TEST_TRUTH_REPORT=docs/review-truth.md \
	  $(PYTEST) tests/review/truth/test_truth.py -k nothing_wrong -s --timeout=0 $(ARGS)

playground: ## Everything on this machine, in the browser: no account anywhere
	$(UV) sync --locked --all-extras
	$(RUN) python -m compileall -q bot grants
	$(RUN) valetkey playground $(ARGS)

pictures: setup ## Take the README's pictures anew, by the browser tests
	VALETKEY_PICTURES=docs/pictures $(PYTEST) tests/browser $(ARGS)

fix: ## Format, and mend what ruff can mend safely
	$(RUN) ruff format .
	$(RUN) ruff check --fix .
