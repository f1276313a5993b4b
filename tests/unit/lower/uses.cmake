# Programs are judged by what their C computes.
list(APPEND uses gw_passes gw_report)
