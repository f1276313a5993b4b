# Bundles are made of whole networks.
list(APPEND uses gw_passes gw_report)
