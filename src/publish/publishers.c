// SPDX-License-Identifier: Apache-2.0
// The table of publishers: adding one is a row here and its files beside this one.
#include "symbiont/publisher.h"

const struct publisher_kind *const publishers[] = {&publisher_mqtt, &publisher_influx, NULL};
