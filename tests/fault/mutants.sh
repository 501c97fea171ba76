#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Does the checker bite? Takes one check after another out of a copy of the tree, builds that, and runs tests until one
# fails: a mutant that no test notices fails this script. About half an hour; the tree itself is not touched.
#
# usage: tests/fault/mutants.sh [NAME...]      (from the top of the source tree; NAME: only those mutants)
set -u
TOP=$PWD
COPY=$(mktemp -d /tmp/symbiont-mutants-XXXXXX)
trap 'rm -rf "$COPY"' EXIT
trap 'exit 130' INT TERM
PATH=/usr/lib/ccache:$PATH
export PATH CCACHE_BASEDIR="$COPY"
git ls-files -z | xargs -0 cp --parents -t "$COPY"
cd "$COPY" || exit 1
make -s -j2 >build.log 2>&1 || { tail -20 build.log; exit 1; }
survived=0 count=0

build() { make -s -j2 >build.log 2>&1; }

# unit:NAME is a unit test, row:NUMBER a row of the fault matrix.
fails() {
    case $1 in
    unit:*) make -s "build/release/tests/unit/${1#unit:}" >build.log 2>&1 || return 0
        ! CMOCKA_MESSAGE_OUTPUT=TAP timeout -s KILL 120 "build/release/tests/unit/${1#unit:}" >test.log 2>&1 ;;
    row:*) ! timeout -s KILL 420 tests/fault/torture.py --seed 1 "${1#row:}" >test.log 2>&1 ;;
    esac
}

# mutant NAME FILE PERL-SUBSTITUTION TEST...
mutant() {
    name=$1 file=$2 change=$3
    shift 3
    case " $WANTED " in *" $name "* | "  ") ;; *) return ;; esac
    count=$((count + 1))
    cp "$file" original
    perl -0pi -e "$change" "$file"
    if cmp -s original "$file"; then
        echo "$name: THE CHANGE DOES NOT APPLY ANY MORE to $file"
        survived=$((survived + 1))
        return
    fi
    caught=
    if build; then
        for t in "$@"; do
            if fails "$t"; then
                words=$(grep -m1 -E '^ +! |^not ok' test.log | cut -c1-110)
                caught="$caught $t"
                printf '%-28s caught by %-20s %s\n' "$name" "$t" "$words"
            fi
        done
        [ -n "$caught" ] || { printf '%-28s SURVIVED %s\n' "$name" "$*"; survived=$((survived + 1)); }
    else
        printf '%-28s does not build: %s\n' "$name" "$(grep -m1 error build.log)"
        survived=$((survived + 1))
    fi
    cp original "$file"
    touch "$file"
}
WANTED=${*:-}

# What fails without a change proves nothing.
sound=yes
for t in unit:test_modbus unit:test_tcp_line unit:test_poller row:2 row:3 row:5 row:7 row:14 row:25 row:31 row:R1 row:K0; do
    [ -z "$WANTED" ] || break
    fails "$t" && { echo "$t fails without any change:"; grep -E '^ +! |^not ok' test.log | head -5; sound=no; }
done
[ $sound = yes ] || exit 1

# The nine checks on an answer over TCP.
mutant transaction-id src/meters/tcp_line.c \
    's/(int slot = slot_of\(t, mbap_transaction\(frame\)\);)/$1 for (int i = 0; slot < 0 && i < WINDOW_MAX; i++) if (t->out[i]) slot = i;/' row:3 row:4
mutant protocol-id src/meters/modbus.c 's/if \(protocol != 0\)/if (protocol == 0xdead)/' row:5
mutant length-bounds src/meters/modbus.c 's/if \(length < MBAP_LENGTH_MIN \|\| length > MBAP_LENGTH_MAX\)/if (length == 0xdead)/' row:5 unit:test_modbus
mutant unit-id src/meters/modbus.c 's/if \(frame\[MBAP_HEADER - 1\] != ask->unit\)/if (frame[0] == 0 && ask->unit == 0xff)/' row:5
mutant function-code src/meters/modbus.c 's/if \(function != ask->function\)/if (function == 0xde)/' row:5
mutant exception-form src/meters/modbus.c 's/if \(n != EXCEPTION_PDU \|\| second < 1 \|\| second > EXCEPTION_CODE_MAX\)/if (n == 0)/' row:5
mutant byte-count src/meters/modbus.c 's/if \(second != modbus_data_bytes\(ask\)\)/if (second == 0xff)/' row:5
mutant length-of-content src/meters/modbus.c 's/if \(cursor_left\(&c\) != second\)/if (cursor_left(&c) == 0xdead)/' row:5
mutant connection-generation src/meters/tcp_line.c 's/    t->got = 0;\n//g' row:5 row:2 unit:test_tcp_line

# On a serial line.
mutant rtu-checksum src/meters/modbus.c 's/if \(crc != modbus_crc\(frame, n - 2\)\)/if (crc != modbus_crc(frame, n - 2) && n == 0)/' row:14
mutant rtu-unit src/meters/modbus.c 's/if \(frame\[0\] != ask->unit\)/if (frame[0] != ask->unit && n == 0)/' row:14 unit:test_modbus

# Numbering, gap records, repeats, times.
mutant sequence-number src/publish/encode_json.c 's/"seq", \(int64_t\)r->seq/"seq", (int64_t)(r->seq - r->seq % 2 + 1)/' row:25
mutant sequence-over-reload src/meters/meter.c 's/m->seq = first_seq\(p, m->info.name\);/m->seq = 0 * first_seq(p, m->info.name);/' row:7 row:R1
mutant epoch src/store/outbox_restore.c 's/o->epoch = \(uint64_t\)\(epoch \+ 1 > by_clock \? epoch \+ 1 : by_clock\);/o->epoch = (uint64_t)(by_clock - by_clock + 77 + 0 * epoch);/' row:K0
mutant gap-record src/publish/mqtt_delivery.c 's/if \(!outbox_gap\(d->outbox, d->lane, &d->gap\)\)/if (!outbox_gap(d->outbox, d->lane, &d->gap) || d->lane < 99)/' row:36
mutant gap-count src/publish/encode_json.c 's/"messages", \(int64_t\)gap->count/"messages", (int64_t)gap->count - 1/' row:36
mutant drop-uncounted src/store/outbox_lane_loss.c 's/l->dropped \+= gone;\n/l->dropped += gone;\n    if (gone < 1u << 30)\n        return gone;\n/' row:36
mutant lost-with-connection src/publish/mqtt_outcome.c 's/if \(first\)\n        outbox_rewind\(d->outbox, d->lane, first\);/if (first > 1u << 30)\n        outbox_rewind(d->outbox, d->lane, first);/' row:25 row:K0
mutant refused-taken-for-stored src/publish/influx_answer.c 's/\{200, 299, INFLUX_STORED/{200, 503, INFLUX_STORED/' row:31 row:34
mutant time-of-unasked src/meters/meter_reading.c 's/c->first_asked.ns \? c->first_asked : c->begun/c->first_asked/' unit:test_poller row:S0
mutant spill-too-late src/store/outbox.c 's/o->spill_after_ns = s->spill_after_ns > 0 \? s->spill_after_ns : NS_PER_S;/o->spill_after_ns = 20 * NS_PER_S;/' row:K2

echo "$count mutants, $survived of them noticed by no test"
[ "$survived" = 0 ]
