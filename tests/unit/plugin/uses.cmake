# The plugin is C that the tool compiles at run time, so there is no target to link; this only says that the test needs none of the rooms.
list(APPEND uses gw_base)
