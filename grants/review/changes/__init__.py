"""What a change of manifests gives and takes: effectively, not by the text of it."""
