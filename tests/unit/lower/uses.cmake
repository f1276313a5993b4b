# Programs are judged by what their C computes; the kit's models are read.
list(APPEND uses gw_passes gw_report gw_tflite)
