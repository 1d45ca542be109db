# pegflow - see README.md. `make help` lists the targets.
BUILD  ?= build
PREFIX ?= /usr/local
VERSION := 0.1.0

FLOORS := base pegasus wire live sim serve lang engine report cli
PACKAGES := lua5.4 libcurl libcjson libcrypto
DEBIAN_BUILD := build-essential pkg-config liblua5.4-dev libcurl4-openssl-dev libcjson-dev libssl-dev
DEBIAN_CHECK := $(DEBIAN_BUILD) check curl procps python3
DEBIAN_LINT  := $(DEBIAN_BUILD) clang clang-tidy lua-check
DEBIAN_FUZZ  := $(DEBIAN_BUILD) clang libclang-rt-dev
# For the lock that several operations hosts share; without them it is left out, or not tested.
DEBIAN_LOCK  := libzookeeper-st-dev
DEBIAN_LOCK_CHECK := $(DEBIAN_LOCK) zookeeper

# V=1 shows whole commands.
Q   := $(if $(V),,@)
SAY := $(if $(V),@:,@echo ' ')

PKG_CONFIG ?= pkg-config
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)
# ZooKeeper's client, for the shared lock, has no .pc file: it is there when this compiles. Without
# it, or with ZOOKEEPER_LIBS= given, pegflow is built without the shared lock.
ifndef ZOOKEEPER_LIBS
ZOOKEEPER_LIBS := $(shell echo 'int main(void) { return zookeeper_process(0, 0) == 0; }' | \
    $(CC) -include zookeeper/zookeeper.h -x c -o /dev/null - -lzookeeper_st 2>/dev/null && \
    echo -lzookeeper_st)
endif
PKG_LIBS   := $(if $(PKG_LIBS),$(PKG_LIBS) $(ZOOKEEPER_LIBS))
CHECK_LIBS  = $(shell $(PKG_CONFIG) --cflags --libs check)

CFLAGS   ?= -O2 -g
HARDEN   := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
            -Wpointer-arith -Wwrite-strings -Wformat=2
LDFLAGS  += -pie -Wl,-z,relro,-z,now
ifdef SAN
override BUILD := $(BUILD)/san
HARDEN   := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -fPIE
LDFLAGS  += -fsanitize=address,undefined
override CFLAGS := -O1 -g
endif
ifdef FUZZ
override BUILD := $(BUILD)/libfuzzer
CC       := clang
HARDEN   := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fPIE
LDFLAGS  += -fsanitize=fuzzer,address,undefined
override CFLAGS := -O1 -g
endif
CPPFLAGS += -D_GNU_SOURCE -Iinterp $(PKG_CFLAGS) -DPEGFLOW_VERSION='"$(VERSION)"' \
            -DPEGFLOW_DATADIR='"$(PREFIX)/share/pegflow"' $(if $(ZOOKEEPER_LIBS),-DHAVE_ZOOKEEPER)
ALL_CFLAGS = -std=c11 $(CFLAGS) $(WARN) $(HARDEN)

floor_src  = $(wildcard interp/$(1)/*.c)
floor_obj  = $(patsubst %.c,$(BUILD)/%.o,$(filter-out interp/cli/main.c,$(call floor_src,$(1))))
floor_lib  = $(BUILD)/lib/lib$(1).a
# The libraries of a floor and of all below it, topmost first (the order in which ld wants them).
reverse    = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
upto       = $(if $(filter $(1),$(firstword $(2))),$(firstword $(2)),$(firstword $(2)) $(call upto,$(1),$(wordlist 2,$(words $(2)),$(2))))
libs_for   = $(foreach f,$(call reverse,$(call upto,$(1),$(FLOORS))),$(call floor_lib,$(f)))

UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*/*_test.c))
FIDELITY   := $(BUILD)/tests/fidelity/fidelity
SNAPSHOTS  := $(BUILD)/tests/bench/snapshots
FUZZERS    := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))

.PHONY: all
all: $(BUILD)/pegflow

$(BUILD)/pegflow: $(BUILD)/interp/cli/main.o $(call libs_for,cli)
	$(SAY) LD $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

define floor_rule
$(call floor_lib,$(1)): $(call floor_obj,$(1))
	@mkdir -p $$(@D) && rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
endef
$(foreach f,$(FLOORS),$(eval $(call floor_rule,$(f))))

# Changes when the flags do (another PREFIX, other CFLAGS), and then everything is compiled anew.
.PHONY: always
$(BUILD)/flags: always
	$(shell mkdir -p $(@D))$(file >$@.new,$(CC) $(CPPFLAGS) $(ALL_CFLAGS))
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

define unit_rule
$(BUILD)/tests/$(1)/%: $(BUILD)/tests/unit/$(1)/%.o $$(call libs_for,$(1))
	@mkdir -p $$(@D)
	$$(SAY) LD $$@
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(PKG_LIBS) $$(CHECK_LIBS) -lm
endef
$(foreach f,$(FLOORS),$(eval $(call unit_rule,$(f))))
$(FIDELITY): $(BUILD)/tests/fidelity/fidelity.o $(call libs_for,sim)
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) $(CHECK_LIBS) -lm
$(SNAPSHOTS): $(BUILD)/tests/bench/snapshots.o $(call libs_for,live)
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm
.SECONDARY:

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- what people call

.PHONY: help install unit-tests check fidelity crash-test demo bench lint fuzz fuzz-build clean
help:
	@echo 'make            build $(BUILD)/pegflow'
	@echo 'make demo       upgrade a simulated cluster with workflows/ha.lua, end to end'
	@echo 'make check      all checks and tests, then the tests again under the sanitizers'
	@echo 'make fidelity   compare the simulated cluster with recordings of real ones'
	@echo 'make crash-test kill a run at each of its points, and go on with it; some minutes'
	@echo 'make bench      how fast it is on this machine, in about two minutes'
	@echo 'make install    to PREFIX ($(PREFIX)), below DESTDIR where given'
	@echo 'make SAN=1      the build with address and undefined behaviour sanitizers, in $(BUILD)/san'
	@echo 'make lint       clang-tidy and luacheck'
	@echo 'make fuzz       each fuzzer for FUZZ_SECONDS (60)'
	@echo 'make clean      remove $(BUILD)'
	@echo 'BUILD=FOLDER builds elsewhere. Missing Debian packages are installed by demo, bench, check,'
	@echo 'lint and fuzz where they may, and named otherwise.'

# A machine without the libraries gets the command that installs them, not a compiler error.
ifeq ($(PKG_LIBS),)
$(BUILD)/flags: packages-missing
.PHONY: packages-missing
packages-missing:
	@echo 'pkg-config does not find $(PACKAGES); on Debian: sudo apt-get install $(DEBIAN_BUILD)' >&2
	@false
endif

DATA_DIR = $(DESTDIR)$(PREFIX)/share/pegflow
DOC_DIR  = $(DESTDIR)$(PREFIX)/share/doc/pegflow
install: all
	install -D -m 755 $(BUILD)/pegflow $(DESTDIR)$(PREFIX)/bin/pegflow
	find stdlib workflows examples -type f -exec install -D -m 644 {} $(DATA_DIR)/{} ';'
	find README.md LICENSE docs -type f -exec install -D -m 644 {} $(DOC_DIR)/{} ';'

unit-tests: $(UNIT_TESTS)

fidelity: $(FIDELITY)
	@$(FIDELITY)

crash-test: $(BUILD)/tests/engine/crash_test
	@$< all

# What needs packages starts make anew once they are there: pkg-config was asked when it was parsed.
check:
	@tools/install-packages.sh $(DEBIAN_CHECK)
	@tools/install-packages.sh --optional 'the shared lock is not tested' $(DEBIAN_LOCK_CHECK)
	@MAKE='$(MAKE)' BUILD='$(BUILD)' tools/check.sh

demo:
	@tools/install-packages.sh $(DEBIAN_BUILD)
	@tools/install-packages.sh --optional 'no shared lock is built' $(DEBIAN_LOCK)
	@$(MAKE) --no-print-directory -j2 all
	@PEGFLOW='$(BUILD)/pegflow' tools/demo.sh

bench:
	@tools/install-packages.sh $(DEBIAN_BUILD) python3
	@$(MAKE) --no-print-directory -j2 all $(SNAPSHOTS)
	@PEGFLOW='$(BUILD)/pegflow' SNAPSHOTS='$(SNAPSHOTS)' tools/bench.py

# Left out: what the sanitizers find better (the analyzer cannot follow a list's back pointer), and
# what is style rather than error.
TIDY_CHECKS := -*,clang-analyzer-*,-clang-analyzer-unix.Malloc,$\
               -clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,$\
               bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,$\
               -bugprone-assignment-in-if-condition,-bugprone-narrowing-conversions,$\
               -bugprone-macro-parentheses,-bugprone-sizeof-expression,$\
               -bugprone-implicit-widening-of-multiplication-result,-bugprone-misplaced-widening-cast
lint:
	@tools/install-packages.sh $(DEBIAN_LINT)
	tools/check-floors.sh
	printf '%s\n' interp/*/*.c | xargs -I FILE -P 2 clang-tidy --quiet --warnings-as-errors='*' \
	    --checks='$(TIDY_CHECKS)' FILE -- -std=c11 $(CPPFLAGS)
	luacheck stdlib workflows examples

FUZZ_SECONDS ?= 60
fuzz-build: $(FUZZERS)
$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(call libs_for,serve)
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm
fuzz:
	@tools/install-packages.sh $(DEBIAN_FUZZ)
	@$(MAKE) --no-print-directory -j2 FUZZ=1 fuzz-build
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tools/fuzz.sh \
	    $(patsubst tests/fuzz/%.c,$(BUILD)/libfuzzer/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))

clean:
	rm -rf $(BUILD)
