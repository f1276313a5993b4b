# GLOWWORM_STATIC: everything but the C library goes into the executable, so that it runs on any Linux of this architecture whose C library is not
# older. (The C library itself stays shared: the tool loads the code that it compiles for the host, and a static glibc cannot load anything.)
# Debian has static archives of protobuf, yaml-cpp, zlib and the compiler's libraries, not of libonnx: its schema is compiled here.
set(Protobuf_USE_STATIC_LIBS ON)
set(ZLIB_USE_STATIC_LIBS ON)

find_library(GLOWWORM_STATIC_YAML libyaml-cpp.a REQUIRED)
add_library(yaml-cpp-static STATIC IMPORTED)
set_target_properties(yaml-cpp-static PROPERTIES IMPORTED_LOCATION ${GLOWWORM_STATIC_YAML})
find_library(GLOWWORM_STATIC_ZLIB libz.a REQUIRED)
set(ZLIB_LIBRARY ${GLOWWORM_STATIC_ZLIB} CACHE FILEPATH "" FORCE)
find_library(GLOWWORM_STATIC_SQLITE libsqlite3.a REQUIRED)
set(SQLite3_LIBRARY ${GLOWWORM_STATIC_SQLITE} CACHE FILEPATH "" FORCE)
find_package(Protobuf REQUIRED)
find_file(GLOWWORM_ONNX_PROTO_FILE onnx/onnx.proto REQUIRED)
# With reflection, as in Debian's libonnx: its own file asks for protobuf's smaller runtime, which has none.
set(schema ${CMAKE_CURRENT_BINARY_DIR}/onnx_schema)
file(READ ${GLOWWORM_ONNX_PROTO_FILE} schema_text)
string(REPLACE "option optimize_for = LITE_RUNTIME;" "" schema_text "${schema_text}")
file(CONFIGURE OUTPUT ${schema}/onnx/onnx-ml.proto CONTENT "${schema_text}" @ONLY)
add_custom_command(OUTPUT ${schema}/onnx/onnx-ml.pb.cc ${schema}/onnx/onnx-ml.pb.h
  COMMAND protobuf::protoc --cpp_out=${schema} -I ${schema} ${schema}/onnx/onnx-ml.proto
  DEPENDS ${schema}/onnx/onnx-ml.proto VERBATIM)
add_library(onnx_schema STATIC ${schema}/onnx/onnx-ml.pb.cc)
target_include_directories(onnx_schema SYSTEM BEFORE PUBLIC ${schema})
target_compile_options(onnx_schema PRIVATE -w)
target_link_libraries(onnx_schema PUBLIC protobuf::libprotobuf)
add_link_options(-static-libstdc++ -static-libgcc)
