# Everything a fresh clone needs; "make" alone lists it. PYTHON=python3.12 chooses another Python for the set-up.
.DEFAULT_GOAL := help
python := .venv/bin/python
workers ?= 2
unexport PYTHONDONTWRITEBYTECODE  # where it is set, as in many containers, each process compiles all that it imports

.PHONY: help
help:  ## list what make can do
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup:  ## make .venv; the others do it first, once, and again when requirements.lock changes
	@bash tools/set_up.sh

.PHONY: demo
demo: setup  ## the sample lake through DuckDB and Polars, with what each asked of S3; needs no account
	@$(python) -m lakekit.demo

.PHONY: lab
lab: setup  ## JupyterLab at the first notebook
	@$(python) -c 'import pathlib, lakekit.workshop; lakekit.workshop.open_lab(pathlib.Path.cwd())'

.PHONY: test
test: setup  ## every test: the package, its docstrings, the README, and the notebooks under strict nbval
	$(python) -m pytest -n $(workers) --dist loadscope --doctest-modules --doctest-glob README.md \
	    --nbval --nbval-current-env --nbval-sanitize-with notebooks/nbval_sanitize.cfg --nbval-cell-timeout 120

.PHONY: pictures
pictures: setup  ## screenshots of every panel in a real JupyterLab, to docs/pictures; needs Chromium
	mkdir -p docs/pictures
	LAKEKIT_PICTURES=docs/pictures $(python) -m pytest -q tests/browser

.PHONY: docs
docs: setup  ## docs/api.md from the docstrings
	$(python) tools/write_api.py

rounds ?= 100
.PHONY: torture
torture: setup  ## the tests that kill, race and guess, with many rounds: about an hour; rounds=20 for fewer
	LAKEKIT_TORTURE_ROUNDS=$(rounds) $(python) -m pytest -m torture -n $(workers) --dist loadscope

.PHONY: lint
lint: setup  ## ruff over code and notebooks, and are the notebooks stored as they should be
	$(python) -m ruff check .
	$(python) tools/refresh_notebooks.py --check

.PHONY: notebooks
notebooks: setup  ## run the notebooks and store their outputs
	$(python) tools/refresh_notebooks.py

.PHONY: bench
bench: setup  ## lakekit against its peers on a real S3 server with latency; ten minutes, 3 GB of disk
	@$(python) benchmarks/run.py

.PHONY: lock
lock: setup  ## write requirements.lock anew from pyproject.toml, with the newest versions it allows
	$(python) -m uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
	    --generate-hashes --custom-compile-command "make lock" --no-annotate --no-emit-index-url --quiet --output-file requirements.lock

.PHONY: clean
clean:  ## remove .venv and what running leaves behind
	rm -rf .venv build dist .coverage .hypothesis .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -type d -prune -exec rm -rf {} +
