/* SPDX-License-Identifier: MIT */
/* hello in 32-bit mode, paging with one 4 MiB page. */
#include "hello32.h"
