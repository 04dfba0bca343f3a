/*
 * Counts the AArch64 instructions that a program executes under QEMU's user mode, by class.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 *     cc -O2 -shared -fPIC -o arm_instructions.so arm_instructions.c
 *     qemu-aarch64 -plugin ./arm_instructions.so,out=/absolute/path/counts.jsonl program
 *
 * The program opens a region by prctl(0x4c575052, 1) and closes it by prctl(0x4c575052, 2), which the kernel answers
 * with EINVAL. Each region that is closed appends one line of JSON to the file: the instructions that this thread
 * executed after the system call that opened the region, up to the one that closes it, that one included; and how many
 * all other threads executed meanwhile. Opening a region starts it anew if one is open; it is closed by the thread that
 * opened it.
 *
 * Runs in every QEMU whose plugin interface has a version from 1 (QEMU 7) to 7 (QEMU 11). It needs no header of QEMU's:
 * the functions that it takes are declared below, and which of them there are is known only once it is loaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Classes of instructions ------------------------------------------------------------------------------------ */

enum class {
    VECTOR_FMA,   /* fmla, fmls, fmlal, fmlsl: of vectors and by element, in every precision */
    VECTOR_LOAD,  /* fills a SIMD&FP register, a scalar float's (ldr s0) included */
    VECTOR_STORE, /* stores a SIMD&FP register */
    VECTOR_OTHER, /* the rest of Advanced SIMD: also dot and matrix products, bfloat16 and integer multiply-adds */
    SCALAR,       /* arithmetic on general registers, and of single floats: also fmadd, and fmla on a scalar */
    BRANCH,
    LOAD,         /* to general registers, the atomic operations that read and write, prefetches */
    STORE,
    OTHER,        /* system: svc, barriers, nop, mrs; extensions that the emulated cores lack (SVE, SME) */
    CLASSES,
};

static const char *const NAMES[CLASSES] = {
    "vector_fma", "vector_load", "vector_store", "vector_other", "scalar", "branch", "load", "store", "other",
};

static uint32_t bits(uint32_t word, int high, int low)
{
    return word >> low & ((UINT32_C(2) << (high - low)) - 1);
}

static bool fits(uint32_t word, uint32_t mask, uint32_t value)
{
    return (word & mask) == value;
}

/* Arm Architecture Reference Manual, C4.1.94 "Data Processing -- Scalar Floating-Point and Advanced SIMD". */
static enum class simd_arithmetic(uint32_t word)
{
    if (bits(word, 31, 31) ? !bits(word, 30, 30) : bits(word, 28, 28)) { /* x0x1 and 01x1: one element */
        bool sha = fits(word, 0xff208c00, 0x5e000000) || fits(word, 0xff3e0c00, 0x5e280800);
        return sha ? VECTOR_OTHER : SCALAR;
    }
    bool fma = fits(word, 0xbf20fc00, 0x0e20cc00)     /* fmla, fmls: three registers, single and double precision */
               || fits(word, 0xbf60fc00, 0x0e400c00)  /* half precision */
               || fits(word, 0xbf80b400, 0x0f801000)  /* by element, single and double precision */
               || fits(word, 0xbfc0b400, 0x0f001000)  /* half precision */
               || fits(word, 0xbf60fc00, 0x0e20ec00)  /* fmlal, fmlsl: half precision to single */
               || fits(word, 0xbf60fc00, 0x2e20cc00)  /* fmlal2, fmlsl2 */
               || fits(word, 0xbfc0b400, 0x0f800000)  /* fmlal, fmlsl by element */
               || fits(word, 0xbfc0b400, 0x2f808000); /* fmlal2, fmlsl2 */
    return fma ? VECTOR_FMA : VECTOR_OTHER;
}

/* C4.1.95 "Loads and Stores". */
static enum class memory_access(uint32_t word)
{
    bool loads = bits(word, 22, 22);
    if (bits(word, 29, 27) == 3 && bits(word, 25, 24) == 0) { /* literal */
        return bits(word, 26, 26) ? VECTOR_LOAD : LOAD;
    }
    if (bits(word, 26, 26)) {
        return loads ? VECTOR_LOAD : VECTOR_STORE;
    }
    switch (bits(word, 29, 27)) {
    case 1: /* exclusive and ordered; compare and swap, whose bit 22 says something else */
        if (bits(word, 21, 21) && (bits(word, 23, 23) || !bits(word, 31, 31))) {
            return LOAD;
        }
        break;
    case 3: /* ordered, unscaled offset: bits 23 and 22 as below */
        return bits(word, 23, 22) ? LOAD : STORE;
    case 7: /* one register, atomic operations, prefetches */
        if (!bits(word, 24, 24) && bits(word, 21, 21) && bits(word, 11, 10) != 2) {
            return LOAD; /* atomic operations; ldraa, ldrab */
        }
        return bits(word, 23, 22) ? LOAD : STORE;
    }
    return loads ? LOAD : STORE;
}

/* The manual's table C4-1: bits 28 to 25 say which group an instruction belongs to. */
enum class instruction_class(uint32_t word);
enum class instruction_class(uint32_t word)
{
    uint32_t group = bits(word, 28, 25);
    if ((group & 7) == 7) {
        return simd_arithmetic(word);
    }
    if ((group & 5) == 4) {
        return memory_access(word);
    }
    if ((group & 7) == 5 || (group & 14) == 8) {
        return SCALAR; /* of registers, with immediates */
    }
    if ((group & 14) == 10) {
        bool system = bits(word, 31, 25) == 0x6a; /* exceptions, system; all others of the group branch */
        return system ? OTHER : BRANCH;
    }
    return OTHER;
}

const char *class_name(unsigned int number);
const char *class_name(unsigned int number)
{
    return number < CLASSES ? NAMES[number] : NULL;
}

/* ---- QEMU's interface ------------------------------------------------------------------------------------------- */

#define FROM_QEMU extern __attribute__((weak))
#define TO_QEMU __attribute__((visibility("default")))
#define NEWEST 7

typedef struct {
    const char *target_name;
    struct {
        int min;
        int cur;
    } version;
    bool system_emulation;
} information;

typedef void (*callback)(void);

enum { NO_REGISTERS = 0 }; /* QEMU_PLUGIN_CB_NO_REGS */

/* The last argument is new in version 7; older ones are called with it in a register that they do not read. */
FROM_QEMU void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, callback called, void *data);
FROM_QEMU void qemu_plugin_register_vcpu_syscall_cb(uint64_t id, callback called, void *data);

/* The same in all versions. */
FROM_QEMU void qemu_plugin_register_vcpu_tb_exec_cb(
    void *block, void (*entered)(unsigned int thread, void *data), int flags, void *data);
FROM_QEMU size_t qemu_plugin_tb_n_insns(const void *block);
FROM_QEMU void *qemu_plugin_tb_get_insn(const void *block, size_t position);

/* Version 1 and 2 return a pointer to the instruction and take one argument; later ones copy it. */
FROM_QEMU const void *qemu_plugin_insn_data(const void *instruction, void *copy, size_t size);

/* New in version 2; only its being there is of interest. */
FROM_QEMU void qemu_plugin_scoreboard_new(void);

#ifdef INTERFACE
TO_QEMU int qemu_plugin_version = INTERFACE;
#else
TO_QEMU int qemu_plugin_version = 1; /* the lowest that this QEMU takes, as a rule */

static void __attribute__((constructor)) find_version(void)
{
    if (qemu_plugin_scoreboard_new) {
        qemu_plugin_version = 2;
    }
}
#endif

static int interface; /* version of this QEMU's */

static uint32_t instruction_word(const void *instruction)
{
    uint8_t copy[4] = {0};
    if (interface < 3) {
        memcpy(copy, qemu_plugin_insn_data(instruction, NULL, 0), sizeof copy);
    } else {
        qemu_plugin_insn_data(instruction, copy, sizeof copy);
    }
    return copy[0] | copy[1] << 8 | copy[2] << 16 | (uint32_t)copy[3] << 24;
}

/* ---- Regions ---------------------------------------------------------------------------------------------------- */

struct block {
    uint64_t size;
    uint64_t counts[CLASSES];
};

static char file[4096];
static int64_t opener = -1; /* the thread that has a region open */
static uint64_t counts[CLASSES];
static uint64_t elsewhere; /* executed by other threads */

/* Count a block at once whenever it is entered. */
static void entered(unsigned int thread, void *data)
{
    const struct block *block = data;
    int64_t now = __atomic_load_n(&opener, __ATOMIC_RELAXED);
    if (now == thread) {
        for (int i = 0; i < CLASSES; i++) {
            counts[i] += block->counts[i];
        }
    } else if (now >= 0) {
        __atomic_add_fetch(&elsewhere, block->size, __ATOMIC_RELAXED);
    }
}

static void translated(void *translation)
{
    struct block *block = calloc(1, sizeof *block); /* for as long as QEMU may enter it: to the end */
    if (!block) {
        abort();
    }
    block->size = qemu_plugin_tb_n_insns(translation);
    for (size_t i = 0; i < block->size; i++) {
        block->counts[instruction_class(instruction_word(qemu_plugin_tb_get_insn(translation, i)))]++;
    }
    qemu_plugin_register_vcpu_tb_exec_cb(translation, entered, NO_REGISTERS, block);
}

enum { PRCTL = 167, OPEN = 1, CLOSE = 2 };
#define OURS UINT64_C(0x4c575052)

static void failed(const char *what)
{
    fprintf(stderr, "arm_instructions: cannot %s %s: %s\n", what, file, strerror(errno));
}

/* Append a line, whole or not at all. */
static void append(const char *line, size_t size)
{
    struct stat before;
    int place = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (place < 0 || fstat(place, &before) != 0) {
        failed("open");
    } else if (write(place, line, size) != (ssize_t)size) {
        failed("write");
        if (ftruncate(place, before.st_size) != 0) {
            failed("mend");
        }
    }
    if (place >= 0) {
        close(place);
    }
}

static void write_counts(void)
{
    char line[1024];
    int size = snprintf(line, sizeof line, "{");
    for (int i = 0; i < CLASSES; i++) {
        size += snprintf(line + size, sizeof line - size, "\"%s\": %" PRIu64 ", ", NAMES[i], counts[i]);
    }
    size += snprintf(line + size, sizeof line - size, "\"elsewhere\": %" PRIu64 "}\n", elsewhere);
    append(line, size);
}

static void called(unsigned int thread, int64_t number, uint64_t first, uint64_t second)
{
    if (number != PRCTL || first != OURS) {
        return;
    }
    if (second == OPEN) {
        memset(counts, 0, sizeof counts);
        elsewhere = 0;
        __atomic_store_n(&opener, thread, __ATOMIC_SEQ_CST);
    } else if (second == CLOSE && opener == thread) {
        __atomic_store_n(&opener, -1, __ATOMIC_SEQ_CST);
        write_counts();
    }
}

/* ---- Callbacks: up to version 6 they begin with the plugin's number, from version 7 they end with data ---------- */

#define UNUSED __attribute__((unused))

static void translated_6(uint64_t id UNUSED, void *block)
{
    translated(block);
}

static void translated_7(void *block, void *data UNUSED)
{
    translated(block);
}

static void called_6(uint64_t id UNUSED, unsigned int thread, int64_t number, uint64_t first, uint64_t second)
{
    called(thread, number, first, second);
}

static void called_7(unsigned int thread, int64_t number, uint64_t first, uint64_t second)
{
    called(thread, number, first, second);
}

TO_QEMU int qemu_plugin_install(uint64_t id, const information *qemu, int argc, char **argv);
TO_QEMU int qemu_plugin_install(uint64_t id, const information *qemu, int argc, char **argv)
{
    interface = qemu->version.cur;
    if (interface > NEWEST) {
        fprintf(stderr, "arm_instructions: the plugin interface %d is newer than %d\n", interface, NEWEST);
        return -1;
    }
    if (strcmp(qemu->target_name, "aarch64") != 0 || qemu->system_emulation) {
        fprintf(stderr, "arm_instructions: only for qemu-aarch64\n");
        return -1;
    }
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=/", 5) != 0 || strlen(argv[i] + 4) >= sizeof file) {
            fprintf(stderr, "arm_instructions: unknown argument %s\n", argv[i]);
            return -1;
        }
        strcpy(file, argv[i] + 4);
    }
    if (!file[0]) {
        fprintf(stderr, "arm_instructions: out=/absolute/path is missing\n");
        return -1;
    }
    bool late = interface >= 7;
    qemu_plugin_register_vcpu_tb_trans_cb(id, late ? (callback)translated_7 : (callback)translated_6, NULL);
    qemu_plugin_register_vcpu_syscall_cb(id, late ? (callback)called_7 : (callback)called_6, NULL);
    return 0;
}
