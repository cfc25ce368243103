# Two commands: `make demo` trains on MNIST, `make test` runs the whole test suite.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint docs clean

demo: .venv/ready
	@data=mnist; $(BIN)/python -m forward_forward.datasets mnist \
		|| { data=digits; echo ">>> MNIST is not to be had here: training on digits instead. <<<"; }; \
	$(BIN)/ff train --data $$data --out runs/demo --overwrite

test: .venv/ready
	$(BIN)/pytest --numprocesses auto

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/ready
	rm -rf docs/_build docs/_generated docs/api docs/claims docs/tutorials
	OMP_NUM_THREADS=1 $(BIN)/sphinx-build -W --keep-going -j 1 --quiet docs docs/_build/html

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test,lint,docs]"
	touch .venv/ready

clean:
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .hypothesis docs/_build docs/_generated docs/api docs/claims docs/tutorials
