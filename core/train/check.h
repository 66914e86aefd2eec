/* Whether a job can be trained at all, before anything is made for it. */
#ifndef ORR_TRAIN_CHECK_H
#define ORR_TRAIN_CHECK_H

#include "train/train.h"

/* EINVAL names the setting, its value and what is expected. Any thread. */
ORR_CHECKED orr_status orr_train_check(const struct orr_train_job *job, struct orr_error *err);

#endif
