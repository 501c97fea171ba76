/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles that were read, for as long as meters are compiled. */
#ifndef SYMBIONT_METERS_PROFILE_LOAD_H
#define SYMBIONT_METERS_PROFILE_LOAD_H

#include "meters/point_options.h"

struct loaded_profile {
    struct loaded_profile *next;
    char *name;
    struct config *config;
    const struct profile_config *profile;
    bool bad;        /* it has errors, all reported */
    bool unverified; /* of low confidence, or below unverified/ */
};

/* The profile that the request names, from `all` or read and added to it. NULL when there is none or it may
 * not be used, which is reported. */
const struct loaded_profile *profile_load(struct loaded_profile **all, const struct profile_path *path,
                                          const struct device_request *r, struct diagnostics *d);
void profiles_unload(struct loaded_profile *all);

#endif
