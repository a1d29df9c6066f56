/* SPDX-License-Identifier: MIT */
/*
 * soft_vec_rig.c - see soft_vec_rig.h
 *
 * VITRO_ORACLE_CASES   cases a row
 * VITRO_ORACLE_SEED    of the random numbers
 * VITRO_ORACLE_ROW     only rows whose name has this in it
 *
 * The software CPU's memory functions are replaced by ones that know the test's page only.
 */
#include "soft_vec_rig.h"

#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/soft/fpu.h"
#include "engine/soft/ops_simd.h"
#include "soft_oracle.h"
#include "host_vendor.h"
#include "soft_claims.h"
#include "soft_vec_amd.h"

enum { SHOW = 40, TRIES = 4 };

/* ---- the software CPU's memory ------------------------------------------------------------------- */

static bool canonical(uint64_t linear)
{
    return (uint64_t)((int64_t)(linear << 16) >> 16) == linear;
}

/* No wires: ignored. */
bool soft_ferr_wait(struct soft_cpu *c, bool pending)
{
    (void)c;
    (void)pending;
    return true;
}

bool soft_raise(struct soft_cpu *c, enum soft_vector vector)
{
    c->stop = (struct soft_stop){ .kind = SOFT_FAULT, .vector = (uint8_t)vector };
    return false;
}

bool soft_raise_error(struct soft_cpu *c, enum soft_vector vector, uint32_t error)
{
    c->stop = (struct soft_stop){
        .kind = SOFT_FAULT, .vector = (uint8_t)vector, .has_error = true, .error = error
    };
    return false;
}

bool soft_linear(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned len, bool write,
                 uint64_t *linear)
{
    (void)write;
    *linear = ea;
    if (!canonical(ea) || !canonical(ea + len - 1))
        return soft_raise_error(c, seg == X86_SS ? VEC_SS : VEC_GP, 0);
    return true;
}

/* The place in the page; NULL with #PF at the first byte that is not in it. */
static uint8_t *place(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned len, bool write)
{
    uint64_t linear, bad;

    if (!soft_linear(c, seg, ea, len, write, &linear))
        return NULL;
    if (linear - RIG_PLACE < RIG_PAGE && len <= RIG_PAGE - (linear - RIG_PLACE))
        return (uint8_t *)linear; /* the same address on both sides */
    bad = linear - RIG_PLACE < RIG_PAGE ? RIG_PLACE + RIG_PAGE : linear;
    soft_raise_error(c, VEC_PF, write ? PF_U | PF_W : PF_U);
    c->stop.cr2 = bad;
    return NULL;
}

static bool aligned_enough(struct soft_cpu *c, uint64_t linear, unsigned width)
{
    return linear % width == 0 || c->cpl != 3 || !(c->s.rflags & X86_RFLAGS_AC) ||
           soft_raise_error(c, VEC_AC, 0);
}

bool soft_load_block(struct soft_cpu *c, unsigned seg, uint64_t ea, void *dst, unsigned len)
{
    const uint8_t *p = place(c, seg, ea, len, false);

    if (p != NULL)
        memcpy(dst, p, len);
    return p != NULL;
}

bool soft_store_block(struct soft_cpu *c, unsigned seg, uint64_t ea, const void *src, unsigned len)
{
    uint8_t *p = place(c, seg, ea, len, true);

    if (p != NULL)
        memcpy(p, src, len);
    return p != NULL;
}

bool soft_load(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned width, uint64_t *out)
{
    uint8_t buf[8];

    if (!aligned_enough(c, ea, width) || !soft_load_block(c, seg, ea, buf, width))
        return false;
    *out = le_get(buf, width);
    return true;
}

bool soft_store(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned width, uint64_t val)
{
    uint8_t buf[8];

    le_put(buf, width, val);
    return aligned_enough(c, ea, width) && soft_store_block(c, seg, ea, buf, width);
}

bool soft_can_write(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned len)
{
    return (len > 8 || aligned_enough(c, ea, len)) && place(c, seg, ea, len, true) != NULL;
}

bool soft_load_to_write(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned width,
                        uint64_t *out)
{
    return soft_can_write(c, seg, ea, width) && soft_load(c, seg, ea, width, out);
}

/* The engine's own, which brings all of memory with it, is tested elsewhere. */
uint64_t soft_ea(const struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t ea = in->disp + (in->base == X86_REG_NONE ? 0 : c->s.gpr[in->base]);

    if (in->index != X86_REG_NONE)
        ea += c->s.gpr[in->index] << in->scale;
    return ea & ones(in->addrsize);
}

static struct soft_fx *fx_of(struct native_state *s)
{
    return (struct soft_fx *)s->xsave;
}

/* ---- execution ------------------------------------------------------------------------------- */

static void to_soft(struct rig *r, const struct rig_case *k)
{
    struct soft_cpu *c = r->c;

    memcpy(c->s.gpr, k->before.gpr, sizeof(c->s.gpr));
    c->s.rflags = k->before.rflags;
    c->s.rip = (uint64_t)r->host.code;
    memcpy(c->s.xsave, k->before.xsave, NATIVE_XSAVE);
    c->s.xsave_len = NATIVE_XSAVE;
    c->s.cr0 = X86_CR0_PE | X86_CR0_NE | X86_CR0_MP | X86_CR0_PG | X86_CR0_AM;
    c->s.cr4 = X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_OSXSAVE;
    c->s.xcr0 = FX_ALL;
    c->mode = X86_MODE_LONG;
    c->code_bits = 64;
    c->cpl = 3;
    c->stop = (struct soft_stop){ .kind = SOFT_GOES_ON };
}

void rig_soft(struct rig *r, struct rig_case *k)
{
    const struct soft_op *op = soft_simd_op(x86_insn_row(&k->in));
    struct soft_cpu *c = r->c;
    bool done;

    to_soft(r, k);
    done = op->insn(c, &k->in);
    k->soft = k->before;
    memcpy(k->soft.gpr, c->s.gpr, sizeof(c->s.gpr));
    k->soft.rflags = c->s.rflags;
    memcpy(k->soft.xsave, c->s.xsave, NATIVE_XSAVE);
    k->soft.vector = done ? NATIVE_OK : c->stop.vector;
    k->soft.error = c->stop.error;
    k->soft.cr2 = c->stop.cr2;
}

bool rig_execute(struct rig *r, enum x86_mode mode, enum x86_code code, const uint8_t *bytes)
{
    struct soft_cpu *c = r->c;
    struct x86_insn in;

    if (x86_decode(bytes, X86_INSN_MAX, code, &in) != X86_DECODE_OK)
        abort();
    c->mode = mode;
    c->code_bits = (uint8_t)code;
    c->cpl = 0;
    c->stop = (struct soft_stop){ .kind = SOFT_GOES_ON };
    return soft_simd_op(x86_insn_row(&in))->insn(c, &in);
}

/* A component that the host has in its initial state is not in the frame. */
static void settle_host(struct native_state *s)
{
    struct soft_fx *fx = fx_of(s);
    static const struct soft_fx zero;

    if (!(fx->xstate_bv & FX_X87)) {
        memset(fx, 0, 24);
        memset(fx->st, 0, sizeof(fx->st));
        fx->fcw = FCW_INIT;
    }
    if (!(fx->xstate_bv & FX_SSE))
        memcpy(fx->xmm, zero.xmm, sizeof(fx->xmm));
    if (!(fx->xstate_bv & FX_AVX))
        memcpy(fx->ymm_high, zero.ymm_high, sizeof(fx->ymm_high));
}

static void run_host(struct rig *r, struct rig_case *k)
{
    k->host = k->before;
    native_run(&r->host, k->bytes, k->in.len, &k->host);
    settle_host(&k->host);
}

/* ---- comparison ------------------------------------------------------------------------------ */

static void show_hex(const char *what, unsigned i, const uint8_t *before, const uint8_t *soft,
                     const uint8_t *host, unsigned len)
{
    const uint8_t *v[3] = { before, soft, host };
    static const char *const names[] = { "before", "soft", "host" };

    for (unsigned n = 0; n < 3; n++) {
        printf("  %s%u %-6s ", what, i, names[n]);
        for (unsigned b = len; b-- > 0;)
            printf("%02x", v[n][b]);
        printf("\n");
    }
}

static void show(const struct rig *r, struct rig_case *k)
{
    struct soft_fx *b = fx_of(&k->before), *s = fx_of(&k->soft), *h = fx_of(&k->host);

    printf("%s:", x86_op_names[k->in.op]);
    for (unsigned i = 0; i < k->in.len; i++)
        printf(" %02x", k->bytes[i]);
    printf(" vector %d host %d error %lx %lx cr2 %lx %lx\n", k->soft.vector, k->host.vector,
           (unsigned long)k->soft.error, (unsigned long)k->host.error, (unsigned long)k->soft.cr2,
           (unsigned long)k->host.cr2);
    for (unsigned i = 0; i < 16; i++)
        if (k->soft.gpr[i] != k->host.gpr[i])
            show_hex("gpr", i, (uint8_t *)&k->before.gpr[i], (uint8_t *)&k->soft.gpr[i],
                     (uint8_t *)&k->host.gpr[i], 8);
    if ((k->soft.rflags ^ k->host.rflags) & RIG_FLAGS)
        printf("  flags %lx -> %lx host %lx\n", (unsigned long)k->before.rflags,
               (unsigned long)k->soft.rflags, (unsigned long)k->host.rflags);
    printf("  mxcsr %x -> %x host %x; fcw %x %x %x fsw %x %x %x ftw %x %x %x\n", b->mxcsr, s->mxcsr,
           h->mxcsr, b->fcw, s->fcw, h->fcw, b->fsw, s->fsw, h->fsw, b->ftw, s->ftw, h->ftw);
    printf("  fop %x %x %x fip %lx %lx %lx fdp %lx %lx %lx at %p\n", b->fop, s->fop, h->fop,
           (unsigned long)b->fip, (unsigned long)s->fip, (unsigned long)h->fip,
           (unsigned long)b->fdp, (unsigned long)s->fdp, (unsigned long)h->fdp,
           (void *)r->host.code);
    for (unsigned i = 0; i < 8; i++)
        if (memcmp(s->st[i], h->st[i], 16) != 0)
            show_hex("st", i, b->st[i], s->st[i], h->st[i], 16);
    for (unsigned i = 0; i < 16; i++) {
        if (memcmp(s->xmm[i], h->xmm[i], 16) != 0)
            show_hex("xmm", i, b->xmm[i], s->xmm[i], h->xmm[i], 16);
        if (memcmp(s->ymm_high[i], h->ymm_high[i], 16) != 0)
            show_hex("high", i, b->ymm_high[i], s->ymm_high[i], h->ymm_high[i], 16);
    }
    for (unsigned i = 0; i < RIG_PAGE; i++)
        if (r->soft_after[i] != r->page[i]) {
            unsigned at = i & ~31u;

            show_hex("memory", at, r->before + at, r->soft_after + at, r->page + at, 32);
            i = at + 31;
        }
}

static bool same_pointers(const struct rig *r, const struct soft_fx *s, const struct soft_fx *h)
{
    if (s->fip != h->fip)
        return false;
    return !r->fdp_excptn_only || (s->fdp == h->fdp && s->fop == h->fop);
}

static bool is_masked_move(const struct x86_insn *in)
{
    return strstr(x86_mnemonic_names[x86_insn_row(in)->mnemonic], "maskmov") != NULL;
}

/* CPUs name any byte of the page when only some elements are accessed. */
static bool same_fault(const struct rig_case *k)
{
    uint64_t cr2 = k->soft.cr2 ^ k->host.cr2;

    if (k->soft.vector != k->host.vector)
        return false;
    if (k->soft.vector != VEC_PF)
        return true;
    return (is_masked_move(&k->in) ? cr2 / RIG_PAGE : cr2) == 0 &&
           !((k->soft.error ^ k->host.error) & (PF_U | PF_W));
}

static bool same(struct rig *r, struct rig_case *k)
{
    const struct soft_fx *s = fx_of(&k->soft), *h = fx_of(&k->host);

    if (!same_fault(k))
        return false;
    return s->mxcsr == h->mxcsr && memcmp(k->soft.gpr, k->host.gpr, sizeof(k->soft.gpr)) == 0 &&
           !((k->soft.rflags ^ k->host.rflags) & RIG_FLAGS) && s->fcw == h->fcw &&
           s->fsw == h->fsw && s->ftw == h->ftw && same_pointers(r, s, h) &&
           memcmp(s->st, h->st, sizeof(s->st)) == 0 &&
           memcmp(s->xmm, h->xmm, sizeof(s->xmm)) == 0 &&
           memcmp(s->ymm_high, h->ymm_high, sizeof(s->ymm_high)) == 0 &&
           memcmp(r->soft_after, r->page, RIG_PAGE) == 0;
}

/*
 * Whatever makes Linux save the state between the frame and the instruction takes FIP, FDP and FOP from an
 * AMD CPU, when no exception is pending: XSAVE saves zeros then. It is rare, so the host is asked again.
 */
static bool same_as_host(struct rig *r, struct rig_case *k)
{
    bool may_lose = r->amd && !(fx_of(&k->before)->fsw & FSW_ES);

    for (unsigned n = 0; n < (may_lose ? TRIES : 1); n++) {
        memcpy(r->page, r->before, RIG_PAGE);
        run_host(r, k);
        if (same(r, k))
            return true;
    }
    return false;
}

/* VZEROALL, FXRSTOR and the like name no register; what has MMX registers is the x87's. */
static bool as_its_row_says(struct rig_case *k)
{
    const struct x86_row *row = x86_insn_row(&k->in);
    struct soft_fx *b = fx_of(&k->before), *s = fx_of(&k->soft);
    const char *wrong =
        claims_wrong(&k->in, k->before.gpr, k->soft.gpr, k->before.rflags, k->soft.rflags);

    for (unsigned i = 0; i < 16 && row->klass != X86_CLASS_STATE && row->operand[0] != 0; i++) {
        if ((memcmp(s->xmm[i], b->xmm[i], 16) != 0 ||
             memcmp(s->ymm_high[i], b->ymm_high[i], 16) != 0) &&
            !claims_writes_vector(&k->in, i))
            wrong = "a vector register that its row does not write";
    }
    if (wrong != NULL)
        printf("%s changes %s\n", x86_op_names[k->in.op], wrong);
    return wrong == NULL;
}

void rig_check(struct rig *r, struct rig_case *k)
{
    bool told;

    rig_soft(r, k);
    told = as_its_row_says(k);
    memcpy(r->soft_after, r->page, RIG_PAGE);
    memcpy(r->page, r->before, RIG_PAGE);
    if (r->amd)
        vec_amd_expect(r, k);
    r->cases++;
    if (same_as_host(r, k) && told)
        return;
    r->differences++;
    if (r->shown++ < SHOW)
        show(r, k);
}

/* ---- all rows of a class ----------------------------------------------------------------------- */

static void check_row(struct rig *r, enum x86_op op, unsigned cases)
{
    unsigned before = r->differences, shown = r->shown;
    struct rig_case k;

    r->rows++;
    for (unsigned i = 0; i < cases; i++) {
        if (!rig_encode(r, op, &k)) {
            printf("%s: no encoding found\n", x86_op_names[op]);
            r->differences++;
            return;
        }
        rig_fill(r, &k);
        rig_check(r, &k);
        if (r->shown > shown + 2)
            r->shown = SHOW; /* the first of each row are enough */
    }
    r->shown = shown + (r->differences > before);
    if (r->differences > before)
        printf("%s: %u of %u differ\n", x86_op_names[op], r->differences - before, cases);
}

void rig_class(struct rig *r, enum x86_class klass, unsigned cases)
{
    const char *only = getenv("VITRO_ORACLE_ROW");

    for (unsigned op = 1; op < X86_NOPS; op++) {
        const struct x86_row *row = &x86_rows[op];

        if (row->klass != klass || !oracle_is_vector(row) ||
            (only != NULL && strstr(x86_op_names[op], only) == NULL))
            continue;
        if (!soft_simd_host_has((enum x86_feature)row->feature))
            printf("%s: not on this host\n", x86_op_names[op]);
        else
            check_row(r, (enum x86_op)op, cases);
    }
}

uint64_t rig_seed(void)
{
    const char *text = getenv("VITRO_ORACLE_SEED");

    return text == NULL ? 1 : strtoull(text, NULL, 0);
}

unsigned rig_cases(void)
{
    const char *text = getenv("VITRO_ORACLE_CASES");
    unsigned n = text == NULL ? 0 : (unsigned)strtoul(text, NULL, 10);

    return n > 0 ? n : RIG_CASES;
}

void rig_report(const struct rig *r, const char *what)
{
    printf("%s: %u rows, %u cases, %u differences\n", what, r->rows, r->cases, r->differences);
}

void rig_open(struct rig *r, uint64_t seed)
{
    unsigned eax, ebx = 0, ecx, edx;
    uint8_t *p;

    memset(r, 0, sizeof(*r));
    r->seed = seed;
    r->c = calloc(1, sizeof(*r->c));
    p = mmap((void *)(RIG_PLACE - RIG_PAGE), 4 * RIG_PAGE, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (r->c == NULL || p != (uint8_t *)(RIG_PLACE - RIG_PAGE) ||
        mprotect(p + RIG_PAGE, RIG_PAGE, PROT_READ | PROT_WRITE) != 0)
        abort();
    r->page = p + RIG_PAGE;
    __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
    r->amd = host_is_amd();
    r->fdp_excptn_only = r->amd || ebx >> 6 & 1;
    soft_fx_reset(r->c);
    r->c->s.xcr0 = FX_ALL;
    r->c->s.cr0 = X86_CR0_PE | X86_CR0_NE;
    r->c->s.cr4 = X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_OSXSAVE;
    native_open(&r->host);
}

void rig_close(struct rig *r)
{
    native_close(&r->host);
    munmap(r->page - RIG_PAGE, 4 * RIG_PAGE);
    free(r->c);
}
