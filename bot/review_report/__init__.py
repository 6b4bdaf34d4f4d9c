"""A scan as a whole: SARIF for forges and editors, and one HTML file for people."""
