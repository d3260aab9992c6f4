# Slicer packs these two with every extension.

foreach(name README.md LICENSE)
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/${name})
    message(FATAL_ERROR "packaging needs ${name}")
  endif()
endforeach()
