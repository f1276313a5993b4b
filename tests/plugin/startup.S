/* The least a Cortex-M needs to run a test image in QEMU: vectors, a stack, the FPU switched on where there is one, a
 * call of test_main, and the end of the run by semihosting. ARMv6-M instructions only, so that the guard finds nothing. */
    .syntax unified
    .thumb

    .section .vectors, "a"
    .word   stack_top
    .word   reset
    .rept   14
    .word   fault
    .endr

    .section .text.startup, "ax"
#ifdef PAD
    .space  PAD                     /* moves all code */
#endif
    .thumb_func
    .global reset
    .type   reset, %function
reset:
#ifdef __ARM_FP
    ldr     r0, =0xE000ED88         /* CPACR: full access to coprocessors 10 and 11 */
    ldr     r1, =0x00F00000
    str     r1, [r0]
    dsb
    isb
#endif
    bl      test_main
    .thumb_func
    .global finish
finish:
    movs    r2, #0
    b       leave
    .size   reset, . - reset

    .thumb_func
    .global fault
    .type   fault, %function
fault:
    movs    r2, #1
leave:                              /* SYS_EXIT_EXTENDED with ADP_Stopped_ApplicationExit and the status */
    ldr     r1, =exit_block
    ldr     r0, =0x20026
    str     r0, [r1]
    str     r2, [r1, #4]
    movs    r0, #0x20
    bkpt    0xAB
    b       leave
    .size   fault, . - fault
    .ltorg

    .bss
    .balign 8
exit_block:
    .space  8
    .global buffer
    .balign 16
buffer:
    .space  128
