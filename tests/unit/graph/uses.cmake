# The graphs come out of the whole pipeline.
list(APPEND uses gw_passes)
