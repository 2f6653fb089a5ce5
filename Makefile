# make demo | make test : the two commands to begin with; make help: the rest
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
# Processes of the default tests, one per core but four at the most, as each
# takes a gigabyte of memory and ten seconds to import everything. The tests
# of a file share what they build, so they go to one process. None: WORKERS=
WORKERS ?= -n logical --maxprocesses 4 --dist loadfile

.PHONY: help demo test optional docs install check format slow constraints clean

help:  ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

demo: $(INSTALLED)  ## install, then: one base, three hospitals, two small files
	$(BIN)/python tools/demo.py

# The tensors of the tests are so small that more threads only cost.
test check: export OMP_NUM_THREADS := 1

test: $(INSTALLED)  ## install and run the default test suite
	$(BIN)/python -m pytest $(WORKERS)

# segment-anything is the authors' package, with which SAM is compared.
optional: export OMP_NUM_THREADS := 1
optional: $(INSTALLED)  ## install what is optional, and test what needs it
	$(BIN)/python -m pip install -c constraints.txt \
	  -e '.[onedl,dev,sam,peft,app,encoders,hub,docs,browser]' \
	  segment-anything==1.0
	$(BIN)/python -m pytest $(WORKERS) \
	  -m 'optional and not slow'

docs: $(INSTALLED)  ## build the pages of docs/ as a site, in build/docs
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[onedl,dev,docs]'
	$(BIN)/python -m sphinx -W --keep-going -b html -c docs . build/docs

install: $(INSTALLED)  ## only install, into .venv

# torchvision goes last and alone: MMPretrain imports it but does not declare
# it, and its own wish for a certain torch build must not replace ours. So does
# PySODMetrics, which asks for a numpy older than ours.
$(INSTALLED): setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt -e '.[onedl,dev]'
	$(BIN)/python -m pip install -c constraints.txt --no-deps torchvision \
	  pysodmetrics
	touch $@

check: $(INSTALLED)  ## lint, formatting, types, tests: what CI runs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(WORKERS)

format: $(INSTALLED)  ## apply ruff's fixes and its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

slow: $(INSTALLED)  ## the long tests
	$(BIN)/python -m pytest -m slow

constraints: $(INSTALLED)  ## write the versions in .venv to constraints.txt
	sed -n '/^#/p' constraints.txt > $(VENV)/constraints.txt
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+.*//' \
	  >> $(VENV)/constraints.txt
	mv $(VENV)/constraints.txt constraints.txt

clean:  ## remove .venv, build products and caches; data and runs stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache \
	  .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
