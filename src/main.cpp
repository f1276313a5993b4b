// The glowworm command. Everything it does is in cli/.
#include "cli/cli.h"

int main(int argc, char** argv) { return gw::run_cli(argc, argv); }
