/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings: registers of a real device beside the readings they stand for. They prove a profile
 * without the device, and keep proving it. A text file, one statement a line, `#` begins a comment:
 *
 *     profile eastron-sdm120
 *     order cdab                       # where the profile leaves the word order to the meter
 *     recording at rest                # begins anew: what was read before is forgotten
 *     read input 0 4366 3334           # table, address on the wire, registers in hexadecimal
 *     read discrete 0 1 0 0 1          # coils and discrete inputs: bits
 *     expect voltage 230.2 V           # right to the digits written; the unit is converted
 *     expect serial_number "A1234"     # a text
 *     unavailable frequency            # the device's own mark for "no value", or a dependency on one
 *
 * With SunSpec, addresses count from the start of the model, as in the profile. Points that nobody expects
 * are not looked at.
 */
#ifndef SYMBIONT_RECORDING_H
#define SYMBIONT_RECORDING_H

#include "symbiont/profile.h"

struct recording_counts {
    unsigned recordings, right, wrong;
};

/*
 * Replays `text` through the shipped code: device_compile, point_raw, points_finish. What is malformed or
 * reads otherwise than expected becomes an error in `d`, at its line; `name` stands for the file.
 * Returns true when everything was as expected.
 */
bool recording_replay(const char *text, const char *name, const struct profile_path *path,
                      struct diagnostics *d, struct recording_counts *counts);

#endif
