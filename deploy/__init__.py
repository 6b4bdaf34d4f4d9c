"""Templates for installing Valetkey, carried by the wheel as package data."""
