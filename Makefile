# Two commands: `make demo` and `make test`. Both set up what they need, and both can be repeated.

CARGO ?= cargo

.PHONY: help demo test test-engines build setup lint book bench bench-dispatch bench-fit bench-workers schema

help:
	@echo "make demo   fetch libtorch, build, run sweeps/quickstart.yaml, say where the report is"
	@echo "make test   the same set-up, then every test"
	@echo "make test-engines  tests with a real Slurm and a storage, started here where root and the network allow"
	@echo "make build  the same set-up, then both programs in target/release"
	@echo "make lint   formatting, clippy and the documentation's links"
	@echo "make book   docs/ as a site in target/book, with its links checked"
	@echo "make bench  tokens/s beside plain PyTorch, which is installed into .venv; runs side by side"
	@echo "make bench-dispatch  what a run costs beside HyperQueue and Ray, which are installed into .venv"
	@echo "make bench-workers  claims of 1,000 simulated workers at one coordinator"
	@echo "make bench-fit  surface fits beside the chinchilla package and SciPy, which are installed into .venv"

setup:
	@scripts/setup-libtorch

build: setup
	$(CARGO) build --release --locked

demo: build
	target/release/isoflop run sweeps/quickstart.yaml

# The demo's profile serves the tests, so that nothing is compiled twice.
test: setup
	$(CARGO) build --release --locked
	scripts/test

# What cannot be started here is skipped, and that is said. Ray and broken networks: scripts/test-ray, scripts/test-workers.
test-engines: setup
	scripts/test-slurm
	scripts/test-s3

lint: setup
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --locked --no-deps --document-private-items

book:
	scripts/book

# The JSON Schema of sweep files, for editors.
schema: build
	target/release/isoflop schema > sweeps/sweep.schema.json

# Side by side with what users would run instead; docs/performance.md has what came out.
bench: build
	scripts/setup-bench
	.venv/bin/python benches/throughput/run.py
	.venv/bin/python benches/throughput/architectures.py
	.venv/bin/python benches/throughput/side_by_side.py

bench-dispatch: build
	$(CARGO) build --release --locked --examples
	scripts/setup-dispatch-bench
	.venv/bin/python benches/dispatch/dispatch.py

bench-workers: build
	$(CARGO) run --release --locked --example worker-crowd -- 1000 60

bench-fit: setup
	$(CARGO) build --release --locked --example fit-bench
	scripts/setup-fit-bench
	.venv/bin/python benches/fit/fit.py
