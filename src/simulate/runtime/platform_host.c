/* Files on the host, by stdio. */
#include "gw_runtime.h"

#include <stdio.h>

static FILE* files[8];
static int file_count;

int gw_open(const char* path, int write) {
    if (file_count == 8) return -1;
    files[file_count] = fopen(path, write ? "wb" : "rb");
    return files[file_count] == NULL ? -1 : file_count++;
}

int gw_read(int file, void* bytes, size_t count) { return fread(bytes, 1, count, files[file]) == count ? 0 : -1; }
int gw_write(int file, const void* bytes, size_t count) { return fwrite(bytes, 1, count, files[file]) == count ? 0 : -1; }
int gw_close(int file) { return fclose(files[file]); }
int gw_stack_overflowed(void) { return 0; } /* the operating system sees to it */
