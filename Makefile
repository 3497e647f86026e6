# scramtoken: `make help` lists what can be made, README.md says more.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=
CARGO ?= cargo
PYTHON ?= python3
CC ?= cc

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
SONAME := libscramtoken.so.0
# What the shared library exports; the program takes the feature cli.
DOORS := capi,jni,rdkafka
INSTALLED = $(DESTDIR)$(PREFIX)
INSTALLED_LIBS = $(DESTDIR)$(LIBDIR)
LIBRARY := target/release/libscramtoken.so
PROGRAM := target/program/scramtoken
DOCUMENTED ?= $(PROGRAM)
VENV := build/venv
CFLAGS ?= -O2 -g
EXAMPLES := build/examples/login build/examples/server
WITH_TOOLS := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
# What is done next, and how long it usually takes on two cores.
say = @printf '\n== %s\n' "$(strip $1)"
, := ,

.PHONY: instructions third-party help lib program examples demo test test-builds test-long test-kubernetes check bench header install install-built uninstall \
  clean FORCE

include $(wildcard mk/*.mk)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 17

lib: $(LIBRARY) ## build target/release/libscramtoken.so

program: $(PROGRAM) ## build target/program/scramtoken, the command line

examples: $(EXAMPLES) ## build the C examples into build/examples

# Built before anything starts, and in this order: the jar has the library inside.
BUILT := lib program examples jar $(VENV)/.ready

demo: ## log in to a real Kafka broker in every way, and show a table (8 minutes the first time)
	mk/prerequisites.sh demo
	$(MAKE) --no-print-directory $(BUILT)
	$(call say,Brokers and logins: a minute; Kafka's jars are fetched the first time)
	$(VENV)/bin/python -m demo

test: ## run the tests (20 minutes the first time)
	mk/prerequisites.sh test
	$(MAKE) --no-print-directory $(BUILT)
	$(call say,Kafka's jars: fetched the first time)
	$(VENV)/bin/python -m harness.kafka.jars
	$(VENV)/bin/python tests/run.py

test-builds: ## run tests on builds of other kinds: fuzzing, sanitizers, platforms (20 minutes)
	mk/prerequisites.sh test-builds
	$(MAKE) --no-print-directory lib $(VENV)/.ready $(VENV)/.tools
	$(VENV)/bin/python tests/run.py --builds

test-long: ## run the tests that take minutes each (50 minutes)
	mk/prerequisites.sh test-long
	$(MAKE) --no-print-directory $(BUILT)
	$(VENV)/bin/python -m harness.kafka.jars
	if $(VENV)/bin/python -m tests.agent.kubernetes.real.build --cached; then \
	  $(MAKE) --no-print-directory test-kubernetes; fi
	if [[ -f dist/SHA256SUMS && $$(id -u) == 0 ]]; then $(MAKE) --no-print-directory test-release; fi
	$(VENV)/bin/python tests/run.py --long

test-kubernetes: ## run tests against a real kube-apiserver, built from Go modules (20 minutes the first time)
	mk/prerequisites.sh test-kubernetes
	$(MAKE) --no-print-directory program $(VENV)/.ready
	$(VENV)/bin/python -m harness.kafka.jars
	$(VENV)/bin/python -m tests.agent.kubernetes.real.build
	$(VENV)/bin/python tests/run.py --kubernetes

check: $(VENV)/.ready ## format, lints and unit tests: the quick loop
	$(MAKE) --no-print-directory lint-rust lint-python
	$(CARGO) test --locked --quiet --lib

header: ## write include/scramtoken.h anew from src/ffi
	SCRAMTOKEN_WRITE_HEADER=1 $(CARGO) test --locked --quiet --test header the_committed_header

instructions: lib $(VENV)/.ready ## write tests/instructions/counts.json anew, what hot operations may cost
	$(VENV)/bin/python -m tests.instructions.counting

third-party: ## write THIRD-PARTY anew, the terms of what is linked
	mkdir -p build
	CARGO=$(CARGO) $(PYTHON) packaging/third_party.py >build/THIRD-PARTY
	mv build/THIRD-PARTY THIRD-PARTY

# Where root has no cargo, as under sudo, what `make lib program` built is installed.
install: $(if $(shell command -v $(CARGO)),lib program) ## install everything for C and the shell below $(DESTDIR)$(PREFIX)
	@$(MAKE) --no-print-directory install-built

# For packagers: nothing is built. LIBRARY and PROGRAM may be those of another machine; DOCUMENTED then
# is this machine's program, which prints the man pages and completions.
install-built:
	@[[ -f $(LIBRARY) && -f $(PROGRAM) ]] || \
	  { echo "Nothing to install: run make lib program first; it takes Rust (https://rustup.rs)." >&2; \
	  exit 1; }
	install -d $(INSTALLED)/{bin,include,share/man/man1,share/doc/scramtoken} \
	  $(INSTALLED_LIBS)/{pkgconfig,cmake/scramtoken} \
	  $(INSTALLED)/share/{bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}
	install -m 755 $(LIBRARY) $(INSTALLED_LIBS)/libscramtoken.so.$(VERSION)
	ln -sf libscramtoken.so.$(VERSION) $(INSTALLED_LIBS)/$(SONAME)
	ln -sf $(SONAME) $(INSTALLED_LIBS)/libscramtoken.so
	install -m 644 include/scramtoken.h $(INSTALLED)/include
	$(call install_filled_in,scramtoken.pc,pkgconfig)
	$(call install_filled_in,scramtokenConfig.cmake,cmake/scramtoken)
	$(call install_filled_in,scramtokenConfigVersion.cmake,cmake/scramtoken)
	install -m 755 $(PROGRAM) $(INSTALLED)/bin/scramtoken
	install -m 644 LICENSE-* THIRD-PARTY $(INSTALLED)/share/doc/scramtoken
	umask 022; $(DOCUMENTED) man --out $(INSTALLED)/share/man/man1
	$(call install_completions,bash,bash-completion/completions/scramtoken)
	$(call install_completions,zsh,zsh/site-functions/_scramtoken)
	$(call install_completions,fish,fish/vendor_completions.d/scramtoken.fish)
	if [[ -z "$(DESTDIR)" && $$(id -u) == 0 ]]; then ldconfig; fi
	@case ":/usr:/usr/local:" in *":$(abspath $(PREFIX)):"*) ;; *) echo \
	  "Installed. Outside of /usr, set PKG_CONFIG_PATH=$(abspath $(LIBDIR))/pkgconfig," \
	  "CMAKE_PREFIX_PATH=$(abspath $(PREFIX)), LD_LIBRARY_PATH=$(abspath $(LIBDIR)) and PATH." ;; esac
install_completions = $(DOCUMENTED) completions $1 | install -m 644 /dev/stdin $(INSTALLED)/share/$2
# What lies below the prefix is named by it: pkg-config can then move it.
install_filled_in = sed -e 's|@VERSION@|$(VERSION)|' -e 's|@PREFIX@|$(abspath $(PREFIX))|' \
  -e 's|@LIBDIR@|$(patsubst $(abspath $(PREFIX))/%,$${prefix}/%,$(abspath $(LIBDIR)))|' \
  -e "s|@INCLUDEDIR_FROM_CMAKE@|$$(realpath -ms --relative-to=$(abspath \
  $(LIBDIR))/cmake/scramtoken $(abspath $(PREFIX))/include)|" packaging/$1.in | \
  install -m 644 /dev/stdin $(INSTALLED_LIBS)/$2/$1

uninstall: ## remove what install installed, from the same $(DESTDIR)$(PREFIX)
	rm -f $(INSTALLED_LIBS)/libscramtoken.so{,.0,.$(VERSION)} $(INSTALLED)/include/scramtoken.h \
	  $(INSTALLED_LIBS)/pkgconfig/scramtoken.pc $(INSTALLED)/bin/scramtoken \
	  $(INSTALLED)/share/man/man1/scramtoken{,-*}.1 \
	  $(INSTALLED)/share/bash-completion/completions/scramtoken \
	  $(INSTALLED)/share/zsh/site-functions/_scramtoken \
	  $(INSTALLED)/share/fish/vendor_completions.d/scramtoken.fish
	rm -rf $(INSTALLED_LIBS)/cmake/scramtoken $(INSTALLED)/share/doc/scramtoken

clean: ## remove everything that was built
	rm -rf target build dist vendor

# Cargo knows best what is stale. What is linked with the library looks for its SONAME.
$(LIBRARY): FORCE
	$(call say,The library: 2 minutes the first time)
	$(CARGO) rustc --locked --release --lib --crate-type cdylib --features $(DOORS)
	ln -sf $(@F) $(@D)/$(SONAME)

$(PROGRAM): FORCE
	$(call say,The program: 2 minutes the first time)
	$(CARGO) build --locked --profile program --bin scramtoken --features cli

# login opens the library at run time, server is linked with it.
build/examples/login: examples/c/login.c $(wildcard examples/c/*.h) include/scramtoken.h
	mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=c11 -Wall -Wextra -Iinclude -o $@ $< -ldl

build/examples/server: examples/c/server.c $(wildcard examples/c/*.h) include/scramtoken.h | $(LIBRARY)
	mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=c11 -Wall -Wextra -pthread -Iinclude -o $@ $< $(LIBRARY) \
	  -Wl,-rpath,$(CURDIR)/target/release

$(VENV)/.ready: tests/requirements.txt
	$(call say,Python packages of the tests: a minute)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(VENV)/.tools: mk/tools.txt | $(VENV)/.ready
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: \
	  --require-hashes -r $<
	touch $@
