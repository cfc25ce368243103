# Two commands: `make demo` trains on MNIST, `make test` runs the whole test suite.
PYTHON ?= python3
BIN := .venv/bin
# The tests start hundreds of processes; without bytecode files each would compile torch again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint docs wheel-check clean

demo: .venv/demo
	@data=mnist; $(BIN)/ff datasets mnist \
		|| { data=digits; echo ">>> MNIST could not be downloaded: training on digits instead. <<<"; }; \
	$(BIN)/ff train --data $$data --out runs/demo --overwrite

test: .venv/ready
	$(BIN)/pytest --numprocesses auto --dist worksteal

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/ready
	rm -rf docs/_build docs/_generated docs/api docs/claims docs/tutorials
	OMP_NUM_THREADS=1 $(BIN)/sphinx-build -W --keep-going -j 1 --quiet docs docs/_build/html

# The wheel in a new environment for each extra: the README's commands, a use of the extra, the examples.
wheel-check: .venv/ready
	$(BIN)/python .ci/wheel.py

# $(call install,REQUIREMENT): pip prints nothing for a minute while it unpacks torch, so a line every
# five seconds says how far it is. Modules are compiled when they are first imported (--no-compile);
# loading a small data set does that for torch and checks the installation.
define install
	@echo "Installing $(1) into .venv; pip's output is in .venv/pip.log"
	@seconds=0; while sleep 5; do seconds=$$((seconds + 5)); \
		echo "  $$seconds s, $$(du -sm .venv | cut -f 1) MB: $$(grep -E '^(Collecting|Building|Installing|Success)' \
			.venv/pip.log | tail -n 1 | cut -c 1-60)"; \
	done & progress=$$!; \
	trap "kill $$progress" EXIT; trap "exit 130" INT TERM; \
	$(BIN)/python -m pip install --no-compile --progress-bar off --constraint constraints.txt \
		--editable "$(1)" >.venv/pip.log 2>&1 || { cat .venv/pip.log; exit 1; }; \
	echo "  installed; now imported for the first time"; \
	$(BIN)/ff datasets digits
endef

# The demo needs the core dependencies only; tests, lint and docs need the rest.
.venv/demo: pyproject.toml constraints.txt | .venv/bin/python
	$(call install,.)
	@touch .venv/demo

.venv/ready: pyproject.toml constraints.txt | .venv/bin/python
	$(call install,.[test$(comma)lint$(comma)docs])
	@touch .venv/demo .venv/ready

.venv/bin/python:
	$(PYTHON) -m venv .venv

comma := ,

clean:
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .hypothesis docs/_build docs/_generated docs/api docs/claims docs/tutorials
