# scramtoken: see README.md. `make help` lists what can be made.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules

PREFIX ?= /usr/local
DESTDIR ?=
CARGO ?= cargo
PYTHON ?= python3
VENV := build/venv
LIBRARY := target/release/libscramtoken.so

.PHONY: help lib demo test test-long check bench header install clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

lib: ## build target/release/libscramtoken.so
	$(CARGO) rustc --release --lib --crate-type cdylib

$(VENV)/.ready: tests/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@

header: ## write include/scramtoken.h anew from src/ffi
	SCRAMTOKEN_WRITE_HEADER=1 $(CARGO) test --quiet --test header the_committed_header

clean: ## remove everything that was built
	rm -rf target build
