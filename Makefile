# SPDX-License-Identifier: Apache-2.0
# Symbiont: `make`, `make test`, `make demo`, `make install`, `make lint`, `make bench`, `make fuzz`, `make deb`, and those in the
# README under "Build and install".
#
# Every src/<room>/*.c but the programs' main.c goes into one static library; each program is its
# main.c and that library.  Objects live in build/<variant>/, mirroring src/.  V=1 shows the commands.

VERSION   := 0.1.0
PREFIX    ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR   ?= $(PREFIX)/lib/systemd/system
VARIANT   ?= release
CC        ?= gcc
B         := build/$(VARIANT)

ifeq ($(origin CC),default)
CC := gcc
endif

PKGS      := libmodbus libcurl libconfig sqlite3 jansson libsodium libmicrohttpd libcrypto zlib
# Only ask pkg-config when something is going to be compiled: `make setup` must work before it exists.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wcast-qual -Wformat=2 -Wundef -Wvla -Werror
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -D_FORTIFY_SOURCE=2 \
          -ftrivial-auto-var-init=zero -Wformat -Werror=format-security -fPIE
MODE_release := -O2 -g $(HARDEN)
MODE_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
MODE_tsan    := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
MODE_cov     := -O0 -g --coverage
LINK_release := -pie -Wl,-z,relro -Wl,-z,now
LINK_asan    := -fsanitize=address,undefined
LINK_tsan    := -fsanitize=thread
LINK_cov     := --coverage

DATADIR := $(PREFIX)/share/symbiont
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Isrc -Itests -DSYMBIONT_VERSION='"$(VERSION)"' -DSYMBIONT_DATADIR='"$(DATADIR)"' \
            -DSYMBIONT_SYSCONFDIR='"$(SYSCONFDIR)/symbiont"' -ffile-prefix-map=$(CURDIR)=.
CFLAGS   ?=
ALL_CFLAGS = -std=gnu11 $(WARN) $(MODE_$(VARIANT)) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP
LIBS       = $(PKG_LIBS) -lpaho-mqtt3as -ludunits2 -lpthread -lm

MAINS := $(wildcard src/gateway/main.c src/coordinator/main.c src/cli/main.c)
SRC   := $(filter-out src/gateway/main.c src/coordinator/main.c src/cli/main.c,$(wildcard src/*/*.c))
OBJ   := $(SRC:%.c=$(B)/%.o)
LIB   := $(B)/libsymbiont.a
PROGS := $(if $(filter src/gateway/main.c,$(MAINS)),$(B)/symbiontd) \
         $(if $(filter src/coordinator/main.c,$(MAINS)),$(B)/symbiont-coordinator) \
         $(if $(filter src/cli/main.c,$(MAINS)),$(B)/symbiont)

UNIT_TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c tests/replay/test_*.c))

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

.SECONDARY:
.PHONY: coverage tsan analyze out-of-memory soak valgrind sbom reproducible fuzz-planted all setup test check-unit torture demo bench lint fuzz deb install man clean
all: $(PROGS)

$(B)/%.o: %.c
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# The paths are compiled in: another PREFIX builds what knows them anew.
PATHS := $(B)/paths
$(shell mkdir -p $(B); echo '$(PREFIX) $(SYSCONFDIR)' | cmp -s - $(PATHS) || echo '$(PREFIX) $(SYSCONFDIR)' >$(PATHS))
$(patsubst %.c,$(B)/%.o,$(shell grep -ls 'SYMBIONT_DATADIR\|SYMBIONT_SYSCONFDIR\|VERB_CONFIG' src/*/*.[ch] | sed -n '/\.c$$/p')): $(PATHS)

$(LIB): $(OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcsD $@ $(OBJ)

$(B)/symbiontd: $(B)/src/gateway/main.o $(LIB)
$(B)/symbiont-coordinator: $(B)/src/coordinator/main.o $(LIB)
$(B)/symbiont: $(B)/src/cli/main.o $(LIB)
$(B)/symbiontd $(B)/symbiont-coordinator $(B)/symbiont:
	$(say) LD $@
	$(Q)$(CC) $(LINK_$(VARIANT)) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/%: $(B)/tests/%.o $(LIB)
	$(say) LD $@
	$(Q)$(CC) $(LINK_$(VARIANT)) $(LDFLAGS) -o $@ $< $(LIB) -lcmocka $(LIBS)

# Tests named test_refused_* decide which calls of the program fail: tests/unit/refuse.h.
REFUSABLE := malloc calloc realloc reallocarray strdup strndup open close read pread write fsync fdatasync stat fstat \
             statvfs rename unlink ftruncate fallocate fchmod sodium_init eventfd pthread_create
$(B)/tests/unit/test_refused_%: LDFLAGS += $(REFUSABLE:%=-Wl,--wrap=%)

# The unit and replay tests of this variant, without installing anything or starting a server.
check-unit: $(UNIT_TESTS)
	@tests/run $(UNIT_TESTS)

# Fuzzers twice: over their seeds as a part of the tests, and with libFuzzer by `make fuzz`.
FUZZERS   := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
SEED_RUNS := $(FUZZERS:%=build/asan/tests/fuzz/run_%)

$(B)/tests/fuzz/run_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/standalone.o $(LIB)
	$(say) LD $@
	$(Q)$(CC) $(LINK_$(VARIANT)) -o $@.bin $^ $(LIBS)
	$(Q)printf '#!/bin/sh\nexec %s.bin tests/fuzz/seeds/%s\n' $@ $* >$@ && chmod +x $@

# The library once more, instrumented for libFuzzer.
build/fuzz/%.o: %.c
	$(say) FUZZ-CC $<
	@mkdir -p $(@D)
	$(Q)clang -std=gnu11 -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined $(CPPFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

build/fuzz/fuzz_%: build/fuzz/tests/fuzz/fuzz_%.o $(SRC:%.c=build/fuzz/%.o)
	$(say) FUZZ-LD $@
	$(Q)clang -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBS)

# make fuzz [FUZZ="mbap point"] [FUZZ_SECONDS=600]
FUZZ         ?= $(FUZZERS)
FUZZ_SECONDS ?= 600
# An input of ours frees little: with the 256 MB that are usual, a quarter of the time goes into fresh pages.
fuzz fuzz-planted: export ASAN_OPTIONS = quarantine_size_mb=16
fuzz:
	@tests/setup.sh fuzz
	@$(MAKE) --no-print-directory $(FUZZ:%=build/fuzz/fuzz_%)
	@tests/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ)

# Does each fuzzer find a bug that is planted for it?
fuzz-planted:
	@tests/setup.sh fuzz
	@$(MAKE) --no-print-directory $(FUZZ:%=build/fuzz/fuzz_%)
	@tests/fuzz/planted.py $(FUZZ)

# Branches taken by the tests in what reads foreign bytes and in what keeps data.
coverage:
	@tests/setup.sh test coverage
	@$(MAKE) --no-print-directory VARIANT=cov $(UNIT_TESTS:$(B)/%=build/cov/%) $(FUZZERS:%=build/cov/tests/fuzz/run_%)
	@tests/coverage.sh

# Data races: the threaded unit tests and a daemon with publishers, outbox and a serial line.
tsan:
	@tests/setup.sh test
	@$(MAKE) --no-print-directory VARIANT=tsan all $(THREADED:%=build/tsan/tests/unit/test_%)
	@tests/tsan.sh $(THREADED)
THREADED := base engine outbox outbox_lane outbox_file outbox_io mqtt_parts serial_line rtu_over_tcp tcp_line streams_ledger watch

# gcc's static analysis of every file, against the findings that were looked at.
analyze:
	@tests/analyze.sh

# No memory, at one place after another.
out-of-memory:
	@tests/setup.sh test
	@$(MAKE) --no-print-directory all
	@tests/fault/malloc.py --variant release

# make soak [SOAK_MINUTES=15]: as many faults as eight hours may bring; tests/fault/soak.py --help.
SOAK_MINUTES ?= 15
soak:
	@tests/setup.sh test
	@$(MAKE) --no-print-directory all
	@tests/fault/soak.py --minutes $(SOAK_MINUTES)

# make valgrind [VALGRIND_SECONDS=120]: a plain build at work, every access and every allocation watched.
VALGRIND_SECONDS ?= 120
valgrind:
	@tests/setup.sh valgrind
	@$(MAKE) --no-print-directory all
	@tests/fault/valgrind.py --seconds $(VALGRIND_SECONDS)

# What the programs are made of (CycloneDX), and whether two builds are one.
sbom: all
	@debian/sbom.py --version $(VERSION) $(PROGS) >build/symbiont.cdx.json
	@echo build/symbiont.cdx.json

reproducible:
	@tests/reproducible.sh

# Everything: installs what is missing, builds plain and with sanitizers, runs all storeys.
JOBS ?= $(shell nproc)
SYSTEM_TESTS = $(sort $(wildcard tests/system/test_*.py)) tests/fault/test_fast_faults.py
test:
	@tests/setup.sh test
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=asan all $(UNIT_TESTS:$(B)/%=build/asan/%) $(SEED_RUNS)
	@tests/run --timeout 600 --jobs $(JOBS) $(UNIT_TESTS:$(B)/%=build/asan/%) $(SEED_RUNS) $(SYSTEM_TESTS)

# make torture [ROWS="3 17"] [DOC=1] [SEED=N]
torture:
	@tests/setup.sh test
	@$(MAKE) --no-print-directory all
	@tests/fault/torture.py $(if $(DOC),--doc) $(if $(SEED),--seed $(SEED)) $(ROWS)

demo:
	@tests/setup.sh demo
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@conf/demo/run

setup:
	@tests/setup.sh build demo test lint

BENCH_PROGRAMS = $(patsubst %.c,build/release/%,$(wildcard tests/bench/*.c))
build/release/tests/bench/%: tests/bench/%.c build/release/libsymbiont.a
	$(say) BENCH $@
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(WARN) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -o $@ $< build/release/libsymbiont.a $(LIBS) $(BENCH_LIBS)

build/release/tests/bench/bench_rules: BENCH_LIBS = -llua5.4
build/release/tests/bench/bench_rules: CFLAGS += -I/usr/include/lua5.4

# make bench [BENCH="a b"] [BENCH_SECONDS=20]
BENCH_SECONDS ?= 20
bench:
	@tests/setup.sh bench
	@$(MAKE) --no-print-directory all $(BENCH_PROGRAMS)
	@tests/bench/run.py --seconds $(BENCH_SECONDS) $(BENCH)

lint:
	@tests/setup.sh lint
	@tests/lint.sh

# ---- Installing ----

LIST_OF_PROFILES = $(wildcard conf/profiles/*.conf)
UNVERIFIED       = $(wildcard conf/profiles/unverified/*.conf)
MANS             = $(patsubst docs/%.scd,build/man/%,$(wildcard docs/*.scd))

# Options are printed from the tables that read them, in place of the line @OPTIONS@.
build/man/symbiont.1: OPTIONS_OF = verbs
build/man/symbiont.conf.5: OPTIONS_OF = symbiont.conf
build/man/symbiont-profile.5: OPTIONS_OF = profile
build/man/symbiont-plant.5: OPTIONS_OF = plant
build/man/coordinator.conf.5: OPTIONS_OF = coordinator.conf
build/man/%: docs/%.scd $(B)/symbiont
	@mkdir -p $(@D)
	$(say) MAN $@
	$(Q)$(if $(OPTIONS_OF),$(B)/symbiont options $(OPTIONS_OF),:) >$@.options
	$(Q)sed -e '/^@OPTIONS@$$/{' -e 'r $@.options' -e 'd' -e '}' $< >$@.scd && scdoc <$@.scd >$@
	@rm -f $@.options $@.scd

man: $(MANS)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(DATADIR)/profiles/unverified
	install -m 755 $(filter %/symbiont,$(PROGS)) $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(filter-out %/symbiont,$(PROGS)) $(DESTDIR)$(PREFIX)/sbin/
	install -m 644 $(LIST_OF_PROFILES) $(DESTDIR)$(DATADIR)/profiles/
	install -m 644 $(UNVERIFIED) $(DESTDIR)$(DATADIR)/profiles/unverified/
	install -d $(DESTDIR)$(SYSCONFDIR)/symbiont/conf.d
	test -e $(DESTDIR)$(SYSCONFDIR)/symbiont/symbiont.conf || \
		install -m 644 conf/symbiont.conf $(DESTDIR)$(SYSCONFDIR)/symbiont/symbiont.conf
	test -e $(DESTDIR)$(SYSCONFDIR)/symbiont/coordinator.conf || \
		install -m 644 conf/coordinator.conf $(DESTDIR)$(SYSCONFDIR)/symbiont/coordinator.conf
	install -m 644 conf/mosquitto-territory.acl conf/factors.csv $(DESTDIR)$(DATADIR)/
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d \
		$(DESTDIR)$(PREFIX)/lib/udev/rules.d
	for u in symbiontd symbiont-coordinator; do \
		sed 's|@SBINDIR@|$(PREFIX)/sbin|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g' systemd/$$u.service.in \
		>$(DESTDIR)$(UNITDIR)/$$u.service || exit 1; done
	install -m 644 systemd/symbiont.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/symbiont.conf
	install -m 644 systemd/symbiont-coordinator.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/symbiont-coordinator.conf
	install -m 644 systemd/symbiont.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/symbiont.conf
	install -m 644 systemd/60-symbiont.rules $(DESTDIR)$(PREFIX)/lib/udev/rules.d/
	if command -v scdoc >/dev/null; then $(MAKE) --no-print-directory man && for m in $(MANS); do \
		s=$${m##*.}; install -D -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man$$s/$$(basename $$m); done; fi
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	$(B)/symbiont completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/symbiont

# The package is built in a copy, so that the tree stays clean; it lands in build/deb.
deb:
	@tests/setup.sh deb
	@rm -rf build/deb && mkdir -p build/deb/symbiont-$(VERSION)
	@git ls-files -z | xargs -0 cp --parents -t build/deb/symbiont-$(VERSION)
	@cd build/deb/symbiont-$(VERSION) && dpkg-buildpackage -us -uc -b
	@ls build/deb/*.deb

clean:
	rm -rf build

-include $(wildcard build/fuzz/src/*/*.d) $(OBJ:.o=.d) $(UNIT_TESTS:=.d) $(wildcard $(B)/src/*/main.d) $(wildcard $(B)/tests/system/*.d build/asan/tests/fuzz/*.d build/fuzz/tests/fuzz/*.d)
