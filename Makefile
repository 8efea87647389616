# Everything a stranger needs: `make demo` and `make test`, each from nothing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo

.PHONY: demo test test-long lint docs bench bench-slurm clean
.DELETE_ON_ERROR:

demo: $(VENV)/.demo
	@mkdir -p $(DEMO)
	$(BIN)/lstluigi simulate $(DEMO) --preset demo
	cp production_configs/toy_demo/lstluigi_config.yml production_configs/toy_demo/lstchain_config.json $(DEMO)/
	LSTLUIGI_PROD_LOGS=$(abspath $(DEMO))/logs $(BIN)/lstluigi run $(DEMO)/lstluigi_config.yml
	@echo
	@echo "IRFs, sensitivity and its plot (toy simulation, not for science):"
	@find $(DEMO)/mc/IRF -maxdepth 7 -type f \( -name '*.fits.gz' -o -name '*.png' \) | sort
	@echo "Models and the importance of their features:"
	@find $(DEMO)/models -maxdepth 4 -type f \( -name '*.sav' -o -name '*.png' \) | sort

# tests of a file run one after the other, in one of two processes
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

test: lint docs
	$(PYTEST) -m "not slow" --durations=15

test-long: $(VENV)/.test
	$(PYTEST)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.test
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

bench: $(VENV)/.test
	$(BIN)/python -m pytest benchmarks --benchmark-only --benchmark-disable-gc

# half an hour, on a cluster of its own; needs root and Slurm's Debian packages
bench-slurm: $(VENV)/.test
	$(BIN)/python benchmarks/slurm_production.py
	$(BIN)/python benchmarks/slurm_in_flight.py
	$(BIN)/python benchmarks/slurm_makespan.py
	$(BIN)/python benchmarks/slurm_campaign.py

# the environment: what `demo` needs, and what the tests, the docs and the benchmarks need on top
$(VENV)/.demo: setup.cfg constraints.txt
	sh tools/make_env.sh $(PYTHON) $(VENV) analysis
	@touch $@

$(VENV)/.test: setup.cfg constraints.txt
	sh tools/make_env.sh $(PYTHON) $(VENV) analysis,test,docs,bench
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) $(DEMO) docs/_build
