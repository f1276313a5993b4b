/* The smallest image: what is linked with a bundle, and without one, to learn what the bundle adds. */
extern unsigned gw_stack_top[];

static void __attribute__((used)) reset(void) {
    for (;;) continue;
}

__attribute__((section(".vectors"), used)) const void* const gw_vectors[2] = {gw_stack_top, (const void*)reset};
