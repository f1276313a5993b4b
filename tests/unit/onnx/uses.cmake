list(APPEND uses gw_interp gw_samples gw_passes gw_report)
