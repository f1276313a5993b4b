/* Calls, returns and tail calls: test_main calls root three times with 1, 2 and 3. What each function costs is said in
 * plugin_test.cpp, line by line. */
    .syntax unified
    .thumb
    .text

    .macro  function name
    .balign 4
    .thumb_func
    .global \name
    .type   \name, %function
\name:
    .endm

    function test_main
    push    {r4, lr}
    bl      leaf                    /* outside the region of interest */
    movs    r0, #1
    bl      root
    movs    r0, #2
    bl      root
    movs    r0, #3
    bl      root
    pop     {r4, pc}
    .size   test_main, . - test_main

    function root
    push    {r4, lr}
    mov     r4, r0
#ifdef ENDLESS
    b       leave_here
#endif
    bl      step_loop               /* leaf, r4 times */
    bl      step_switch             /* comes back by way of a helper that moves its return address */
    bl      step_tail               /* ends in a jump to leaf */
    movs    r0, #3
    bl      step_self               /* a loop that begins where its function begins */
    bl      step_jump               /* ends in a jump to step_jumped */
    bl      step_split              /* split by the compiler, as it were */
    mov     r0, r4
    pop     {r4}
    pop     {r1}
    mov     lr, r1
    b       step_last               /* tail call: comes back to test_main */
    .size   root, . - root

#ifdef ENDLESS
    function leave_here             /* ends the run inside the region of interest */
    b       finish
    .size   leave_here, . - leave_here
#endif

    function step_loop
    push    {r4, lr}
1:  bl      leaf
    subs    r4, r4, #1
    bne     1b
    pop     {r4, pc}
    .size   step_loop, . - step_loop

    function step_switch
    push    {r4, lr}
    bl      skip                    /* comes back four bytes later */
    nop
    nop
    nop
    pop     {r4, pc}
    .size   step_switch, . - step_switch

    function skip
    mov     r0, lr
    adds    r0, r0, #4
    bx      r0
    .size   skip, . - skip

    function step_tail
    nop
    b       leaf
    .size   step_tail, . - step_tail

    function step_self
1:  subs    r0, r0, #1
    bne     1b
    bx      lr
    .size   step_self, . - step_self

    function step_jump
    nop
    b       step_jumped
    .size   step_jump, . - step_jump

    function step_jumped
    nop
    nop
    bx      lr
    .size   step_jumped, . - step_jumped

    function step_split.part.0
    nop
    bx      lr
    .size   step_split.part.0, . - step_split.part.0

    function step_split
    push    {r4, lr}
    bl      step_split.part.0
    pop     {r4, pc}
    .size   step_split, . - step_split

    function step_last
    muls    r0, r0, r0
    bx      lr
    .size   step_last, . - step_last

    function step_unused
    bx      lr
    .size   step_unused, . - step_unused

    function leaf
    nop
    bx      lr
    .size   leaf, . - leaf
