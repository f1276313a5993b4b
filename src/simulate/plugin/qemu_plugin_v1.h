/* The part of QEMU's TCG plugin interface that the pricing plugin uses.
 *
 * QEMU's own header is not packaged by the distributions, so the few functions needed are declared here: names, argument
 * and return types are the interface itself. The interface is versioned, and a plugin states the version it was built for
 * in the exported variable `qemu_plugin_version`; QEMU refuses to load what lies outside the range it serves.
 *
 * GW_QEMU_PLUGIN_VERSION chooses that version when the plugin is built:
 *   1  QEMU 4.2 to 8.2 (Debian 12 has 7.2); the only one exercised by the tests
 *   2  QEMU 9.0; the functions declared here are those of version 1 (what version 2 removed is not used)
 *   3  QEMU 9.1, and
 *   4  QEMU 9.2 and 10.0: the instruction's bytes are copied into a buffer instead of pointed to
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef GW_QEMU_PLUGIN_VERSION
#define GW_QEMU_PLUGIN_VERSION 1
#endif
#if GW_QEMU_PLUGIN_VERSION < 1 || GW_QEMU_PLUGIN_VERSION > 4
#error "GW_QEMU_PLUGIN_VERSION: only QEMU plugin interface versions 1 to 4 are known"
#endif

#define GW_PLUGIN_EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
typedef struct qemu_info_t qemu_info_t; /* never looked into */
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_CB_R_REGS, QEMU_PLUGIN_CB_RW_REGS };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_R = 1, QEMU_PLUGIN_MEM_W, QEMU_PLUGIN_MEM_RW };

typedef void (*qemu_plugin_udata_cb_t)(qemu_plugin_id_t id, void* userdata);
typedef void (*qemu_plugin_vcpu_udata_cb_t)(unsigned int vcpu_index, void* userdata);
typedef void (*qemu_plugin_vcpu_tb_trans_cb_t)(qemu_plugin_id_t id, struct qemu_plugin_tb* tb);
typedef void (*qemu_plugin_vcpu_mem_cb_t)(unsigned int vcpu_index, qemu_plugin_meminfo_t info, uint64_t vaddr, void* userdata);

/* What the plugin exports. */
extern GW_PLUGIN_EXPORT int qemu_plugin_version;
GW_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int argc, char** argv);

/* What QEMU offers. */
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_plugin_vcpu_tb_trans_cb_t cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb* tb, qemu_plugin_vcpu_udata_cb_t cb, enum qemu_plugin_cb_flags flags,
                                          void* userdata);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn* insn, qemu_plugin_vcpu_mem_cb_t cb, enum qemu_plugin_cb_flags flags,
                                      enum qemu_plugin_mem_rw rw, void* userdata);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, qemu_plugin_udata_cb_t cb, void* userdata);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb* tb);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb* tb, size_t idx);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn* insn);
unsigned int qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t info);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t info);
#if GW_QEMU_PLUGIN_VERSION >= 3
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn* insn, void* dest, size_t len);
#else
const void* qemu_plugin_insn_data(const struct qemu_plugin_insn* insn);
#endif
