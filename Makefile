# SPDX-License-Identifier: Apache-2.0
# Symbiont: `make`, `make test`, `make demo`, `make install`, `make lint`, `make bench`, `make fuzz`, `make deb`.
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

PKGS      := libmodbus libcurl libconfig sqlite3 jansson libsodium libmicrohttpd zlib
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
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Isrc -DSYMBIONT_VERSION='"$(VERSION)"' -DSYMBIONT_DATADIR='"$(DATADIR)"' \
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

.PHONY: all setup test check-unit demo bench lint fuzz deb install clean
all: $(PROGS)

$(B)/%.o: %.c
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

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

# The unit and replay tests of this variant, without installing anything or starting a server.
check-unit: $(UNIT_TESTS)
	@tests/run $(UNIT_TESTS)

setup:
	@tests/setup.sh

clean:
	rm -rf build

-include $(OBJ:.o=.d) $(UNIT_TESTS:=.d) $(wildcard $(B)/src/*/main.d)
