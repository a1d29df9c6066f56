/* SPDX-License-Identifier: MIT */
/* wait.c - requests to a vCPU, and a vCPU that waits for one. */
#include "core/machine.h"

void vcpu_request(struct vcpu *cpu, unsigned requests)
{
    unsigned before = atomic_fetch_or(&cpu->requests, requests);

    if ((before & requests) == requests)
        return; /* it has been woken for them already */
    cpu->m->engine->kick(cpu);
    pthread_cond_signal(&cpu->wake);
}

void vcpu_withdraw(struct vcpu *cpu, unsigned requests)
{
    atomic_fetch_and(&cpu->requests, ~requests);
}
