# `make help` lists what there is; every target sets up what it needs.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup run test chaos fuzz bench replay lint format ui migrate lock audit secrets clean
PORT ?= 8080
WORKERS ?= 2
IN_PROJECT := . ./environment.sh &&

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

setup: ## make .venv with the pinned packages (does nothing when it is there)
	@bin/setup

run: setup ## ten years of bars -> checks -> features -> models -> predictions -> report (SOURCE=, UNIVERSE=, CSV_FOLDER=, YEARS=)
	@$(IN_PROJECT) exec bin/run_mill

test: setup ## the tests (LONG=1: with those that take minutes each, as .ci/run does)
	@$(IN_PROJECT) python -m pytest $(if $(LONG),,-m "not long") -n $(WORKERS) --dist loadfile --no-loadscope-reorder

chaos: setup ## kill the chain at random moments, and break what it stands on (KILLS=100, SEED=7)
	@$(IN_PROJECT) CHAOS_KILLS=$(or $(KILLS),100) CHAOS_SEED=$(or $(SEED),7) python -m pytest tests/chaos tests/system/test_services.py -v

fuzz: setup ## hostile files and answers, drawn by a seed (CASES=10000, SEED=7)
	@$(IN_PROJECT) FUZZ_CASES=$(or $(CASES),10000) FUZZ_SEED=$(or $(SEED),7) python -m pytest tests/fuzz -v

bench: setup ## measure what is claimed to be fast, beside others, into docs/benchmarks.md (QUICK=1: without the largest sizes)
	@$(IN_PROJECT) python -m bench $(if $(QUICK),--quick)

replay: setup ## say a published prediction again and compare (MODEL=, SYMBOL=, AT=2018-06-15)
	@$(IN_PROJECT) exec python -m ml.replay '$(MODEL)' '$(SYMBOL)' '$(AT)'

lint: setup ## ruff, mypy, import-linter
	@$(IN_PROJECT) ruff check . && ruff format --check . && mypy && lint-imports --no-logo

format: setup ## let ruff order and format the code
	@$(IN_PROJECT) ruff check --fix . ; ruff format .

ui: setup ## Airflow with scheduler and UI on http://127.0.0.1:8080 (PORT=)
	@$(IN_PROJECT) exec bin/ui "$(PORT)"

migrate: setup ## bring Airflow's database for this shell up to date
	@$(IN_PROJECT) bin/migrate

lock: setup ## resolve requirements.in anew into requirements.txt
	@$(IN_PROJECT) bin/lock

audit: setup ## look the pinned packages up in the database of known vulnerabilities
	@$(IN_PROJECT) bin/audit

secrets: ## fill the empty secrets of .env, for docker compose
	@bin/make_secrets

clean: ## remove .venv and Airflow's homes; never the lake
	rm -rf .venv .airflow
