# What is done with this repository. `make quickstart` and `make test` are all that a fresh machine with Rust needs.

CARGO_FLAGS = --locked
# `make quickstart PROFILE=test` builds the images with the program as tests have it, which is there already.
PROFILE = release
PKG = target/$(if $(filter test,$(PROFILE)),debug,release)/pkg
BUILD = $(if $(filter test,$(PROFILE)),test --no-run,build --release)

.PHONY: quickstart test check lint tests engine beside test-engine test-engines update-snapshots corpus bench fuzz

# Builds the images of ./images and shows what came out.
quickstart:
	scripts/prepare build
	cargo $(BUILD) $(CARGO_FLAGS) --quiet
	$(PKG) -c config.yaml build ./images
	$(PKG) -c config.yaml list ./images
	@echo
	@echo "Next: $(PKG) graph images                      what is built on what"
	@echo "      $(PKG) plan images                       what the next build would do, and why"
	@echo "      docker run --rm -p 8080:8080 $$($(PKG) list --offline --select '*/echoserver:*' --json images | sed -n 's/.*"label": "\(.*\)".*/\1/p')"
	@echo "      curl http://127.0.0.1:8080/hello"

# Everything, with the real engine and a real registry. What makes a second build faster costs half of the first one, and while
# tests wait for the engine there is time to look at the code, and for engines of other kinds.
test: export CARGO_INCREMENTAL = 0
test:
	scripts/prepare
	$(MAKE) tests
	$(MAKE) --jobs=2 engine beside
	$(MAKE) corpus PROFILE=test

# Format, lints, documentation, and the tests that need no engine.
check: lint tests

lint:
	cargo fmt --check
	cargo clippy $(CARGO_FLAGS) --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_FLAGS) --no-deps --quiet

# Half of their time they wait.
tests:
	cargo test $(CARGO_FLAGS) --quiet --no-run
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$(($$(nproc) * 2))} \
	  cargo test $(CARGO_FLAGS) --quiet --no-fail-fast --lib --test architecture --test cli --test docs --test registry --test schedules --test dpkg --test reliability --test archive

# The tests with the real engine; they fail where none answers.
test-engine:
	scripts/prepare
	$(MAKE) engine

# What there is time for while they wait.
beside:
	$(MAKE) lint
	$(MAKE) test-engines

engine:
	PKG_TEST_ENGINE=1 cargo test $(CARGO_FLAGS) --quiet --test engine

# A part of them with podman and with a newer Docker, which are unpacked aside; see docs/engines.md.
test-engines:
	scripts/prepare-engines
	PKG_TEST_ENGINES=1 cargo test $(CARGO_FLAGS) --quiet --test engine

# Writes what the program prints now into the snapshots; read the difference before you commit it. All tests run in
# one process, which knows how far the lines of a file have moved.
update-snapshots:
	SNAPSHOTS=overwrite cargo test $(CARGO_FLAGS) --quiet --test cli

# The repository's own images: the quick start builds them, and a second build has nothing to do.
corpus: quickstart
	scripts/corpus $(PKG)

# Speed, beside docker-pkg and mmdebstrap; see docs/benchmarks.md.
bench:
	scripts/prepare bench
	cargo build $(CARGO_FLAGS) --release --quiet
	cargo bench $(CARGO_FLAGS) --bench catalog
	scripts/bench-scan
	scripts/bench-build
	scripts/bench-declared

# The parsers of foreign bytes under coverage feedback, ten million inputs each; see docs/reliability.md. `make check` runs
# the same functions over the inputs in fuzz/corpus/ and a few changed ones.
fuzz:
	fuzz/run
