list(APPEND uses gw_interp gw_samples)
