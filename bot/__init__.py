"""The surfaces of Valetkey: parse, call one verb of the core, render."""
