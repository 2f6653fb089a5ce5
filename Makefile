# make demo | make test : the two commands to begin with; make help: the rest
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

.PHONY: help demo test install check format slow constraints clean

help:  ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

demo: $(INSTALLED)  ## install, fine-tune a small segmentor, show the result
	$(BIN)/python tools/demo.py

test: $(INSTALLED)  ## install and run the default test suite
	$(BIN)/python -m pytest

install: $(INSTALLED)  ## only install, into .venv

# torchvision goes last and alone: MMPretrain imports it but does not declare
# it, and its own wish for a certain torch build must not replace ours.
$(INSTALLED): setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt -e '.[onedl,dev]'
	$(BIN)/python -m pip install -c constraints.txt --no-deps torchvision
	touch $@

check: $(INSTALLED)  ## lint, formatting, types, tests: what CI runs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

format: $(INSTALLED)  ## mend what ruff can mend
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
