# find_package(scramtoken) defines the imported target scramtoken::scramtoken. Everything is found
# relative to this file, so an installed tree may be moved.
if(NOT TARGET scramtoken::scramtoken)
  get_filename_component(_scramtoken_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
  add_library(scramtoken::scramtoken SHARED IMPORTED)
  set_target_properties(scramtoken::scramtoken PROPERTIES
    IMPORTED_LOCATION "${_scramtoken_prefix}/lib/libscramtoken.so"
    IMPORTED_SONAME "libscramtoken.so.0"
    INTERFACE_INCLUDE_DIRECTORIES "${_scramtoken_prefix}/include")
  unset(_scramtoken_prefix)
endif()
