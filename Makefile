# Every target sets up what it needs; `make` alone tells what there is.

# Debian keeps nft, dnsmasq and sysctl where a plain user's PATH does not look.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin

PYTHON := .venv/bin/python
# More tests at once than cores: a lab test mostly waits.
PYTEST := $(PYTHON) -m pytest -n 6 --dist worksteal

.DEFAULT_GOAL := help
# Each target with a help text is one.
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*\#\# .*/\1/p' $(MAKEFILE_LIST))

help: ## print this list
	@echo 'make TARGET, which is one of:'
	@sed -n 's/^\([a-z0-9-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 22

setup: ## install what is missing: Debian packages (as root or by sudo) and .venv
	@scripts/setup.sh

demo: setup ## watch netswapd at work in a lab: an outage, its end, a pulled cable (under a minute)
	@$(PYTHON) -m tests.lab.demo

test: setup ## all that CI runs: linters, types, unit, scenario, contract and lab tests
	@$(PYTEST)

unit: setup ## the quick tests: unit, scenarios and hostile input
	@$(PYTHON) -m pytest -q tests/unit tests/scenarios tests/fuzz

lint: setup ## linters, types and layers
	@$(PYTHON) -m pytest -q tests/test_linters.py tests/test_layers.py

lab: setup ## a shell in a lab, with nmcli, netswapctl and cut, heal, pull, plug
	@$(PYTHON) -m tests.lab.shell

bench: setup ## measure in the lab; prints a table, writes build/bench.json
	@$(PYTHON) -m bench

sim: setup ## simulate the probing, draws docs/detection.svg (LOG=ping.log: over a line of yours)
	@$(PYTHON) -m bench.sim$(if $(LOG),.replay '$(LOG)')

bench-links: setup ## measure what probing 1 to 64 links costs; draws docs/links.svg
	@$(PYTHON) -m bench.links

bench-ipv6: setup ## measure how IPv6 is refused, and how it follows a swap
	@$(PYTHON) -m bench.ipv6

bench-leaks: setup ## an hour of traffic, 50 swaps (MINUTES=5: quicker): what leaked by a guarded link
	@$(PYTHON) -m bench.leaks

bench-long: setup ## hours of netswapd with an outage every 5 minutes (MINUTES=30: less; SLOT_S=20)
	@$(PYTHON) -m bench.long

bench-flood: setup ## what strangers' echo replies cost, 10,000 sent a second
	@$(PYTHON) -m bench.flood

bench-connections: setup ## measure when connections are told of a swap
	@$(PYTHON) -m bench.connections

bench-compare: setup ## measure netswap beside others in one run; writes build/compare.md
	@$(PYTHON) -m bench.compare

bench-brownout: setup ## measure how soon a link is left that loses 40 % of all packets
	@$(PYTHON) -m bench.brownout

bench-restarts: setup ## measure how long after each kind of restart all is right again
	@$(PYTHON) -m bench.restarts

chaos: setup ## faults at random, and a watcher (SEED=7 MINUTES=45; REPLAY=FILE); build/chaos/SEED.log
	@$(PYTHON) -m tests.chaos

chaos-shrink: setup ## find the fewest faults of a transcript that still break a promise (LOG=FILE)
	@$(PYTHON) -m tests.chaos.shrink $(LOG)

chaos-tally: setup ## what the transcripts tell of each fault: tried, survived, how soon right (LOGS="FILE FILE")
	@$(PYTHON) -m tests.chaos.tally

# For how many minutes each property is tried, and which files of tests/fuzz; all by default.
MINUTES ?= 1
TARGET ?=

fuzz: setup ## hostile input, led by coverage (MINUTES=10 TARGET=replies: longer, and one only)
	@scripts/setup.sh --extra fuzz atheris
	@$(PYTHON) -m tests.fuzz --minutes $(MINUTES) $(TARGET)

HOURS ?= 24

long: setup ## a day of simulated time on the real driver loop, in some minutes (HOURS=24)
	@HOURS=$(HOURS) $(PYTHON) -m pytest -q -rA tests/long

fuzz-replies: setup ## ten million echo replies that are none, and how many of them are believed
	@$(PYTHON) -m bench.liars

audit: setup ## whether anything that netswap is made of or with is known to be vulnerable
	@scripts/setup.sh --extra audit pip_audit
	@scripts/audit.sh

bench-notify: setup ## measure from a swap to its notification, and what a hung hook costs a swap
	@$(PYTHON) -m bench.notify

bench-history: setup ## measure what the history costs, and how big it gets
	@$(PYTHON) -m bench.history

pictures: setup ## draw docs/pictures anew, in a lab, on a virtual display and in a browser
	@scripts/pictures.sh
	@$(PYTHON) -m pip install --quiet playwright
	@$(PYTHON) -m bench.recorded
	@$(PYTHON) -m bench.pictures

# What it is installed with: the system's own Python.
PYTHON3 ?= /usr/bin/python3
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib/netswap
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/netswap
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
# systemd looks below no other PREFIX than these (systemd.unit(5)).
UNITPREFIX := $(if $(filter /usr /usr/local,$(PREFIX)),$(PREFIX),/usr/local)
SYSTEMDUNITDIR ?= $(UNITPREFIX)/lib/systemd/system
USERUNITDIR ?= $(UNITPREFIX)/lib/systemd/user
SYSUSERSDIR ?= $(UNITPREFIX)/lib/sysusers.d
DBUSINTERFACEDIR ?= $(PREFIX)/share/dbus-1/interfaces
# Whatever PREFIX is: the bus, polkit and NetworkManager look for these nowhere else.
DBUSPOLICYDIR ?= /usr/share/dbus-1/system.d
POLKITACTIONDIR ?= /usr/share/polkit-1/actions
POLKITRULESDIR ?= /usr/share/polkit-1/rules.d
DISPATCHERDIR ?= /usr/lib/NetworkManager/dispatcher.d
AUTOSTARTDIR ?= /etc/xdg/autostart
SYSCONFDIR ?= /etc/netswap
PLACES := DESTDIR PYTHON3 BINDIR SBINDIR LIBDIR MANDIR DOCDIR SYSCONFDIR SYSTEMDUNITDIR \
	USERUNITDIR AUTOSTARTDIR SYSUSERSDIR DBUSINTERFACEDIR DBUSPOLICYDIR POLKITACTIONDIR POLKITRULESDIR DISPATCHERDIR \
	BASHCOMPDIR ZSHCOMPDIR FISHCOMPDIR
WITH_PLACES = $(foreach place,$(PLACES),$(place)='$($(place))')

# Nothing is to be taken for a quote, a formula or a link that is not meant as one.
MARKDOWN := markdown-smart-tex_math_dollars-implicit_header_references
PAGES := $(patsubst docs/man/%.md,build/man/%,$(wildcard docs/man/*.md))

man: $(PAGES) ## build the man pages: build/man

build/man/%: docs/man/%.md
	@command -v pandoc >/dev/null || { echo 'no pandoc'; echo 'hint: apt install pandoc'; exit 1; } >&2
	@mkdir -p build/man
	pandoc --standalone --from $(MARKDOWN) --to man --metadata hyphenate=false --fail-if-warnings \
		--output $@.$$$$ $< && mv $@.$$$$ $@

LOCALES := $(patsubst po/%.po,build/locale/%/LC_MESSAGES/netswap.mo,$(wildcard po/*.po))

locale: $(LOCALES) ## compile the translations: build/locale

build/locale/%/LC_MESSAGES/netswap.mo: po/%.po
	@command -v msgfmt >/dev/null || { echo 'no msgfmt'; echo 'hint: apt install gettext'; exit 1; } >&2
	@mkdir -p $(@D)
	msgfmt --check --output-file $@.$$$$ $< && mv $@.$$$$ $@

install: man locale ## as root: install, under PREFIX (/usr/local) and where the system looks
	@$(WITH_PLACES) scripts/install.sh install

uninstall: ## as root: take away what install put there, but not your configuration
	@$(WITH_PLACES) scripts/install.sh uninstall

deb: ## build the Debian package: build/deb
	@scripts/deb.sh

test-deb: deb man locale ## as root or by sudo: install the package in a Debian 13 of its own, and use it
	@scripts/test-deb.sh

clean: ## remove what the other targets made here, .venv too
	rm -rf .venv build netswap.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
