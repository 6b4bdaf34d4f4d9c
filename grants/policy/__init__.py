"""What may be asked for, by whom, and who decides: load, judge, explain."""
