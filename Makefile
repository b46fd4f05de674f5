# Needs git, make and Python 3.11 or later; everything else is installed here, as the lock says.
SHELL := /bin/bash
PYTHON ?= python3
UV := .tools/bin/uv
RUN := .venv/bin/
UV_VERSION := 0.13.9

export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := 1
export UV_NO_CONFIG := 1
export TQDM_MININTERVAL := 1

.DEFAULT_GOAL := help
.PHONY: help setup report app test browser lint types unit notebooks-test lab notebooks data benchmarks clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-15s %s\n", $$1, $$2}'

$(UV):
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.synced: $(UV) uv.lock pyproject.toml
	$(UV) sync --quiet --locked --python $(PYTHON) --extra notebooks
	@touch $@

setup: .venv/.synced  ## Install everything, locked

report: setup  ## Plan the default centre and write reports/: the plan and an offline page a notebook
	$(RUN)planning report

test: lint types unit notebooks-test  ## Run every check

lint: setup  ## Check format and style
	$(RUN)ruff format --check .
	$(RUN)ruff check .

types: setup  ## Check the types
	$(RUN)mypy

unit: setup  ## Run the tests and the doctests
	$(RUN)pytest -n 2 --dist loadscope --doctest-modules tests/unit tests/properties tests/reference tests/guards planning

notebooks-test: setup  ## Compare the notebooks with their stored outputs
	PLANNING_PNG=0 TQDM_DISABLE=1 $(RUN)pytest -p nbval --nbval --nbval-current-env \
		--nbval-cell-timeout=1800 -n 2 --dist loadfile notebooks tests/notebooks

browser: setup  ## Test the what-if page in a real browser: needs Debian's chromium and fonts-dejavu-core
	$(RUN)pytest -n 0 tests/browser

app: setup  ## Serve the what-if page on this machine
	$(RUN)planning app

lab: setup  ## Open JupyterLab on the notebooks
	cd notebooks && ../$(RUN)jupyter lab

notebooks: setup  ## Execute the notebooks anew and store their outputs
	TQDM_DISABLE=1 $(RUN)planning notebooks

data: setup  ## Make the synthetic data anew
	$(RUN)planning data

benchmarks: setup  ## Measure against the peers
	$(UV) sync --quiet --locked --extra notebooks --group peers
	@mkdir -p reports
	$(RUN)pytest tests/benchmarks --benchmark-only --benchmark-json=reports/benchmarks.json
	$(RUN)python tests/benchmarks/table.py reports/benchmarks.json tests/benchmarks/README.md

clean:  ## Remove what was installed and made
	rm -rf .venv .tools reports
