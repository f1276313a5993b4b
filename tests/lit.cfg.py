# lit's configuration for tests/ir, tests/program, tests/emit and tests/diag. ctest passes the parameters (tests/CMakeLists.txt); by hand:
#   build/release: ctest -R lit --output-on-failure
# A test is one file with RUN lines. Substitutions: %glowworm the built tool, %FileCheck, %not, %kit, %models, %src; and lit's own %s %S %t.
# A test that needs the kit says `REQUIRES: kit`, one that cross-compiles `REQUIRES: arm-gcc`, one that emulates `REQUIRES: qemu`.
import os
import shutil

import lit.formats

source = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
param = lit_config.params

config.name = "glowworm"
config.test_format = lit.formats.ShTest(True)
config.suffixes = [".gw", ".gwp", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.join(source, "tests")
config.test_exec_root = param["exec_root"]

kit = os.environ.get("GLOWWORM_KIT") or param.get("kit", "")
if os.path.isdir(kit):
    config.available_features.add("kit")
else:
    lit_config.warning("SKIPPED, not tested: text tests that need the kit (%s is not there; set GLOWWORM_KIT)" % kit)
for feature, program in (("arm-gcc", "arm-none-eabi-gcc"), ("qemu", "qemu-system-arm"), ("clang", "clang-19")):
    if shutil.which(program):
        config.available_features.add(feature)

# Longest names first: %glowworm must not be taken for a shorter one.
config.substitutions = [
    ("%glowworm", param["glowworm"]),
    ("%FileCheck", param["filecheck"]),
    ("%models", os.path.join(source, "models")),
    ("%kit", kit),
    ("%not", param["not"]),
    ("%src", source),
]
config.environment["PATH"] = os.environ["PATH"]
config.environment["HOME"] = os.environ.get("HOME", "/")
