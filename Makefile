# make setup · demo · test · soak · check · bench · eval · eval-deep · senses · docs · clean
PYTHON ?= python3
VENV := .venv
DEMO_VENV := .venv-demo
BIN := $(VENV)/bin
DATA ?= $(or $(PALATE_TEST_DATA),../shared/data)
PIP_FLAGS := --quiet --disable-pip-version-check -c constraints.txt

.PHONY: setup demo test soak check bench eval eval-deep senses docs clean

setup: $(VENV)/.ready

# Quick when nothing changed: the stamp is newer than what decides the environment.
$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_FLAGS) torch
	$(BIN)/python -m pip install $(PIP_FLAGS) -e '.[all,dev]'
	touch $@

$(DEMO_VENV)/.ready: pyproject.toml constraints.txt
	@echo "Making an environment without torch in $(DEMO_VENV) (once)"
	@$(PYTHON) -m venv $(DEMO_VENV)
	@$(DEMO_VENV)/bin/python -m pip install $(PIP_FLAGS) -e '.[media,serve]'
	@touch $@

demo: $(DEMO_VENV)/.ready
	@$(DEMO_VENV)/bin/palate demo --out demo $(DEMO_FLAGS)

# Two at a time, each on one core: threads of the one would wait for those of the other.
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup $(TEST_FLAGS)

soak: setup
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m soak $(TEST_FLAGS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/size_guard.py
	$(BIN)/python tools/smoke_wheel.py

bench: setup
	@for script in benchmarks/speed/*.py benchmarks/speed/serving/measure.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

eval: setup
	$(BIN)/python benchmarks/quality/ground.py --real $(DATA) --out out/ground $(EVAL_FLAGS)

eval-deep: setup
	$(BIN)/python benchmarks/quality/deep.py --real $(DATA) --out out/ground --results docs/results/deep $(EVAL_FLAGS)

senses: setup
	$(BIN)/python benchmarks/quality/senses.py $(DATA)/stamps --out out/senses.md

docs: setup
	$(BIN)/python tools/reference.py
	$(BIN)/python -m pytest tests/docs -q

clean:
	rm -rf $(VENV) $(DEMO_VENV) build dist demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
