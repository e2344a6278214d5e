# The front door. `make` builds, `make chat` talks, `make test` proves; each first installs what is missing.
PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local

.PHONY: all setup chat test test-asan test-tsan fuzz bench format install clean help

all: $(BUILD)/build.ninja  ## build the program: build/release/bin/stablelm
	cmake --build $(BUILD) -j $(JOBS) --target stablelm

$(BUILD)/build.ninja: | setup
	cmake --preset $(PRESET)

setup:  ## install the Debian packages that are missing
	@tools/install-packages

chat: all  ## talk to the built-in model
	@$(BUILD)/bin/stablelm chat

test: $(BUILD)/build.ninja  ## build and run every test
	cmake --build $(BUILD) -j $(JOBS)
	ctest --test-dir $(BUILD) -j $(JOBS) --output-on-failure --no-tests=error

test-asan:  ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer, in the build of the fuzzers
	@tools/install-packages clang
	$(MAKE) PRESET=asan test

test-tsan:  ## the tests under ThreadSanitizer
	$(MAKE) PRESET=tsan test

fuzz:  ## run every fuzzer for FUZZ_SECONDS each (default 20)
	@tools/install-packages clang
	cmake --preset asan && cmake --build build/asan -j $(JOBS) --target fuzzers
	tools/run-fuzzers build/asan $${FUZZ_SECONDS:-20}

bench:  ## build and run the benchmarks
	@tools/install-packages bench
	cmake --preset bench && cmake --build build/bench -j $(JOBS)
	build/bench/bin/bench $(BENCH_ARGS)

format:  ## format every source file
	@tools/install-packages format
	git ls-files '*.cc' '*.h' | xargs clang-format-14 -i

install: all  ## install under PREFIX (default /usr/local)
	cmake --install $(BUILD) --prefix $(PREFIX)

clean:
	rm -rf build

help:  ## this text
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
