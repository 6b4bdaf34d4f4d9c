"""The loops that make the cluster follow the record; a clock wakes them, rows are the truth."""
