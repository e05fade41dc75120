# Two commands do everything: `make lab` to work through the course, `make test` to check all of it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
KERNELSPEC := course_grader/kernelspec
FORKED := $(VENV)/share/jupyter/kernels/course-fork/kernel.json
# Forked kernels are ready at once; they need Linux.
KERNEL := $(if $(filter Linux,$(shell uname)),--nbval-kernel-name=course-fork)
REPLAY := COURSE_DATA=embedded $(BIN)/pytest -p no:cacheprovider --nbval $(KERNEL) --nbval-cell-timeout=120 solutions

.PHONY: lab test variants build student data bench lock

lab: $(READY) ## open the course in JupyterLab
	$(BIN)/python -m course_utils.lab $(ARGS)

test: $(READY) $(FORKED) ## all tests, and a replay of every solved notebook
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pytest
	$(REPLAY)

variants: $(READY) $(FORKED) ## the replay on one thread, and on plainer instructions of the CPU
	OMP_NUM_THREADS=1 $(REPLAY)
	ATEN_CPU_CAPABILITY=default $(REPLAY)
	ONEDNN_MAX_CPU_ISA=SSE41 $(REPLAY)

build: $(READY) ## chapters -> solved notebooks -> student notebooks
	$(BIN)/python -m course_builder build

student: $(READY) ## the pack for a class, in dist/: no solutions, no tests
	$(BIN)/python -m course_builder student

data: $(READY) ## fetch the real data sets
	$(BIN)/python -c "from course_utils import data; raise SystemExit(data.main())"

bench: $(READY) ## the measurements that the README quotes; about a quarter of an hour
	$(BIN)/python -m benchmarks.grading

# torch pins its CUDA packages itself, and a CPU-only torch needs none: the lock leaves them out.
lock: $(READY) ## renew requirements.txt from pyproject.toml
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-annotate --no-header pyproject.toml \
		| grep --invert-match --extended-regexp '^(cuda|nvidia)-|^triton' > requirements.txt

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(None if sys.version_info >= (3, 11) else 'The course needs Python 3.11 or newer; try: make lab PYTHON=python3.11')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@

# Not in the students' environment: JupyterLab would offer them one kernel too many.
$(FORKED): $(READY) $(KERNELSPEC)/kernel.json
	$(BIN)/jupyter kernelspec install --sys-prefix --name course-fork $(KERNELSPEC)
	touch $@
