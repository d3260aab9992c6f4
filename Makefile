# Two commands from a fresh checkout: `make demo` and `make test`. Each installs what it needs into .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST_ARGS ?=
CLIP ?=

.PHONY: help install demo test lint types train evaluate bench clean

help:
	@echo "make demo [CLIP=file]   segment a real clip into demo_output/"
	@echo "make test               style, types and tests"
	@echo "make lint | types       one part of make test"
	@echo "make train | evaluate | bench ARGS='...'"
	@echo "make clean              remove .venv and caches"

install: $(STAMP)

# torch goes first and alone, by its exact version: as somebody's dependency pip would pick the newest build.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "PointSeg needs Python 3.10 or newer; give one with make PYTHON=...")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) \
		|| { echo 'No virtual environment could be made; on Debian or Ubuntu: sudo apt-get install -y python3-venv'; exit 1; }
	$(BIN)/python -m pip install --quiet -c constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test]"
	@touch $@

demo: $(STAMP)
	$(BIN)/python Testing/demo.py $(if $(CLIP),"$(CLIP)")

test: lint types
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

train: $(STAMP)
	$(BIN)/pointseg train $(ARGS)

evaluate: $(STAMP)
	$(BIN)/pointseg evaluate $(ARGS)

bench: $(STAMP)
	$(BIN)/pointseg benchmark $(ARGS)

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache build *.egg-info
