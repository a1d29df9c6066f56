/* SPDX-License-Identifier: MIT */
/*
 * elf.c - reads and judges an ELF executable
 *
 * Source: System V gABI, "ELF Header" and "Program Header"; the 32-bit and 64-bit records come
 * from <elf.h>, which has them from there. Only offsets and widths are taken from its structs: the
 * input has no alignment, so that every field is fetched byte by byte.
 *
 * Left out: relocation and dynamic linking (refused with advice), a segment's p_align (a loader that
 * copies does not need it), e_ehsize and e_flags (x86 defines none).
 */
#include "boot/elf.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bits.h"

#define HEX "0x%" PRIx64

struct place {
    uint8_t off, width;
};

#define PLACE(type, field) offsetof(type, field), sizeof(((type *)0)->field)
#define X(record, field) \
    [ELF_##field] = { { PLACE(Elf32_##record, field) }, { PLACE(Elf64_##record, field) } },
static const struct place places[][2] = { ELF_FIELDS(X) }; /* ELF32, ELF64 */
#undef X
_Static_assert(ARRAY_LEN(places) == ELF_FIELD_COUNT, "one row a field");

static const uint8_t record_sizes[][2] = {
    [ELF_Ehdr] = { sizeof(Elf32_Ehdr), sizeof(Elf64_Ehdr) },
    [ELF_Phdr] = { sizeof(Elf32_Phdr), sizeof(Elf64_Phdr) },
    [ELF_Shdr] = { sizeof(Elf32_Shdr), sizeof(Elf64_Shdr) },
    [ELF_Sym] = { sizeof(Elf32_Sym), sizeof(Elf64_Sym) },
};

uint64_t elf_get(const struct elf_file *f, uint64_t off, enum elf_field field)
{
    const struct place *p = &places[field][f->is64];

    return le_get(f->bytes + off + p->off, p->width);
}

unsigned elf_record_size(const struct elf_file *f, enum elf_record record)
{
    return record_sizes[record][f->is64];
}

bool elf_is(const void *bytes, size_t len)
{
    return len >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0;
}

/* Ours, and those whose files people do hand to an x86 monitor. */
static const char *const machine_names[] = {
    [EM_386] = "32-bit x86", [EM_X86_64] = "x86-64", [EM_ARM] = "ARM",    [EM_AARCH64] = "AArch64",
    [EM_RISCV] = "RISC-V",   [EM_PPC64] = "PowerPC", [EM_S390] = "S/390",
};

static const char *machine_name(unsigned machine)
{
    bool known = machine < ARRAY_LEN(machine_names) && machine_names[machine] != NULL;

    return known ? machine_names[machine] : "another machine";
}

static int check_ident(const uint8_t *id, size_t len, struct vitro_err *err)
{
    if (!elf_is(id, len))
        return elf_refuse(err, "no magic number at the start of the file (%zu bytes)", len);
    if (len < EI_NIDENT)
        return elf_refuse(err, "truncated: %zu bytes, the header alone has 52 or 64", len);
    if (id[EI_CLASS] != ELFCLASS32 && id[EI_CLASS] != ELFCLASS64)
        return elf_refuse(err, "class is %u, must be 1 (32-bit) or 2 (64-bit)", id[EI_CLASS]);
    if (id[EI_DATA] == ELFDATA2MSB)
        return elf_refuse(err, "the file is big-endian, x86 is little-endian");
    if (id[EI_DATA] != ELFDATA2LSB)
        return elf_refuse(err, "data encoding is %u, must be 1 (little-endian)", id[EI_DATA]);
    if (id[EI_VERSION] != EV_CURRENT)
        return elf_refuse(err, "version is %u, must be 1", id[EI_VERSION]);
    return 0;
}

static int check_machine(const struct elf_file *f, struct vitro_err *err)
{
    unsigned machine = (unsigned)elf_get(f, 0, ELF_e_machine);
    unsigned want = f->is64 ? EM_X86_64 : EM_386;

    if (machine == want)
        return 0;
    if (machine == EM_X86_64)
        return elf_refuse(err, "32-bit file that says machine x86-64 (x32); build with gcc -m32 "
                               "and ld -m elf_i386, or for 64 bits");
    return elf_refuse(err, "built for %s (machine %u), must be %s (%u)", machine_name(machine),
                      machine, machine_name(want), want);
}

int elf_file_init(struct elf_file *f, const void *bytes, size_t len, struct vitro_err *err)
{
    const uint8_t *id = bytes;
    int rc = check_ident(id, len, err);

    *f = (struct elf_file){ 0 };
    if (rc < 0)
        return rc;
    *f = (struct elf_file){ .bytes = id, .len = len, .is64 = id[EI_CLASS] == ELFCLASS64 };
    if (len < elf_record_size(f, ELF_Ehdr))
        return elf_refuse(err, "truncated: %zu bytes, the header alone has %u", len,
                          elf_record_size(f, ELF_Ehdr));
    if (elf_get(f, 0, ELF_e_version) != EV_CURRENT)
        return elf_refuse(err, "e_version is %" PRIu64 ", must be 1", elf_get(f, 0, ELF_e_version));
    return check_machine(f, err);
}

static int check_type(const struct elf_file *f, struct vitro_err *err)
{
    unsigned type = (unsigned)elf_get(f, 0, ELF_e_type);

    switch (type) {
    case ET_EXEC:
        return 0;
    case ET_DYN:
        return elf_refuse(err, "position-independent executable or shared library, which must be "
                               "relocated; link with -no-pie -static");
    case ET_REL:
        return elf_refuse(err, "object file, not yet linked; link it with ld or gcc -nostdlib");
    case ET_CORE:
        return elf_refuse(err, "core dump, not an executable");
    default:
        return elf_refuse(err, "type is %u, must be 2 (executable)", type);
    }
}

/* addr..addr+size-1 is at or below top; size is not 0. Nothing here can wrap. */
static bool span_fits(uint64_t addr, uint64_t size, uint64_t top)
{
    return addr <= top && size - 1 <= top - addr;
}

static void read_segment(const struct elf_file *f, uint64_t ph, struct elf_segment *s)
{
    uint64_t flags = elf_get(f, ph, ELF_p_flags);

    *s = (struct elf_segment){
        .gpa = elf_get(f, ph, ELF_p_paddr),
        .gva = elf_get(f, ph, ELF_p_vaddr),
        .memsz = elf_get(f, ph, ELF_p_memsz),
        .filesz = elf_get(f, ph, ELF_p_filesz),
        .bytes = f->bytes, /* until check_segment() has seen the offset */
        .read = flags & PF_R,
        .write = flags & PF_W,
        .exec = flags & PF_X,
    };
}

/* Judges program header idx, not empty, by itself; insert_segment() looks at the others. */
static int check_segment(const struct elf_file *f, uint64_t ph, unsigned idx, struct elf_segment *s,
                         struct vitro_err *err)
{
    uint64_t off = elf_get(f, ph, ELF_p_offset);
    uint64_t gpa_top = f->is64 ? BIT(52) - 1 : UINT32_MAX;
    uint64_t gva_top = f->is64 ? UINT64_MAX : UINT32_MAX;

    if (s->filesz > s->memsz)
        return elf_refuse(
            err, "program header %u has " HEX " bytes in the file, more than its " HEX " in memory",
            idx, s->filesz, s->memsz);
    if (s->filesz > 0 && !elf_has(f, off, s->filesz))
        return elf_refuse(err,
                          "program header %u takes file bytes " HEX "+" HEX
                          " but the file ends at " HEX "; truncated?",
                          idx, off, s->filesz, (uint64_t)f->len);
    if (!span_fits(s->gpa, s->memsz, gpa_top))
        return elf_refuse(err,
                          "program header %u loads to physical " HEX "+" HEX ", past the last "
                          "address " HEX "; set the load address with AT() in the linker "
                          "script",
                          idx, s->gpa, s->memsz, gpa_top);
    if (!span_fits(s->gva, s->memsz, gva_top))
        return elf_refuse(err, "program header %u wraps around at linear " HEX "+" HEX, idx, s->gva,
                          s->memsz);
    if (s->filesz > 0) /* the offset of an empty part may be anything */
        s->bytes = f->bytes + off;
    return 0;
}

static bool overlap(const struct elf_segment *a, const struct elf_segment *b)
{
    return ranges_overlap(a->gpa, a->memsz, b->gpa, b->memsz);
}

/* Keeps the array sorted by gpa, so that only neighbours can overlap. */
static int insert_segment(struct elf_image *img, const struct elf_segment *s, struct vitro_err *err)
{
    struct elf_segment *seg = img->segment;
    const struct elf_segment *hit = NULL;
    unsigned i = img->nsegments;

    if (i == ELF_SEGMENTS_MAX)
        return elf_refuse(err, "more than %u loadable segments", ELF_SEGMENTS_MAX);
    while (i > 0 && seg[i - 1].gpa > s->gpa)
        i--;
    if (i > 0 && overlap(&seg[i - 1], s))
        hit = &seg[i - 1];
    else if (i < img->nsegments && overlap(&seg[i], s))
        hit = &seg[i];
    if (hit != NULL)
        return elf_refuse(err, "segments at physical " HEX "+" HEX " and " HEX "+" HEX " overlap",
                          hit->gpa, hit->memsz, s->gpa, s->memsz);
    memmove(&seg[i + 1], &seg[i], (img->nsegments - i) * sizeof(*seg));
    seg[i] = *s;
    img->nsegments++;
    return 0;
}

int elf_program_headers(const struct elf_file *f, uint64_t *off, unsigned *n, struct vitro_err *err)
{
    unsigned want = elf_record_size(f, ELF_Phdr);
    unsigned size = (unsigned)elf_get(f, 0, ELF_e_phentsize);

    *off = elf_get(f, 0, ELF_e_phoff);
    *n = (unsigned)elf_get(f, 0, ELF_e_phnum);
    if (*n == 0)
        return elf_refuse(err, "no program headers, so nothing to load");
    if (*n == PN_XNUM) /* gABI: the real number is in section 0 */
        return elf_refuse(err, "65535 or more program headers (PN_XNUM) are not supported");
    if (size != want)
        return elf_refuse(err, "program headers are %u bytes each, must be %u", size, want);
    if (!elf_has(f, *off, (uint64_t)*n * want))
        return elf_refuse(
            err, "%u program headers at " HEX " are outside the file of " HEX " bytes; truncated?",
            *n, *off, (uint64_t)f->len);
    return 0;
}

static int read_segments(const struct elf_file *f, struct elf_image *img, struct vitro_err *err)
{
    struct elf_segment s;
    uint64_t ph;
    unsigned n;
    int rc = elf_program_headers(f, &ph, &n, err);

    for (unsigned i = 0; rc == 0 && i < n; i++, ph += elf_record_size(f, ELF_Phdr)) {
        uint64_t type = elf_get(f, ph, ELF_p_type);

        if (type == PT_INTERP)
            return elf_refuse(err, "dynamically linked, needs an operating system's loader; link "
                                   "with -static -no-pie");
        if (type != PT_LOAD)
            continue;
        read_segment(f, ph, &s);
        if (s.memsz == 0 && s.filesz == 0)
            continue;
        rc = check_segment(f, ph, i, &s, err);
        if (rc == 0)
            rc = insert_segment(img, &s, err);
    }
    if (rc == 0 && img->nsegments == 0)
        return elf_refuse(err, "none of the %u program headers loads anything", n);
    return rc;
}

/* A segment that holds the address, linear or physical. Overlays may share linear addresses: the
 * lowest in memory is taken. */
static const struct elf_segment *segment_at(const struct elf_image *img, uint64_t addr,
                                            bool physical)
{
    for (unsigned i = 0; i < img->nsegments; i++) {
        const struct elf_segment *s = &img->segment[i];
        uint64_t start = physical ? s->gpa : s->gva;

        if (addr >= start && addr - start < s->memsz)
            return s;
    }
    return NULL;
}

static int find_entry(const struct elf_file *f, struct elf_image *img, struct vitro_err *err)
{
    uint64_t entry = elf_get(f, 0, ELF_e_entry);
    const struct elf_segment *s = segment_at(img, entry, false);

    if (s != NULL)
        img->entry = s->gpa + (entry - s->gva);
    else if (segment_at(img, entry, true) != NULL)
        img->entry = entry; /* Linux, arch/x86/kernel/vmlinux.lds.S: ENTRY(phys_startup_64) */
    else
        return elf_refuse(err,
                          "entry " HEX " is outside every loadable segment; name the first "
                          "instruction with ENTRY() in the linker script or ld -e",
                          entry);
    return 0;
}

int elf_parse(const void *bytes, size_t len, struct elf_image *out, struct vitro_err *err)
{
    struct elf_file f;
    int rc;

    *out = (struct elf_image){ 0 };
    rc = elf_file_init(&f, bytes, len, err);
    if (rc == 0)
        rc = check_type(&f, err);
    if (rc == 0)
        rc = read_segments(&f, out, err);
    if (rc == 0)
        rc = find_entry(&f, out, err);
    if (rc == 0)
        out->is64 = f.is64;
    else
        *out = (struct elf_image){ 0 };
    return rc;
}
