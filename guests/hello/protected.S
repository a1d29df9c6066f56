/* SPDX-License-Identifier: MIT */
/* hello in 32-bit mode, flat segments, no paging. */
#include "hello32.h"
