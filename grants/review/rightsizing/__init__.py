"""From what an account was seen to do, the least rights that let it go on doing so."""
