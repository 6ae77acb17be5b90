"""A made-up company whose truth is known, so that every figure of the product can be audited.

Arrays in, arrays out: nothing here reads a clock, a file or a database. One seed and one size
always give the same rows. `blocks.py` is the door: it yields the company in blocks of whole
accounts, so that a million opportunities need no more memory than twenty thousand.
"""
