# Every target sets up what it needs; `make` alone tells what there is.

# Debian keeps nft, dnsmasq and sysctl where a plain user's PATH does not look.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin

PYTHON := .venv/bin/python
# More tests at once than cores: a lab test mostly waits.
PYTEST := $(PYTHON) -m pytest -n 6 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup demo test unit lint lab bench clean

help: ## print this list
	@echo 'make TARGET, which is one of:'
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## install what is missing: Debian packages (as root or by sudo) and .venv
	@scripts/setup.sh

demo: setup ## watch netswapd at work in a lab: an outage, its end, a pulled cable (under a minute)
	@$(PYTHON) -m tests.lab.demo

test: setup ## all that CI runs: linters, types, unit, scenario, contract and lab tests
	@$(PYTEST)

unit: setup ## the quick tests: unit and scenarios
	@$(PYTHON) -m pytest -q tests/unit tests/scenarios

lint: setup ## linters, types and layers
	@$(PYTHON) -m pytest -q tests/test_linters.py tests/test_layers.py

lab: setup ## a shell in a lab, with nmcli, netswapctl and cut, heal, pull, plug
	@$(PYTHON) -m tests.lab.shell

bench: setup ## measure in the lab; prints a table, writes build/bench.json
	@$(PYTHON) -m bench

clean: ## remove what the other targets made here, .venv too
	rm -rf .venv build netswap.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
