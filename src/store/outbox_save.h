/* SPDX-License-Identifier: Apache-2.0 */
/* One transaction with all that the file should know. */
#ifndef SYMBIONT_OUTBOX_SAVE_H
#define SYMBIONT_OUTBOX_SAVE_H

#include "store/outbox_inside.h"

enum save_what {
    SAVE_ALL,   /* what is due */
    SAVE_ACKS,  /* only acknowledgements: deletes */
    SAVE_FINAL, /* everything, however young */
};

/* FILE_OK also when there was nothing to do (and then nothing is written). Otherwise nothing was
 * changed in the file, and what was to be saved still is. */
enum file_result outbox_save(struct outbox *o, struct mono now, enum save_what what);

/* The last commit of a clean close. */
enum file_result outbox_save_clean(struct outbox *o);

#endif
