list(APPEND uses gw_passes gw_lower)
