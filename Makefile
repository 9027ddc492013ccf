# Two commands do everything: `make demo`, `make test`. Each line also works by hand.

PYTHON ?= python3
BIN := .venv/bin
# Tests run in two processes, so each gets one thread.
TEST_ENV := OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1

.PHONY: demo test lint golden pictures clean

demo: .venv/installed
	$(BIN)/fpnc compile specs/bifpn.yaml --phi 3
	$(BIN)/python -m fpncompiler.detection.demo generated.bifpn_d3 tests/data/chelsea.png --out build/demo.png

test: lint
	$(TEST_ENV) $(BIN)/python -m pytest -n 2

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/fpnc compile --check --all

# Write every file in generated/ again, after a change of specs, blocks or templates.
golden: .venv/installed
	$(BIN)/fpnc schema -o specs
	$(BIN)/fpnc schema model -o specs/models
	$(BIN)/fpnc compile --all

# Draw the pictures of the README and the docs again, after a change of specs or of drawings.
pictures: .venv/installed
	$(BIN)/fpnc draw specs/bifpn.yaml -o docs/pictures/bifpn.svg
	$(BIN)/fpnc draw specs/bifpn.yaml --stages -o docs/pictures/bifpn_stages.svg
	$(BIN)/fpnc draw specs/fpn.yaml specs/panet.yaml specs/bifpn.yaml specs/nas_fpn.yaml -o docs/pictures/comparison.svg
	$(BIN)/fpnc draw specs/gfpn_log2n.yaml -o docs/pictures/gfpn_log2n.svg
	$(BIN)/fpnc draw specs/qufpn.yaml -o docs/pictures/qufpn.svg
	$(BIN)/fpnc plot fpn panet bifpn nas_fpn --phi 0..6 -o docs/curves.svg

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -e .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	touch $@

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
