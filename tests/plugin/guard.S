/* Programs for the ARMv6-M guard; FAULT chooses: 0 clean, 1 an unaligned load, 2 a 32-bit opcode, 3 a 16-bit one. */
    .syntax unified
    .thumb
    .text
    .balign 4
    .thumb_func
    .global test_main
    .type   test_main, %function
test_main:
    push    {r4, lr}
    bl      root
    pop     {r4, pc}
    .size   test_main, . - test_main

    .thumb_func
    .global root
    .type   root, %function
root:
    push    {r4, lr}
    mrs     r0, PRIMASK
    msr     PRIMASK, r0
    dmb
    ldr     r1, =buffer
    ldr     r0, [r1, #4]
    movs    r2, #6
    ldrh    r0, [r1, r2]
    bl      culprit
    pop     {r4, pc}
    .size   root, . - root

    .thumb_func
    .global culprit
    .type   culprit, %function
culprit:
    adds    r1, r1, #2
#if FAULT == 1
    ldr     r0, [r1]
#elif FAULT == 2
    movw    r0, #1234
#elif FAULT == 3
    cbz     r2, 1f
    nop
#endif
1:  bx      lr
    .size   culprit, . - culprit
    .ltorg
