/*
 * What a plugin sees of qemu-aarch64, with the plugin interface CURRENT, which takes plugins from version LOWEST on:
 * "translates" a static program without jumps, and "executes" nothing of it but system calls. The block before each of
 * them is entered as often as the variable FAKE_QEMU_ENTERS says.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*function)(void);

struct block {
    const uint32_t *words;
    size_t size;
};

typedef void (*entry)(unsigned thread, void *data);

static function translate, call;
static entry enter;
static void *entered_with;

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, function found) { (void)id, translate = found; }
void qemu_plugin_register_vcpu_syscall_cb(uint64_t id, function found) { (void)id, call = found; }
void qemu_plugin_register_vcpu_tb_exec_cb(void *block, entry found, int flags, void *data)
{
    (void)block, (void)flags, enter = found, entered_with = data;
}
size_t qemu_plugin_tb_n_insns(const struct block *block) { return block->size; }
const void *qemu_plugin_tb_get_insn(const struct block *block, size_t position) { return block->words + position; }

#if CURRENT < 3
const void *qemu_plugin_insn_data(const void *instruction) { return instruction; }
#else
size_t qemu_plugin_insn_data(const void *instruction, void *copy, size_t size)
{
    memcpy(copy, instruction, size);
    return size;
}
#endif

#if CURRENT >= 2
void qemu_plugin_scoreboard_new(void) {}
#endif

static int load(const char *path, char *argument)
{
    void *plugin = dlopen(path, RTLD_NOW);
    if (!plugin) {
        fprintf(stderr, "fake: Could not load plugin: %s\n", dlerror());
        return 1;
    }
    int version = *(int *)dlsym(plugin, "qemu_plugin_version");
    const char *limit = version < LOWEST ? "a minimum version of" : version > CURRENT ? "up to version" : NULL;
    if (limit) {
        fprintf(stderr, "fake: Could not load plugin %s: plugin requires API version %d, but this QEMU supports only "
                        "%s %d\n", path, version, limit, version < LOWEST ? LOWEST : CURRENT);
        return 1;
    }
    struct {
        const char *target;
        int lowest, current;
        bool system;
    } information = {"aarch64", LOWEST, CURRENT, false};
    int (*install)(uint64_t, const void *, int, char **) = (void *)dlsym(plugin, "qemu_plugin_install");
    if (install(1, &information, 1, &argument)) {
        fprintf(stderr, "fake: Could not load plugin %s: qemu_plugin_install returned error code -1\n", path);
        return 1;
    }
    return 0;
}

static void run(const uint32_t *words, size_t size)
{
    const char *enters = getenv("FAKE_QEMU_ENTERS");
    uint64_t registers[32] = {0};
    struct block block = {words, 0};
    for (size_t i = 0; i < size; i++) {
        uint64_t value = words[i] >> 5 & 0xffff, *target = &registers[words[i] & 31];
        block.size++;
        if (words[i] >> 21 == 0xd2800000 >> 21) {
            *target = value;
        } else if (words[i] >> 21 == 0xf2a00000 >> 21) {
            *target |= value << 16;
        } else if (words[i] == 0xd4000001) {
#if CURRENT < 7
            ((void (*)(uint64_t, void *))translate)(1, &block);
#else
            ((void (*)(void *, void *))translate)(&block, NULL);
#endif
            for (int times = 0; times < (enters ? atoi(enters) : 1); times++) {
                enter(0, entered_with);
            }
#if CURRENT < 7
            ((void (*)(uint64_t, unsigned, int64_t, uint64_t, uint64_t))call)(
                1, 0, registers[8], registers[0], registers[1]);
#else
            ((void (*)(unsigned, int64_t, uint64_t, uint64_t))call)(0, registers[8], registers[0], registers[1]);
#endif
            block = (struct block){words + i + 1, 0};
        }
    }
}

int main(int argc, char **argv)
{
    static uint32_t words[1024];
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("qemu-aarch64 version %d.0.0\n", CURRENT + 5);
        return 0;
    }
    if (argc != 4 || strncmp(argv[2], "file=", 5) != 0) {
        return 2;
    }
    char *argument = strstr(argv[2], ",out=");
    *argument = 0;
    if (load(argv[2] + 5, argument + 1)) {
        return 1;
    }
    FILE *program = fopen(argv[3], "rb");
    fseek(program, 64 + 56, SEEK_SET);
    run(words, fread(words, 4, 1024, program));
    return 0;
}
