"""The catalogue of risky grants, tried on what there is in a cluster or in files."""
