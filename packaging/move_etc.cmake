# Run by cpack on the staged files of all components, before it packs them.
file(GLOB_RECURSE staged LIST_DIRECTORIES true "${CPACK_TEMPORARY_DIRECTORY}/*")
foreach(directory IN LISTS staged)
  if(directory MATCHES "/usr/etc$")
    string(REGEX REPLACE "/usr/etc$" "/etc" target "${directory}")
    file(RENAME "${directory}" "${target}")
  endif()
endforeach()
