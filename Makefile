# Two commands do everything: `make lab` to work through the course, `make test` to check all of it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
REPLAY := COURSE_DATA=embedded $(BIN)/pytest -p no:cacheprovider --nbval --nbval-cell-timeout=120 solutions

.PHONY: lab test variants build student data lock

lab: $(READY) ## open the course in JupyterLab
	$(BIN)/python -m course_utils.lab $(ARGS)

test: $(READY) ## all tests, and a replay of every solved notebook
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pytest
	$(REPLAY)

variants: $(READY) ## the replay on one thread, and on plainer instructions of the CPU
	OMP_NUM_THREADS=1 $(REPLAY)
	ATEN_CPU_CAPABILITY=default $(REPLAY)
	ONEDNN_MAX_CPU_ISA=SSE41 $(REPLAY)

build: $(READY) ## chapters -> solved notebooks -> student notebooks
	$(BIN)/python -m course_builder build

student: $(READY) ## the pack for a class, in dist/: no solutions, no tests
	$(BIN)/python -m course_builder student

data: $(READY) ## fetch the real data sets
	$(BIN)/python -c "from course_utils import data; raise SystemExit(data.main())"

# torch pins its CUDA packages itself, and a CPU-only torch needs none: the lock leaves them out.
lock: $(READY) ## renew requirements.txt from pyproject.toml
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header pyproject.toml \
		| grep --invert-match --extended-regexp '^(cuda|nvidia)-|^triton' > requirements.txt

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(None if sys.version_info >= (3, 11) else 'The course needs Python 3.11 or newer; try: make lab PYTHON=python3.11')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@
